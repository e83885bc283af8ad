import { dirname } from 'node:path';
import type { Hono } from 'hono';
import { rationalToNumber } from '../base/rational.js';
import { generatorFile, type GeneratorFile } from '../pipeline/generator-file.js';
import { openTrainingClips } from './clips.js';
import { recordedModel, type LiveContext, type LivePlace } from './live-context.js';
import { LiveSessions } from './live-sessions.js';
import type { LiveOptions } from './live.js';
import { ModelShelf } from './model-shelf.js';
import { filterPictures, recordPage } from './page-services.js';
import { whyNoFilter } from './picture-filter.js';
import { addRoutes } from './routes.js';
import type { LiveSocket, SocketEars } from './sockets.js';

/** Frames a second where nothing says how fast a world goes. */
const USUAL_FPS = 25;

type PartsOptions = LiveOptions & { readonly folder: string };

/** All that is served beyond the page, which takes longer to load than the page takes to open. */
export interface LiveParts {
  readonly sessions: LiveSessions;
  readonly filterPictures: (socket: LiveSocket) => Promise<SocketEars>;
  readonly recordPage: (socket: LiveSocket) => Promise<SocketEars>;
  readonly addRoutes: (api: Hono) => void;
  readonly ready: Promise<{
    readonly width: number;
    readonly height: number;
    readonly device: string;
  }>;
  /** Lets the model go. */
  close(): Promise<void>;
}

/** What of a run's pipeline the pipeline of a recording goes on with. */
function sectionsOf({ run }: GeneratorFile): Readonly<Record<string, unknown>> {
  if (!run) return {};
  const { generator, frameDiscriminator, sequenceDiscriminator, losses } = run.pipeline;
  return { generator, frameDiscriminator, sequenceDiscriminator, losses };
}

/** Opens everything that sessions are made of. */
async function openContext(options: PartsOptions): Promise<LiveContext> {
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

/** Begins to load what is served. */
export function openParts(options: PartsOptions): LiveParts {
  const { place: named, folder, log } = options;
  const place: LivePlace = { place: named, folder, log };
  const context = openContext(options);
  const ready = context.then(async ({ shelf }) => {
    const { width, height, engine } = await shelf.usual;
    return { width, height, device: engine.device };
  });
  // Told by `ready`, and to whoever asks for it.
  ready.catch(() => undefined);
  return {
    sessions: new LiveSessions(place, context),
    filterPictures: filterPictures(context),
    recordPage: recordPage(place, context),
    addRoutes: (api) => addRoutes(api, { place, context, isTraining: () => false }),
    ready,
    close: () =>
      context.then(
        ({ shelf }) => shelf.close(),
        () => undefined,
      ),
  };
}
