import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer, type WebSocket } from 'ws';
import { isFrameloomError, messageOf } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { encodeServer } from '../play/live/protocol.js';
import type { Guard } from './guard.js';
import { LIMITS, RateMeter } from './limits.js';
import { LIVE_SUBPROTOCOL } from './page-api.js';

/** Ends by RFC 6455: of the rules, and of a server that goes. */
const CLOSE = { normal: 1000, away: 1001, policy: 1008, failed: 1011 } as const;
/** A reason must fit into a control frame. */
const REASON_BYTES = 120;
/** A client that answers no ping within such a time is gone, or reads nothing. */
const PING_MS = 20_000;
/** How often it is looked whether a client has read. */
const DRAIN_MS = 10;
/** How long a client may take to say goodbye. */
const GOODBYE_MS = 300;

/** One client at a WebSocket. */
export interface LiveSocket {
  /** The query of the address. */
  readonly query: URLSearchParams;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  /** Bytes that the client has not taken yet. */
  readonly waitingBytes: number;
  /** Sends what must not be lost. A client that reads nothing of much of that is let go. */
  send(message: string | Uint8Array): void;
  /** Sends what may be left out: not to a client that does not keep up. @returns whether it was sent */
  offer(message: Uint8Array): boolean;
  /** Resolves once little waits for the client; at once where it is gone. */
  drained(): Promise<void>;
  /** Tells an error; the connection stays. */
  tellError(error: unknown): void;
  /** Tells an error, and ends the connection. */
  fail(error: unknown): void;
  close(): void;
}

/** What is done with one client. */
export interface SocketEars {
  onText(text: string): void;
  onBytes(bytes: Uint8Array): void;
  onClose(): void;
}

/** Begins with a client. What it throws is told to the client, whose connection ends by it. */
export type SocketHandler = (socket: LiveSocket) => SocketEars | Promise<SocketEars>;

export interface SocketOptions {
  readonly guard: Guard;
  readonly paths: ReadonlyMap<string, SocketHandler>;
  readonly log: Logger;
}

/** The token among the subprotocols that a page asks for. */
const tokenIn = (protocols: string | undefined): string | undefined =>
  protocols
    ?.split(',')
    .map((one) => one.trim())
    .find((one) => one.startsWith('token.'))
    ?.slice('token.'.length);

