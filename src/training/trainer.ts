import { evenSegments } from '../autodiff/index.js';
import { memoryFigures, useBackend } from '../backend/index.js';
import { eagerRunner, graphRunner, type Runner } from '../backend/graph/index.js';
import { withCleanup } from '../base/cleanup.js';
import { silentLogger, type Logger } from '../base/log.js';
import {
  openDataset,
  type DataOptions,
  type Dataset,
  type OpeningProgress,
  type Window,
  type WindowFeed,
} from '../clips/index.js';
import { registerKernels } from '../kernels/index.js';
import type {
  FrameDiscriminatorOptions,
  GeneratorOptions,
  SequenceDiscriminatorOptions,
} from '../networks/index.js';
import { chooseCheckpointing, savedCheckpointing } from './auto-checkpointing.js';
import {
  createModel,
  disposeState,
  initialState,
  stateFromTensors,
  type TrainingState,
} from './model.js';
import type { LossOptions, TrainingOptions } from './options.js';
import { openEventWriter } from './run/event-writer.js';
import type { Run } from './run/run-folder.js';
import { listSnapshots, readSnapshot, type StoredSnapshot } from './run/snapshot-store.js';
import { openStepLog } from './run/step-log.js';
import { rolloutFrames, rolloutInput, stepPlan, warmUpFrames } from './schedule.js';
import { createSpeedometer } from './speedometer.js';
import type { RolloutInput } from './rollout.js';
import type { StepPlan } from './step-plan.js';
import { trainStep } from './step.js';
import { createStock, type StockContext, type TrainEnding } from './take-stock.js';

export type { TrainEnding } from './take-stock.js';

/** The sections of a pipeline that training reads. */
export interface TrainingPipeline {
  readonly name: string;
  readonly seed: number;
  readonly data: DataOptions;
  readonly generator: GeneratorOptions;
  readonly frameDiscriminator: FrameDiscriminatorOptions;
  readonly sequenceDiscriminator: SequenceDiscriminatorOptions;
  readonly losses: LossOptions;
  readonly training: TrainingOptions;
}

export interface TrainProgress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** Frames trained on a second, over the last steps. */
  readonly framesPerSecond: number;
  readonly etaSeconds: number;
  /** Since the first step of this call began. */
  readonly elapsedSeconds: number;
  /** The weighted loss terms of the last step. */
  readonly terms: Readonly<Record<string, number>>;
  readonly tensorBytes: number;
  readonly residentBytes: number;
}

export interface TrainContext {
  /** The run's folder, opened by `startRun`; its `resumed` says whether to go on. */
  readonly run: Run;
  /** Folder that relative clip paths start from. */
  readonly baseFolder: string;
  readonly log?: Logger;
  /** Ends training with a snapshot. */
  readonly signal?: AbortSignal;
  readonly maxMinutes?: number;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** How far the clips are looked at and read, before the first step. */
  readonly onOpening?: (progress: OpeningProgress) => void;
  /** Told when all of them are. */
  readonly onOpened?: () => void;
  /** How far an evaluation on held-out frames is. */
  readonly onEvaluation?: (done: number, total: number) => void;
  /** Where scans of clips are kept between runs. */
  readonly cacheFolder?: string;
  /** Run any filtergraph of the pipeline, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean;
}

export interface TrainResult {
  readonly ending: TrainEnding;
  /** Steps done in all. */
  readonly step: number;
  /** Share of the time spent waiting for data, 0 to 1. */
  readonly waitingShare: number;
}

interface Session extends StockContext {
  readonly pipeline: TrainingPipeline;
  readonly context: TrainContext;
  readonly runner: Runner;
}

/**
 * Trains a pipeline: load, build, resume, loop. What one step does is a pure function of the state
 * before it, the pipeline and the step's number, so the same pipeline on the same backend gives the
 * same snapshots, and a resumed run goes on as the uninterrupted one would have.
 *
 * @throws FrameloomError diverged (the last snapshot stays intact), bad-data, bad-snapshot, and
 *   what reading clips or writing the run may throw
 */
