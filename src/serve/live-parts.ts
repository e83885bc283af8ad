import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Hono } from 'hono';
import { throwIfCancelled } from '../base/cancel.js';
import { FrameloomError, messageOf } from '../base/error.js';
import { rationalToNumber } from '../base/rational.js';
import { generatorFile, type GeneratorFile } from '../pipeline/generator-file.js';
import { parsePipeline } from '../pipeline/load.js';
import { encodeServer } from '../play/live/protocol.js';
import { openRun } from '../training/run/run-folder.js';
import { recordedModel, recordingsOf, type LiveContext, type LivePlace } from './live-context.js';
import { LiveSessions } from './live-sessions.js';
import type { LiveOptions } from './live-options.js';
import { ModelShelf } from './model-shelf.js';
import { filterPictures, recordPage } from './page-services.js';
import { whyNoFilter } from './picture-filter.js';
import { UNFINISHED } from './recording-files.js';
import { addRoutes } from './routes.js';
import type { LiveSocket, SocketEars } from './sockets.js';
import { TrainingWatch, type ToldProgress } from './training-watch.js';

/** Frames a second where nothing says how fast a world goes. */
const USUAL_FPS = 25;

const isFile = (place: string): boolean => /\.onnx$/i.test(place);

type PartsOptions = LiveOptions & { readonly folder: string };

/** All that is served beyond the page, which takes longer to load than the page takes to open. */
export interface LiveParts {
  readonly sessions: LiveSessions;
  readonly filterPictures: (socket: LiveSocket) => Promise<SocketEars>;
  readonly recordPage: (socket: LiveSocket) => Promise<SocketEars>;
  readonly watchTraining: (socket: LiveSocket) => SocketEars;
  readonly addRoutes: (api: Hono) => void;
  readonly ready: Promise<{
    readonly width: number;
    readonly height: number;
    readonly device: string;
  }>;
  /** What the process that trains says of itself. */
  readonly tell: (told: ToldProgress) => void;
  /** Whether it is being trained while it is opened. */
  readonly isTraining: boolean;
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
    // The model is loaded while the clips are looked at, and what does that is read.
    const { openTrainingClips } = await import('./clips.js');
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

/** Makes recordings of what processes left that were killed while they recorded. */
async function finishLeft(place: LivePlace): Promise<void> {
  const folder = recordingsOf(place);
  const names = await readdir(folder).catch(() => []);
  if (!names.some((name) => name.endsWith(UNFINISHED))) return;
  const { finishRecordings } = await import('./recording.js');
  await finishRecordings(folder, place.log);
}

/** Begins to load what is served. */
export async function openParts(options: PartsOptions): Promise<LiveParts> {
  const { place: named, folder, log, snapshot = 'latest', curvesOf } = options;
  const place: LivePlace = { place: named, folder, log };
  const run = isFile(named) ? null : await openRun(named);
  const pipeline = run && parsePipeline(run.pipelineYaml, run.pipeline).pipeline;
  /** Whether there are newer weights than those that are played. */
  let stale = false;
  let freshening = Promise.resolve();
  const watch =
    pipeline && curvesOf
      ? new TrainingWatch({
          ...{ folder: named, pipeline: pipeline.name, curvesOf, log },
          onSnapshot() {
            stale = snapshot === 'latest';
            // With nobody playing it is enough to do so when somebody comes.
            if (sessions.count > 0) void freshen();
          },
        })
      : null;
  await watch?.begin();
  const context = (watch?.firstSnapshot() ?? Promise.resolve()).then(() => openContext(options));
  const isThere = { yet: false };
  context.then(
    () => (isThere.yet = true),
    () => undefined,
  );
  const freshen = (): Promise<void> => {
    freshening = freshening
      .then(async () => {
        if (!stale || !isThere.yet) return;
        stale = false;
        await sessions.use(await generatorFile(named, { log }));
      })
      .catch((error: unknown) => {
        // Tried again by whoever comes next, and with the next snapshot.
        stale = true;
        log.warn(`the newest snapshot is not played: ${messageOf(error)}`);
      });
    return freshening;
  };
  /** A training has no weights to play with yet. */
  const hasNothing = (): boolean =>
    !isThere.yet && watch?.isTraining === true && watch.snapshotStep === null;
  const sessions = new LiveSessions(place, context, async (socket) => {
    if (watch && hasNothing()) {
      const message =
        'the training has no snapshot to play with yet: the world begins as soon as the first is saved';
      socket.send(encodeServer({ type: 'warning', message }));
      await watch.firstSnapshot(socket.gone);
      throwIfCancelled(socket.gone, 'waiting for the first snapshot');
    }
    await freshen();
  });
  const ready = context.then(async ({ shelf }) => {
    const { width, height, engine } = await shelf.usual;
    return { width, height, device: engine.device };
  });
  // Told by `ready`, and to whoever asks for it.
  ready.catch(() => undefined);
  // After the world has begun: what a killed process left is worth no wait.
  const finished = ready
    .catch(() => undefined)
    .then(() => finishLeft(place))
    .catch((error: unknown) => log.warn(`recordings are left unfinished: ${messageOf(error)}`));
  const unplayed = pipeline && {
    ...{ ...pipeline.data.size, seed: pipeline.seed },
    fps: options.fps ?? (pipeline.data.fps ? rationalToNumber(pipeline.data.fps) : USUAL_FPS),
  };
  return {
    sessions,
    filterPictures: filterPictures(context),
    recordPage: recordPage(place, context),
    watchTraining(socket) {
      if (!watch) {
        throw new FrameloomError('bad-call', `${named} is no run that could be trained`);
      }
      const stop = watch.listen((message) => socket.send(JSON.stringify(message)));
      const silent = (): never => {
        throw new FrameloomError('bad-input', 'a training is only looked at');
      };
      return { onText: silent, onBytes: silent, onClose: stop };
    },
    addRoutes: (api) =>
      addRoutes(api, {
        ...{ place, context, samples: run?.samples },
        isTraining: () => watch?.isTraining ?? false,
        unplayed: () => (hasNothing() ? unplayed : null),
      }),
    ready,
    tell: (told) => watch?.tell(told),
    isTraining: watch?.isTraining ?? false,
    async close() {
      await watch?.close();
      await freshening;
      await finished;
      await context.then(
        ({ shelf }) => shelf.close(),
        () => undefined,
      );
    },
  };
}