function refuse(socket: Duplex, status: number, message: string): void {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`;
  const lines = ['Connection: close', 'Content-Type: text/plain; charset=utf-8'];
  const body = `${message}\n`;
  socket.end([head, ...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}

/** What went wrong, as a session says it. @param fatal whether the connection ends by it */
const errorMessage = (error: unknown, fatal: boolean): string => {
  const own = isFrameloomError(error);
  return encodeServer({
    type: 'error',
    code: own ? error.code : 'bad-call',
    message: own ? error.message : `a defect of Frameloom: ${messageOf(error)}`,
    hint: (own ? error.hint : 'the terminal of frameloom live says more') ?? null,
    fatal,
  });
};

/** The WebSockets of a server. @returns ends them all, in order */
export function acceptSockets(
  server: Server,
  { guard, paths, log }: SocketOptions,
): { readonly open: () => number; close(): void } {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    // Frames are pixels as they are; deflating them takes longer than making them, and memory for each client.
    perMessageDeflate: false,
    maxPayload: LIMITS.messageBytes,
    handleProtocols: (protocols) => (protocols.has(LIVE_SUBPROTOCOL) ? LIVE_SUBPROTOCOL : false),
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    const { host, origin } = request.headers;
    const fetchSite = [
      request.headers['sec-fetch-site'] as string | string[] | undefined,
    ].flat()[0];
    const token = tokenIn(request.headers['sec-websocket-protocol']);
    const refusal = guard.inside({ host, origin, fetchSite, token });
    if (refusal) return refuse(socket, refusal.status, `${refusal.message} (${refusal.hint})`);
    let url: URL;
    try {
      url = new URL(request.url ?? '/', 'http://x');
    } catch {
      return refuse(socket, 400, 'this is no address');
    }
    const handler = paths.get(url.pathname);
    if (!handler) return refuse(socket, 404, 'there is no such WebSocket');
    if (sockets.clients.size >= LIMITS.sockets) {
      return refuse(socket, 503, `${LIMITS.sockets} connections are open, which is the most`);
    }
    sockets.handleUpgrade(
      request,
      socket,
      head,
      (client) => void attend(client, url.searchParams, handler, log),
    );
  };
  server.on('upgrade', onUpgrade);
  return {
    open: () => sockets.clients.size,
    close() {
      server.off('upgrade', onUpgrade);
      for (const client of sockets.clients) {
        client.close(CLOSE.away, 'the server ends');
        // One that reads nothing does not answer.
        setTimeout(() => client.terminate(), GOODBYE_MS).unref();
      }
      sockets.close();
    },
  };
}

/** Attends to one client until it is gone. */
async function attend(
  client: WebSocket,
  query: URLSearchParams,
  handler: SocketHandler,
  log: Logger,
): Promise<void> {
  client.binaryType = 'nodebuffer';
  const rate = new RateMeter(LIMITS.messagesPerSecond, LIMITS.rateSeconds);
  let ears: SocketEars | undefined;
  const gone = new AbortController();
  let answered = true;
  let isLetGo = false;
  /** What came while it was begun with. */
  const early: (() => void)[] = [];

  const end = (code: number, reason: string): void => {
    const short = Buffer.from(reason)
      .subarray(0, REASON_BYTES)
      .toString('utf8')
      .replace(/\uFFFD+$/, '');
    client.close(code, short);
  };
  const tell = (error: unknown, fatal: boolean): void => {
    if (!isFrameloomError(error)) {
      log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    socket.send(errorMessage(error, fatal));
  };
  const socket: LiveSocket = {
    query,
    gone: gone.signal,
    get waitingBytes() {
      return client.bufferedAmount;
    },
    send(message) {
      if (client.readyState !== client.OPEN) return;
      if (client.bufferedAmount > LIMITS.unreadBytes) {
        log.warn('a client that reads nothing of what it is sent was let go');
        return client.terminate();
      }
      client.send(message);
    },
    offer(message) {
      if (client.readyState !== client.OPEN) return false;
      if (client.bufferedAmount + message.length > LIMITS.waitingBytes) return false;
      client.send(message);
      return true;
    },
    async drained() {
      while (client.readyState === client.OPEN && client.bufferedAmount > LIMITS.waitingBytes / 4) {
        await sleep(DRAIN_MS);
      }
    },
    tellError: (error) => tell(error, false),
    fail(error) {
      tell(error, true);
      end(isFrameloomError(error) ? CLOSE.policy : CLOSE.failed, messageOf(error));
    },
    close: () => end(CLOSE.normal, 'done'),
  };

  /** Whatever a client makes us do, the server goes on. */
  const guarded = (work: () => void): void => {
    if (gone.signal.aborted) return;
    try {
      work();
    } catch (error) {
      socket.fail(error);
    }
  };
  const heartbeat = setInterval(() => {
    if (!answered) return client.terminate();
    answered = false;
    client.ping();
  }, PING_MS);
  heartbeat.unref();
  client.on('pong', () => (answered = true));
  client.on('message', (data: Buffer, isBinary) => {
    if (isLetGo) return;
    if (!rate.take()) {
      isLetGo = true;
      log.warn('a client that sent too many messages was let go');
      end(CLOSE.policy, `more than ${LIMITS.messagesPerSecond} messages a second`);
      // What it sends before it hears of it is neither heard nor told, and it is not waited for.
      setTimeout(() => client.terminate(), GOODBYE_MS).unref();
      return;
    }
    const hear = (): void => {
      // Not as a Buffer, whose slice() is no copy.
      if (isBinary) ears?.onBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      else ears?.onText(data.toString('utf8'));
    };
    if (ears) guarded(hear);
    // While a model is opened a page says what it wants; more than that is no beginning.
    else if (early.length < 64) early.push(hear);
    else end(CLOSE.policy, 'messages came before the connection was ready');
  });
  // Said by ws of a message that is too long, and of one that is none.
  client.on('error', (error) => log.debug(`a client's connection: ${error.message}`));
  client.on('close', () => {
    gone.abort();
    clearInterval(heartbeat);
    ears?.onClose();
  });
  try {
    const begun = await handler(socket);
    ears = begun;
    // It went while it was begun with.
    if (gone.signal.aborted) return begun.onClose();
    for (const hear of early.splice(0)) guarded(hear);
  } catch (error) {
    socket.fail(error);
  }
}
