import { join } from 'node:path';
import { Hono } from 'hono';
import type { GeneratorFile } from '../pipeline/generator-file.js';
import type { LiveOptions } from './live-options.js';
import type { LiveParts } from './live-parts.js';
import { API } from './page-api.js';
import { PAGE_FOLDER } from './page-folder.js';
import { errorAnswer, nothingThere, startServer, type RunningServer } from './server.js';
import { assertSize } from './size.js';
import type { LiveSocket, SocketEars, SocketHandler } from './sockets.js';
import type { ToldProgress } from './training-watch.js';

export interface RunningLive extends Pick<RunningServer, 'host' | 'port' | 'token' | 'url'> {
  /** Where drawings and recordings lie. */
  readonly folder: string;
  /** Settles once sessions can begin. @throws FrameloomError why none can */
  readonly ready: Promise<{
    readonly width: number;
    readonly height: number;
    readonly device: string;
  }>;
  /** Whether the run was being trained when this began. */
  readonly training: Promise<boolean>;
  /** What the process that trains says of itself. */
  tell(told: ToldProgress): Promise<void>;
  /** Sessions that are played now. */
  sessions(): Promise<number>;
  /** All sessions go on with these weights. */
  use(file: GeneratorFile): Promise<void>;
  /** Ends sessions and recordings in order, then the server. */
  close(): Promise<void>;
}

/** Where drawings and recordings lie unless that is said. */
export const liveFolder = (place: string): string =>
  /\.onnx$/i.test(place) ? `${place.replace(/\.onnx$/i, '')}-live` : join(place, 'live');

/** What of the parts attends to the clients of a WebSocket. */
type Attending = (parts: LiveParts) => (socket: LiveSocket) => SocketEars | Promise<SocketEars>;

/**
 * Serves a trained generator to be played with in a page. The server listens before anything else is loaded; sessions
 * begin when the model is (`ready`).
 * @throws FrameloomError not-found where the page is not built; bad-option of the address and the size
 */
export async function startLive(options: LiveOptions): Promise<RunningLive> {
  const { place, host, port, log, pageFolder = PAGE_FOLDER } = options;
  const folder = options.folder ?? liveFolder(place);
  if (options.size) assertSize(options.size);
  // Whoever asks before waits; what cannot be opened is told by `ready`.
  let give!: (parts: LiveParts | PromiseLike<LiveParts>) => void;
  const parts = new Promise<LiveParts>((resolve) => (give = resolve));
  const later =
    (attending: Attending): SocketHandler =>
    async (socket) =>
      attending(await parts)(socket);
  parts.catch(() => undefined);
  const server = await startServer({
    ...{ host, port, pageFolder, log },
    sockets: new Map([
      [API.session, later(({ sessions }) => sessions.attend)],
      [API.filter, later(({ filterPictures }) => filterPictures)],
      [API.record, later(({ recordPage }) => recordPage)],
      [API.training, later(({ watchTraining }) => watchTraining)],
    ]),
    routes(api) {
      const routed = parts.then(({ addRoutes }) => {
        const own = new Hono();
        addRoutes(own);
        const all = new Hono();
        all.route('/api', own);
        all.notFound((context) => nothingThere(context));
        all.onError((error, context) => errorAnswer(context, error, log));
        return all;
      });
      routed.catch(() => undefined);
      api.all('*', async (context) => (await routed).fetch(context.req.raw, context.env as object));
    },
  });
  give(import('./live-parts.js').then(({ openParts }) => openParts({ ...options, folder })));
  const ready = parts.then(({ ready: opened }) => opened);
  // Told to whoever waits for it.
  ready.catch(() => undefined);
  return {
    ...{ host: server.host, port: server.port, token: server.token, url: server.url },
    ...{ folder, ready },
    training: parts.then(
      ({ isTraining }) => isTraining,
      () => false,
    ),
    async tell(told) {
      (await parts).tell(told);
    },
    async sessions() {
      return (await parts).sessions.count;
    },
    async use(file) {
      await (await parts).sessions.use(file);
    },
    async close() {
      const opened = await parts.catch(() => null);
      // What is recorded is kept before anything else ends.
      await opened?.sessions.close();
      await server.close();
      await opened?.close();
    },
  };
}
