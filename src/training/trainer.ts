import { memoryFigures, useBackend } from '../backend/index.js';
import { eagerRunner, graphRunner, type Runner } from '../backend/graph/index.js';
import { withCleanup } from '../base/cleanup.js';
import { FrameloomError } from '../base/error.js';
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
import { createAverages } from './averages.js';
import { openBudget, type Budget } from './budget.js';
import { chooseOrKeep } from './choices.js';
import { environmentOf, sayOtherEnvironment } from './environment.js';
import { savedEvaluation, type Evaluation } from './evaluation.js';
import {
  assertStridesFit,
  createModel,
  disposeState,
  initialState,
  stateFromTensors,
  type TrainingState,
} from './model.js';
import type { LossOptions, TrainingOptions } from './options.js';
import { openEventWriter } from './run/event-writer.js';
import { goBack } from './run/go-back.js';
import type { Run } from './run/run-folder.js';
import {
  listSnapshots,
  readSnapshot,
  type SnapshotChoice,
  type StoredSnapshot,
} from './run/snapshot-store.js';
import { openStepLog } from './run/step-log.js';
import { dueAfter, planStep, rolloutInput, type Due, type PlannedStep } from './schedule.js';
import { createSkipCount } from './skipping.js';
import { createWatch } from './watch.js';
import { createSpeedometer } from './speedometer.js';
import { trainStep } from './step.js';
import {
  createStock,
  evaluationFrames,
  isLasting,
  measureHeldOut,
  type StockContext,
  type TrainEnding,
} from './take-stock.js';

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
  /**
   * All of them; while minutes decide and are not counted yet, the most that they may be, which is without
   * end where the pipeline asks for minutes alone.
   */
  readonly steps: number;
  /** Frames trained on a second, over the last steps. */
  readonly framesPerSecond: number;
  readonly etaSeconds: number;
  /** Since the first step of this call began. */
  readonly elapsedSeconds: number;
  /** `healthy`, or what tips: `judges win`, `gradients jump`, `dots`, `frozen`, `boiling` … */
  readonly health: string;
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
  /**
   * The snapshot that a resumed run goes on from; the latest unless given. What came after it is kept in a
   * folder aside.
   */
  readonly snapshot?: SnapshotChoice;
  /** Ends training with a snapshot. */
  readonly signal?: AbortSignal;
  /** Ends it after so many minutes; a new run then has the steps that fit into them. */
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
  readonly budget: Budget;
  /** What was due after the step that training goes on from, and the evaluation that its snapshot has. */
  readonly before: { readonly due: Due; readonly evaluation: Evaluation | null };
}

/**
 * Trains a pipeline: load, build, resume, loop. What one step does is a pure function of the state
 * before it, the pipeline and the step's number, so the same pipeline on the same backend gives the
 * same snapshots, and a resumed run goes on as the uninterrupted one would have. Where minutes decide how
 * long it is, the number of steps that they hold is one number more, which the run keeps.
 *
 * A step that would break the networks is left out with a warning; several in a row end the training.
 *
 * @throws FrameloomError diverged (no snapshot holds anything of it), bad-data, bad-snapshot, bad-option,
 *   and what reading clips or writing the run may throw
 */
