import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { FrameloomError, isFrameloomError, messageOf, type ErrorCode } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { createGuard, createToken, isEverywhere } from './guard.js';
import { LIMITS } from './limits.js';
import type { ApiError } from './page-api.js';
import { TOKEN_KEY } from './page-api.js';
import { acceptSockets, type SocketHandler } from './sockets.js';
import { answerWith, listStaticFiles } from './static-files.js';

export interface ServerOptions {
  /** The address to listen at; `127.0.0.1`, which this machine alone reaches, unless given. */
  readonly host?: string | undefined;
  /** A free one unless given. */
  readonly port?: number | undefined;
  /** Of the built pages. */
  readonly pageFolder: string;
  /** Which of them is the first; `index.html` unless given. */
  readonly index?: string | undefined;
  /** Origins of pages that it may have in frames, and whose scripts may be its own: it is isolated then no more. */
  readonly frames?: readonly string[] | undefined;
  /** What prints the address, for words; `frameloom live` unless given. */
  readonly command?: string | undefined;
  /** WebSockets by their paths. */
  readonly sockets: ReadonlyMap<string, SocketHandler>;
  /** Adds what is below /api; whoever asks there has been checked. */
  readonly routes: (api: Hono) => void;
  readonly log: Logger;
}

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  /** The address to open, the token in it. */
  readonly url: string;
  /** Connections of WebSockets that are open. */
  openSockets(): number;
  /** Ends all connections; resolves when the port is free. */
  close(): Promise<void>;
}

const STATUS: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  'not-found': 404,
  exists: 409,
  'disk-full': 507,
  'write-failed': 500,
  backend: 503,
  cancelled: 503,
  'bad-call': 409,
};

/** What went wrong as the page is told it. */
export function errorAnswer(context: Context, error: unknown, log: Logger): Response {
  if (isFrameloomError(error)) {
    const { code, message, hint } = error;
    const body: ApiError = { error: { code, message, hint } };
    return context.json(body, STATUS[code] ?? 400);
  }
  log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const body: ApiError = { error: { code: 'defect', message: messageOf(error) } };
  return context.json(body, 500);
}

const refused = (context: Context, status: number, error: ApiError['error']): Response =>
  context.json({ error } satisfies ApiError, status as ContentfulStatusCode);

export const nothingThere = (context: Context): Response =>
  refused(context, 404, { code: 'not-found', message: 'the server has nothing there' });

/** The page may do what a page of its own files needs, and nothing with anybody else. */
const headersOf = (frames: readonly string[]) =>
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
      workerSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'blob:', 'data:'],
      mediaSrc: ["'self'", 'blob:'],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      manifestSrc: ["'self'"],
      ...(frames.length > 0 && { frameSrc: [...frames] }),
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // The page is isolated from every other: only so may it have threads that share memory.
    crossOriginOpenerPolicy: 'same-origin',
    crossOriginEmbedderPolicy: frames.length === 0 && 'require-corp',
    crossOriginResourcePolicy: frames.length === 0 ? 'same-origin' : 'cross-origin',
    referrerPolicy: 'no-referrer',
    xFrameOptions: 'DENY',
    // There is no TLS on loopback that a browser could be held to.
    strictTransportSecurity: false,
    permissionsPolicy: {
      camera: ['self'],
      displayCapture: ['self'],
      gamepad: ['self', ...frames],
      microphone: [],
      geolocation: [],
      payment: [],
      usb: [],
    },
  });

function application(options: ServerOptions, guard: ReturnType<typeof createGuard>): Hono {
  const { pageFolder, index, frames = [], routes, log } = options;
  const app = new Hono();
  app.use(headersOf(frames));
  app.use(async (context, next) => {
    const host = context.req.header('host');
    const refusal = guard.atDoor({ host });
    if (refusal) return refused(context, refusal.status, refusal);
    return next();
  });
  const api = new Hono();
  api.use(async (context, next) => {
    const [, token] =
      /^Bearer ([\w-]{1,128})$/.exec(context.req.header('authorization') ?? '') ?? [];
    const refusal = guard.inside({
      host: context.req.header('host'),
      origin: context.req.header('origin'),
      fetchSite: context.req.header('sec-fetch-site'),
      token,
    });
    if (refusal) return refused(context, refusal.status, refusal);
    await next();
    context.header('Cache-Control', 'no-store');
    return undefined;
  });
  // Nothing else has a body that is read.
  api.put(
    '*',
    bodyLimit({
      maxSize: LIMITS.drawingBytes,
      onError: (context) =>
        refused(context, 413, {
          code: 'bad-input',
          message: `more than ${LIMITS.drawingBytes >> 20} MiB were sent`,
          hint: 'a drawing takes less with fewer layers',
        }),
    }),
  );
  routes(api);
  api.all('*', (context) => nothingThere(context));
  app.route('/api', api);
  // Listed anew for a path that was not there: the page may be built while it is served.
  let files = listStaticFiles(pageFolder, index);
  app.get('*', async (context) => {
    let path: string;
    try {
      path = decodeURIComponent(new URL(context.req.url).pathname);
    } catch {
      return context.text('this is no address', 400);
    }
    let file = (await files).get(path);
    if (!file) {
      files = listStaticFiles(pageFolder, index);
      file = (await files).get(path);
    }
    return file ? answerWith(file, context.req.raw) : context.text('there is no such file', 404);
  });
  app.onError((error, context) => errorAnswer(context, error, log));
  return app;
}

/** @throws FrameloomError bad-option where the address is taken or none of this machine's */
async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen({ host: host.replace(/^\[|\]$/g, ''), port });
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why: Readonly<Record<string, string>> = {
      EADDRINUSE: 'another program is listening there',
      EACCES: 'that takes rights that this process does not have',
      EADDRNOTAVAIL: 'that is no address of this machine',
      ENOTFOUND: 'there is no such host',
    };
    throw new FrameloomError(
      'bad-option',
      `cannot listen at ${host}:${port}: ${why[code ?? ''] ?? messageOf(error)}`,
      {
        hint: ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'].includes(code ?? '')
          ? 'leave --host out to listen at 127.0.0.1'
          : 'leave --port out to take a free one',
        cause: error,
      },
    );
  }
  return (server.address() as AddressInfo).port;
}

/**
 * Serves the page, what it asks for and its WebSockets.
 * @throws FrameloomError not-found where the page is not built; bad-option of the address
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', port: wanted = 0, pageFolder, index, sockets: paths, log } = options;
  await listStaticFiles(pageFolder, index);
  const token = createToken();
  const guard = createGuard({ host, token, command: options.command });
  const app = application(options, guard);
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    createServer,
    serverOptions: {
      maxHeaderSize: 16_384,
      headersTimeout: LIMITS.headersMs,
      requestTimeout: LIMITS.requestMs,
      keepAliveTimeout: LIMITS.idleMs,
      // How often it is looked for connections that say nothing.
      connectionsCheckingInterval: 1_000,
    },
  }) as Server;
  server.maxConnections = LIMITS.connections;
  server.on('drop', () => log.debug('a connection was refused: there are too many'));
  const sockets = acceptSockets(server, { guard, paths, log });
  const port = await listen(server, host, wanted);
  // One browses to no place that stands for all of them.
  const named = isEverywhere(host) ? '127.0.0.1' : host;
  const shown = named.includes(':') && !named.startsWith('[') ? `[${named}]` : named;
  return {
    ...{ host, port, token },
    url: `http://${shown}:${port}/#${TOKEN_KEY}=${token}`,
    openSockets: sockets.open,
    async close() {
      sockets.close();
      const gone = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await gone;
    },
  };
}