export async function train(
  pipeline: TrainingPipeline,
  context: TrainContext,
): Promise<TrainResult> {
  const log = context.log ?? silentLogger;
  const { run } = context;
  await useBackend({ log, native: true });
  registerKernels();
  return withCleanup(async (later) => {
    const dataset = await openDataset(pipeline.data, {
      seed: pipeline.seed,
      baseFolder: context.baseFolder,
      historyFrames: pipeline.generator.historyFrames,
      conditionFrames: pipeline.generator.conditionFrames,
      windowFrames: pipeline.training.frames,
      log,
      ...(context.signal && { signal: context.signal }),
      ...(context.cacheFolder !== undefined && { cacheFolder: context.cacheFolder }),
      ...(context.trustFilters && { trustFilters: true }),
      ...(context.onOpening && { onProgress: context.onOpening }),
    });
    later(() => dataset.close());
    context.onOpened?.();
    const model = createModel(pipeline, dataset.conditionChannels);
    const snapshot = await snapshotToGoOnFrom(run, log);
    const checkpointing = snapshot
      ? savedCheckpointing(snapshot.state)
      : chooseCheckpointing(model, pipeline, dataset, log);
    const step = snapshot?.step ?? 0;
    const stepLog = await openStepLog(run.log, snapshot ? { throughStep: step } : {});
    later(() => stepLog.close());
    const events = await openEventWriter(run.events, run.resumed ? { resumedFromStep: step } : {});
    later(() => events.close());
    const runner = pipeline.training.compile ? graphRunner() : eagerRunner;
    later(() => runner.dispose());
    const session = {
      ...{ pipeline, context, run, log, model, dataset, checkpointing, runner },
      ...{ stepLog, events, resumedFromStep: snapshot ? step : null },
      signal: context.signal,
      onEvaluation: context.onEvaluation,
    };
    const state = snapshot
      ? stateFromTensors(model, snapshot.tensors)
      : initialState(model, pipeline.seed);
    return loop(session, state, step);
  }, log);
}

/** Null for a new run, and for one that ended before it had left any. */
async function snapshotToGoOnFrom(run: Run, log: Logger): Promise<StoredSnapshot | null> {
  if (!run.resumed) return null;
  if ((await listSnapshots(run.snapshots)).length === 0) {
    log.warn(`${run.folder} has no snapshot to go on from: starting at step 0`);
    return null;
  }
  const snapshot = await readSnapshot(run.snapshots, 'latest', { log });
  log.info(`going on from step ${snapshot.step}`);
  return snapshot;
}