export async function train(
  pipeline: TrainingPipeline,
  context: TrainContext,
): Promise<TrainResult> {
  const log = context.log ?? silentLogger;
  const { run, signal } = context;
  assertStridesFit(pipeline);
  const environment = environmentOf(await useBackend({ log, native: true }));
  registerKernels();
  return withCleanup(async (later) => {
    const dataset = await openDataset(pipeline.data, {
      seed: pipeline.seed,
      baseFolder: context.baseFolder,
      historyFrames: pipeline.generator.historyFrames,
      conditionFrames: pipeline.generator.conditionFrames,
      windowFrames: pipeline.training.frames,
      log,
      ...(signal && { signal }),
      ...(context.cacheFolder !== undefined && { cacheFolder: context.cacheFolder }),
      ...(context.trustFilters && { trustFilters: true }),
      ...(context.onOpening && { onProgress: context.onOpening }),
    });
    later(() => dataset.close());
    context.onOpened?.();
    sayRoom(pipeline.training, dataset, log);
    const model = createModel(pipeline, dataset.conditionChannels);
    const snapshot = await snapshotToGoOnFrom(context, log);
    const saved = snapshot?.state ?? null;
    if (saved !== null) sayOtherEnvironment(saved, environment, log);
    const choice = chooseOrKeep(model, pipeline, dataset, { saved, log });
    const step = snapshot?.step ?? 0;
    const aside = snapshot && (await goBack(run, step, log));
    const { training } = pipeline;
    const budget = await openBudget({
      ...{ run, training, step, log, maxMinutes: context.maxMinutes },
      evaluationFrames: evaluationFrames(dataset, training),
    });
    const before = {
      due: dueAfter(training, step, budget.totalAt(step - 1)),
      evaluation: savedEvaluation(snapshot?.evaluation),
    };
    const stepLog = await openStepLog(run.log, {
      ...(snapshot && { throughStep: step }),
      // Killed between the two: the line was written, and the snapshot does not know of it.
      isAgain: (line) => line.step === step && 'heldOut' in line && !isLasting(before.evaluation),
    });
    later(() => stepLog.close());
    const events = await openEventWriter(run.events, run.resumed ? { resumedFromStep: step } : {});
    later(() => events.close());
    if (aside) {
      await stepLog.append({ step, wentBack: { fromStep: aside.lastStep, aside: aside.folder } });
      const text = `Went back to step ${step}; what came after it lies in ${aside.folder}.`;
      await events.text(step + 1, 'training/went_back', text);
    }
    const runner = pipeline.training.compile ? graphRunner() : eagerRunner;
    later(() => runner.dispose());
    const kept = saved as { averages?: unknown; skipped?: unknown; stability?: unknown } | null;
    const averages = createAverages(kept?.averages);
    const skips = createSkipCount(run, log, kept?.skipped);
    const watch = createWatch(pipeline.training.stability, kept?.stability, {
      ...{ log, stepLog, events },
    });
    const session: Session = {
      ...{ pipeline, context, run, log, model, dataset, choice, environment, runner },
      ...{
        stepLog,
        events,
        averages,
        skips,
        watch,
        ...{ budget, before, measure: measureHeldOut },
        resumedFromStep: snapshot ? step : null,
        signal,
      },
      onEvaluation: context.onEvaluation,
    };
    const state = snapshot
      ? stateFromTensors(model, snapshot.tensors)
      : initialState(model, pipeline.seed);
    return loop(session, state, step);
  }, log);
}

/**
 * Null for a new run, and for one that ended before it had left any.
 * @throws FrameloomError bad-option, not-found, bad-snapshot
 */
async function snapshotToGoOnFrom(
  { run, snapshot: which = 'latest' }: TrainContext,
  log: Logger,
): Promise<StoredSnapshot | null> {
  if (!run.resumed) {
    if (which === 'latest') return null;
    throw new FrameloomError('bad-option', `a new run has no snapshot ${which} to go on from`, {
      hint: 'resume the run that has it',
    });
  }
  if (which === 'latest' && (await listSnapshots(run.snapshots)).length === 0) {
    log.warn(`${run.folder} has no snapshot to go on from: starting at step 0`);
    return null;
  }
  const snapshot = await readSnapshot(run.snapshots, which, { log });
  log.info(`going on from step ${snapshot.step}`);
  return snapshot;
}

/** Steps with warm-up train on the same windows as all others; this says where they do without. */
function sayRoom({ frames, warmUp }: TrainingOptions, dataset: Dataset, log: Logger): void {
  if (warmUp.fraction === 0) return;
  const room = dataset.warmUpRoom(frames);
  if (room >= warmUp.frames) return;
  log.warn(`the clips leave room for ${room} of the ${warmUp.frames} frames of warm-up`);
}

