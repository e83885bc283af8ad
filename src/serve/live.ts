import { dirname, join } from 'node:path';
import type { Logger } from '../base/log.js';
import { packageRoot } from '../base/own-package.js';
import { rationalToNumber } from '../base/rational.js';
import type { Device } from '../export/runtime.js';
import { generatorFile, type GeneratorFile } from '../pipeline/generator-file.js';
import type { Size } from '../play/live/services.js';
import type { OnnxThread } from '../synthesis/engines/thread/host.js';
import type { SnapshotChoice } from '../training/run/snapshot-store.js';
import { openTrainingClips } from './clips.js';
import { recordedModel, type LiveContext, type LivePlace } from './live-context.js';
import { LiveSessions } from './live-sessions.js';
import { ModelShelf } from './model-shelf.js';
import { API } from './page-api.js';
import { filterPictures, recordPage } from './page-services.js';
import { whyNoFilter } from './picture-filter.js';
import { addRoutes } from './routes.js';
import { startServer, type RunningServer } from './server.js';
import type { SocketHandler } from './sockets.js';

/** Where the page is built to. */
export const PAGE_FOLDER = join(packageRoot, 'dist', 'web');
/** Frames a second where nothing says how fast a world goes. */
const USUAL_FPS = 25;

export interface LiveOptions {
  /** A run's folder, or an exported `.onnx` file. */
  readonly place: string;
  /** Which of a run's weights: `latest` unless given. */
  readonly snapshot?: SnapshotChoice | undefined;
  /** The address to listen at; `127.0.0.1` unless given. */
  readonly host?: string | undefined;
  /** A free one unless given. */
  readonly port?: number | undefined;
  /** Frames a second that sessions begin with; the clips' unless given. */
  readonly fps?: number | undefined;
  /** Of the frames, in pixels; the training's unless given. */
  readonly size?: Size | undefined;
  readonly seed?: number | undefined;
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
  /** Run any filtergraph of the pipeline, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean | undefined;
  /** Where drawings and recordings lie; `live` in the run's folder, or beside the file, unless given. */
  readonly folder?: string | undefined;
  readonly cacheFolder?: string | undefined;
  /** Of the built page; the package's own unless given. */
  readonly pageFolder?: string | undefined;
  /** Started early, for ONNX Runtime. */
  readonly thread?: OnnxThread | undefined;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
}

export interface RunningLive extends Pick<RunningServer, 'host' | 'port' | 'token' | 'url'> {
  /** Where drawings and recordings lie. */
  readonly folder: string;
  /** Settles once sessions can begin. @throws FrameloomError why none can */
  readonly ready: Promise<{
    readonly width: number;
    readonly height: number;
    readonly device: string;
  }>;
  /** Sessions that are played now. */
  sessions(): number;
  /** All sessions go on with these weights. */
  use(file: GeneratorFile): Promise<void>;
  /** Ends sessions and recordings in order, then the server. */
  close(): Promise<void>;
}

/** Where drawings and recordings lie unless that is said. */
export const liveFolder = (place: string): string =>
  /\.onnx$/i.test(place) ? `${place.replace(/\.onnx$/i, '')}-live` : join(place, 'live');

/** What of a run's pipeline the pipeline of a recording goes on with. */
function sectionsOf({ run }: GeneratorFile): Readonly<Record<string, unknown>> {
  if (!run) return {};
  const { generator, frameDiscriminator, sequenceDiscriminator, losses } = run.pipeline;
  return { generator, frameDiscriminator, sequenceDiscriminator, losses };
}

/** Opens everything that sessions are made of. */
async function openContext(options: LiveOptions): Promise<LiveContext> {
  const { place, snapshot, device, threads, size, seed, thread } = options;
  const { trustFilters, cacheFolder, log, signal } = options;
  const file = await generatorFile(place, { snapshot, log, signal });
  const shelf = new ModelShelf(file, { device, threads, size, seed, thread, log });
  try {
    const { pipeline, baseFolder } = file.run ?? {};
    const data = pipeline?.data ?? (await shelf.usual).data;
    const filter = {
      data,
      baseFolder: baseFolder ?? dirname(place),
      trustFilters,
    };
    // The model is loaded while the clips are looked at.
    const [clips, filterUnavailable, model] = await Promise.all([
      openTrainingClips({ ...filter, cacheFolder, log, signal }),
      whyNoFilter(filter),
      shelf.usual,
    ]);
    const [first] = clips.list;
    const own = data.fps ? rationalToNumber(data.fps) : first?.fps;
    return {
      ...{ shelf, clips, filter, filterUnavailable },
      recorded: recordedModel(model, sectionsOf(file)),
      fps: options.fps ?? own ?? USUAL_FPS,
    };
  } catch (error) {
    await shelf.close();
    throw error;
  }
}

/**
 * Serves a trained generator to be played with in a page. The server listens at once; sessions begin when the model is
 * loaded (`ready`).
 * @throws FrameloomError not-found where the page is not built; bad-option of the address
 */
export async function startLive(options: LiveOptions): Promise<RunningLive> {
  const { place: named, host, port, log, pageFolder = PAGE_FOLDER } = options;
  const place: LivePlace = { place: named, folder: options.folder ?? liveFolder(named), log };
  const context = openContext(options);
  // Told by `ready`, and to whoever asks for it.
  context.catch(() => undefined);
  const sessions = new LiveSessions(place, context);
  const closeContext = (): Promise<void> =>
    context.then(
      ({ shelf }) => shelf.close(),
      () => undefined,
    );
  const sockets = new Map<string, SocketHandler>([
    [API.session, sessions.attend],
    [API.filter, filterPictures(context)],
    [API.record, recordPage(place, context)],
  ]);
  let server: RunningServer;
  try {
    server = await startServer({
      ...{ host, port, pageFolder, log, sockets },
      routes: (api) => addRoutes(api, { place, context, isTraining: () => false }),
    });
  } catch (error) {
    await closeContext();
    throw error;
  }
  const ready = context.then(async ({ shelf }) => {
    const { width, height, engine } = await shelf.usual;
    return { width, height, device: engine.device };
  });
  // Told to whoever waits for it.
  ready.catch(() => undefined);
  return {
    ...{ host: server.host, port: server.port, token: server.token, url: server.url },
    folder: place.folder,
    ready,
    sessions: () => sessions.count,
    use: (file) => sessions.use(file),
    async close() {
      // What is recorded is kept before anything else ends.
      await sessions.close();
      await server.close();
      await closeContext();
    },
  };
}