/** @param first the caller's no more: it is let go of, as all that come after it */
async function loop(session: Session, first: TrainingState, from: number): Promise<TrainResult> {
  const { pipeline, context, dataset, log } = session;
  const { training } = pipeline;
  const started = performance.now();
  const deadline = started + (context.maxMinutes ?? Number.POSITIVE_INFINITY) * 60_000;
  let state = first;
  let step = from;
  let ending: TrainEnding = 'done';
  return withCleanup(async (later) => {
    later(() => disposeState(state));
    const stock = createStock(session, deadline);
    const longest = longestWarmUp(training, dataset, log);
    const feed = dataset.prefetch({
      fromStep: from,
      plan: (at) => ({
        frames: rolloutFrames(training, at) + warmUpFrames(training, longest, pipeline.seed, at),
        batch: training.batch,
      }),
    });
    later(async () => {
      // Nobody waits for windows that nobody will train on.
      if (context.signal?.aborted) await dataset.close();
      await feed.close();
    });
    const speed = createSpeedometer();
    const options = { ...pipeline, judgeRaw: pipeline.frameDiscriminator.judgeRaw };
    while (step < training.steps) {
      if (context.signal?.aborted) ending = 'cancelled';
      else if (performance.now() + stock.reserveMs >= deadline) ending = 'time';
      if (ending !== 'done') break;

      const began = performance.now();
      const window = await nextWindow(feed, context.signal);
      if (!window) continue;
      const result = oneStep(session, state, window, options, step);
      disposeState(state);
      state = result.state;
      step += 1;

      const frames = result.frames * training.batch;
      const left = training.steps - step;
      const progress = {
        ...{ step, steps: training.steps, terms: result.terms },
        ...speed.tick(frames, left, (deadline - performance.now()) / 1000),
        ...memoryFigures(),
        elapsedSeconds: (performance.now() - started) / 1000,
      };
      context.onProgress?.(progress);
      if (step % training.logEverySteps === 0 || left === 0)
        await writeLog(session, progress, frames);
      stock.learnPace(performance.now() - began, frames);
      await stock.take(state, step);
      // Lets the timers, the prefetch and a Ctrl-C have their turn between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (context.signal?.aborted) ending = 'cancelled';
    await stock.finish(state, step, ending);
    const seconds = (performance.now() - started) / 1000;
    const waitingShare = seconds > 0 ? feed.waitedSeconds / seconds : 0;
    log.debug(`waited ${feed.waitedSeconds.toFixed(1)} s for data in ${seconds.toFixed(1)} s`);
    return { ending, step, waitingShare };
  }, log);
}

/** One step on a window, which is let go of; `state` stays the caller's. */
function oneStep(
  { pipeline, model, checkpointing, runner }: Session,
  state: TrainingState,
  window: Window,
  options: TrainingPipeline & { judgeRaw: boolean },
  step: number,
) {
  const input = rolloutInput(window, options, step);
  try {
    const plan = inPieces(stepPlan(options, checkpointing, step), input, pipeline.training);
    const result = trainStep(model, state, input, pipeline.losses, plan, runner);
    return { ...result, frames: input.teacherForced.length };
  } finally {
    window.dispose();
    input.noise?.dispose();
  }
}

/** The window of the next step; null where the signal came before it. */
async function nextWindow(
  feed: WindowFeed,
  signal: AbortSignal | undefined,
): Promise<Window | null> {
  const coming = feed.next();
  if (!signal) return coming;
  let cancel = (): void => undefined;
  const aborted = new Promise<null>((resolve) => {
    cancel = () => resolve(null);
    signal.addEventListener('abort', cancel, { once: true });
  });
  const window = await Promise.race([coming, aborted]).finally(() =>
    signal.removeEventListener('abort', cancel),
  );
  // It may still come, and is of no use then.
  if (!window) coming.then((late) => late.dispose()).catch(() => undefined);
  return window;
}

/**
 * A step with teacher forcing, in segments where it is to be compiled: a graph of the whole step would
 * be recorded for each pattern of forced frames, to run once, and a frame's graph repeats.
 */
function inPieces(plan: StepPlan, input: RolloutInput, { compile }: TrainingOptions): StepPlan {
  const { teacherForced } = input;
  if (!compile || plan.segments !== null || !teacherForced.includes(true)) return plan;
  return { ...plan, segments: evenSegments(teacherForced.length, 1) };
}

/** Frames of warm-up that the clips have room for in front of the longest rollout. */
function longestWarmUp({ frames, warmUp }: TrainingOptions, dataset: Dataset, log: Logger): number {
  let longest = warmUp.frames;
  while (longest > 0 && dataset.windowCount(frames + longest) === 0) longest -= 1;
  if (longest < warmUp.frames) {
    log.warn(`the clips leave room for ${longest} of the ${warmUp.frames} frames of warm-up`);
  }
  return longest;
}

async function writeLog(session: Session, progress: TrainProgress, frames: number): Promise<void> {
  const { step, terms, framesPerSecond, tensorBytes, residentBytes } = progress;
  await session.stepLog.append({
    step,
    frames,
    terms: { ...terms },
    clock: { framesPerSecond, tensorBytes, residentBytes },
  });
  await session.events.scalars(step, { ...terms, 'speed/frames_per_second': framesPerSecond });
}