/** @param first the caller's no more: it is let go of, as all that come after it */
async function loop(session: Session, first: TrainingState, from: number): Promise<TrainResult> {
  const { pipeline, context, dataset, log, averages, skips, watch, budget, before } = session;
  const { training } = pipeline;
  const started = performance.now();
  let state = first;
  let step = from;
  let ending: TrainEnding = 'done';
  return withCleanup(async (later) => {
    later(() => disposeState(state));
    const stock = createStock(session, budget.deadline);
    const plans = createPlans(session, budget);
    const feed = dataset.prefetch({ fromStep: from, plan: (at) => plans.of(at).request });
    later(async () => {
      // Nobody waits for windows that nobody will train on.
      if (context.signal?.aborted) await dataset.close();
      await feed.close();
    });
    const speed = createSpeedometer();
    const heed = (evaluation: Evaluation | null): void => {
      if (evaluation) watch.afterEvaluation(evaluation);
    };
    if (from > 0) heed(await stock.makeUp(state, from, before.due, before.evaluation));
    while (step < budget.steps) {
      if (context.signal?.aborted) ending = 'cancelled';
      else if (performance.now() + stock.reserveMs >= budget.deadline) ending = 'time';
      if (ending !== 'done') break;

      const began = performance.now();
      const window = await nextWindow(feed, context.signal);
      if (!window) continue;
      const planned = plans.take(step);
      const plan = watch.steadied(planned.plan);
      const due = dueAfter(training, step + 1, budget.totalAt(step));
      const result = oneStep(session, state, window, { ...planned, plan });
      disposeState(state);
      state = result.state;
      step += 1;
      await skips.add(step, result.skipped);
      await watch.afterStep(result.signals, step);

      const frames = planned.request.frames * training.batch;
      budget.learn(performance.now() - began, frames);
      await budget.settle(step, plans.end);
      const left = budget.steps - step;
      const progress = {
        ...{ step, steps: budget.steps, terms: result.terms, health: watch.word },
        ...speed.tick(frames, left, (budget.deadline - performance.now()) / 1000),
        ...memoryFigures(),
        elapsedSeconds: (performance.now() - started) / 1000,
      };
      context.onProgress?.(progress);
      averages.add({ ...result.terms, ...result.signals, ...result.kind });
      if (step % training.logEverySteps === 0 || left === 0)
        await writeLog(session, progress, frames);
      stock.learnPace(performance.now() - began, frames);
      heed(await stock.take(state, step, due));
      // Lets the timers, the prefetch and a Ctrl-C have their turn between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (context.signal?.aborted) ending = 'cancelled';
    if (ending === 'time') budget.sayEnd(step);
    await stock.finish(state, step, ending);
    const seconds = (performance.now() - started) / 1000;
    const waitingShare = seconds > 0 ? feed.waitedSeconds / seconds : 0;
    log.debug(`waited ${feed.waitedSeconds.toFixed(1)} s for data in ${seconds.toFixed(1)} s`);
    return { ending, step, waitingShare };
  }, log);
}

/**
 * The plans of steps, each made once: when its window is asked for, a few steps ahead, which is when all
 * steps may not be known yet.
 */
function createPlans({ pipeline, choice }: Session, budget: Budget) {
  const made = new Map<number, PlannedStep>();
  let end = 0;
  const of = (step: number): PlannedStep => {
    const plan =
      made.get(step) ?? planStep(pipeline, choice.checkpointing, step, budget.totalAt(step));
    made.set(step, plan);
    end = Math.max(end, step + 1);
    return plan;
  };
  return {
    of,
    take(step: number): PlannedStep {
      const plan = of(step);
      made.delete(step);
      return plan;
    },
    /** The first step that none is made of yet. */
    get end() {
      return end;
    },
  };
}

/** One step on a window, which is let go of; `state` stays the caller's. */
function oneStep(
  { pipeline, model, runner }: Session,
  state: TrainingState,
  window: Window,
  planned: PlannedStep,
) {
  const input = rolloutInput(window, planned, pipeline);
  try {
    const result = trainStep(model, state, input, pipeline.losses, planned.plan, runner);
    const kind = {
      'steps/warm_up_frames': input.warmUp,
      'steps/cold_start': +input.coldStart,
      'steps/skipped': +(result.skipped !== null),
    };
    return { ...result, kind };
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

/** A line of the log, of the means since the last one. */
async function writeLog(session: Session, progress: TrainProgress, frames: number): Promise<void> {
  const { step, framesPerSecond, tensorBytes, residentBytes } = progress;
  const means = session.averages.take();
  const {
    'steps/warm_up_frames': warmUpFrames = 0,
    'steps/cold_start': coldStart = 0,
    'steps/skipped': skipped = 0,
    ...terms
  } = means;
  await session.stepLog.append({
    step,
    frames,
    terms,
    steps: { warmUpFrames, coldStart, skipped },
    health: session.watch.stepWord,
    clock: { framesPerSecond, tensorBytes, residentBytes },
  });
  await session.events.scalars(step, { ...means, 'speed/frames_per_second': framesPerSecond });
}
