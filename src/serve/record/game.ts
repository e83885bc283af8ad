import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { getMimeType } from 'hono/utils/mime';
import { FrameloomError } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { createGuard, createToken } from '../guard.js';
import { LIMITS } from '../limits.js';
import { TAP_FILE } from '../page-api.js';

/** A game that is put into the recorder's page. */
export interface ServedGame {
  /** What the page's frame opens. */
  readonly url: string;
  /** `folder`: of this machine, and served here; `page`: somebody else serves it, and it loads the tap itself. */
  readonly kind: 'folder' | 'page';
  close(): Promise<void>;
}

export interface GameOptions {
  /** A folder with an index.html, an HTML file, or the address of a page. */
  readonly game: string;
  /** The recorder's origin, which the tap is loaded from and talks to; known once it listens. */
  readonly home: () => string;
  readonly log: Logger;
}

/** What nobody means to serve with a game. */
const isHidden = (path: string): boolean =>
  path.split('/').some((part) => part.startsWith('.') || part === 'node_modules');

/** A page with the tap in front of all its own scripts: it must hear keys and draw calls before they do. */
export function withTap(html: string, tap: string): string {
  const script = `<script src="${tap}"></script>`;
  const head = /<head(\s[^>]*)?>/i.exec(html) ?? /<html(\s[^>]*)?>/i.exec(html);
  const type = head ?? /^\s*<!doctype[^>]*>/i.exec(html);
  const at = type ? type.index + type[0].length : 0;
  return `${html.slice(0, at)}${script}${html.slice(at)}`;
}

/** @throws FrameloomError not-found where there is no such game; bad-option for an address that is no page's */
export async function serveGame(options: GameOptions): Promise<ServedGame> {
  const { game } = options;
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(game)) return framedPage(game);
  const there = await stat(game).catch((error: unknown) => {
    throw new FrameloomError('not-found', `${game} does not exist`, {
      path: game,
      hint: 'name the folder of a game, its HTML file, or the address that it is served at',
      cause: error,
    });
  });
  const isFile = there.isFile();
  if (isFile && !/\.html?$/i.test(game)) {
    throw new FrameloomError('bad-option', `${game} is no page`, {
      path: game,
      hint: 'name its HTML file, or the folder that index.html lies in',
    });
  }
  const [folder, page] = isFile ? [dirname(game), basename(game)] : [game, 'index.html'];
  const facts = await stat(join(folder, page)).catch(() => undefined);
  if (!facts?.isFile()) {
    throw new FrameloomError('not-found', `${folder} has no index.html`, {
      path: folder,
      hint: 'name the HTML file of the game',
    });
  }
  return servedFolder(await realpath(folder), page, options);
}

function framedPage(address: string): ServedGame {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new FrameloomError('bad-option', `${address} is no address of a page`, {
      hint: 'such as http://localhost:5173/',
    });
  }
  return { url: url.href, kind: 'page', close: () => Promise.resolve() };
}

/** The file of a path of an address; null for one that there is not, or that lies elsewhere. */
async function fileAt(root: string, path: string): Promise<string | null> {
  if (isHidden(path.replace(/^\/+/, '')) || path.includes('\0')) return null;
  const wanted = join(root, path.endsWith('/') ? `${path}index.html` : path);
  const real = await realpath(wanted).catch(() => null);
  if (real === null) return null;
  const inside = relative(root, real);
  if (inside.startsWith('..') || isHidden(inside.split(sep).join('/'))) return null;
  return (await stat(real)).isFile() ? real : null;
}

/** A server of its own: what a game's page may do is its own affair, and another origin than the recorder's. */
async function servedFolder(
  root: string,
  page: string,
  { home, log }: GameOptions,
): Promise<ServedGame> {
  const guard = createGuard({ host: '127.0.0.1', token: createToken() });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = guard.atDoor({ host: request.headers.host });
    if (refusal) return void response.writeHead(refusal.status).end(refusal.message);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405).end('only read');
    }
    let path: string;
    try {
      path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    } catch {
      return void response.writeHead(400).end('this is no address');
    }
    const file = await fileAt(root, path);
    if (file === null) {
      log.debug(`the game asked for ${path}, which there is not`);
      return void response.writeHead(404).end('there is no such file');
    }
    const isPage = /\.html?$/i.test(file);
    const type = getMimeType(file) ?? 'application/octet-stream';
    response.setHeader('Content-Type', isPage ? 'text/html; charset=utf-8' : type);
    // A game is worked at while it is recorded.
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    response.setHeader('Content-Security-Policy', `frame-ancestors ${home()}`);
    if (isPage) {
      const html = withTap(await readFile(file, 'utf8'), `${home()}/${TAP_FILE}`);
      return void response.end(request.method === 'HEAD' ? undefined : html);
    }
    if (request.method === 'HEAD') return void response.end();
    return pipeline(createReadStream(file), response);
  }

  const server = createServer({ headersTimeout: LIMITS.headersMs }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      // A page that goes leaves its answers behind.
      log.debug(`the game’s server: ${String(error)}`);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end('it cannot be read');
    });
  });
  server.maxConnections = LIMITS.connections;
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const name = extname(page) === '' || page === 'index.html' ? '' : encodeURIComponent(page);
  return {
    url: `http://127.0.0.1:${port}/${name}`,
    kind: 'folder',
    async close() {
      const gone = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await gone;
    },
  };
}
