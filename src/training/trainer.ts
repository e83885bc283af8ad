import { memoryFigures, useBackend } from '../backend/index.js';
import { eagerRunner, graphRunner, withPrefix } from '../backend/graph/index.js';
import { withCleanup } from '../base/cleanup.js';
import { silentLogger, type Logger } from '../base/log.js';
import {
  actionColumns,
  conditionLayout,
  openDataset,
  pixelShare,
  type Dataset,
  windowPixels,
  type Window,
  type WindowFeed,
} from '../clips/index.js';
import { registerKernels } from '../kernels/index.js';
import { beginAs, sayBeginning } from './beginning.js';
import { openBudget, type TrainEnding } from './budget.js';
import { environmentOf, sayOtherEnvironment } from './environment.js';
import type { Evaluation } from './evaluation.js';
import {
  assertStridesFit,
  disposeState,
  initialState,
  modelsBySize,
  stateFromTensors,
  type GivenWeights,
  type TrainingState,
} from './model.js';
import { sayResized, saySmall } from './growing.js';
import type { TrainingOptions } from './options.js';
import { sayPatches, windowPlaces } from './patches.js';
import { assertFlowTeacherFits, openFlowTeacher } from './flow-teacher.js';
import { assertPingPongFits } from './ping-pong.js';
import { ROLLBACK_LIMITS, type Trip } from './rollback.js';
import { assertHistoriesFit, sayHistories } from './histories.js';
import { assertJudgedFit, mayBeElsewhere, signalsOf, withoutTruth } from './judged-segments.js';
import { divideByAt, dueAfter, goingOn, planStep, sightOf, type PlannedStep } from './schedule.js';
import { disposeDraws, rolloutInput } from './step-input.js';
import { keepKeyframes, sayKeyframes } from './run/keyframes.js';
import { originCondition, readOrigin } from './run/origin.js';
import { controlSignals } from './steadied.js';
import { goBack, tellEnd, openSession, type Eyes, type Session, type Training } from './session.js';
import { divergence } from './skipping.js';
import { asMeasured } from './pace.js';
import { createSpeedometer } from './speedometer.js';
import { findStart, type StartingPoint } from './starting-point.js';
import { trainStep } from './step.js';
import { assertActionsFit } from './told-actions.js';
import { assertThroughTimeFits } from './through-time.js';
import { evaluationFrames, measureHeldOut } from './measure-held-out.js';
import { sayStyles, withLooks } from './styles.js';
import { createStock } from './take-stock.js';
import type {
  TrainContext,
  TrainingPipeline,
  TrainProgress,
  TrainResult,
} from './train-context.js';

export type { TrainEnding } from './budget.js';
export type {
  TrainContext,
  TrainingPipeline,
  TrainProgress,
  TrainResult,
} from './train-context.js';

/**
 * Trains a pipeline: load, build, resume, loop. What one step does is a pure function of the state
 * before it, the pipeline and the step's number, so the same pipeline on the same backend gives the
 * same snapshots, and a resumed run goes on as the uninterrupted one would have. Where minutes decide how
 * long it is, the number of steps that they hold is one number more, which the run keeps.
 *
 * A step that would break the networks is left out with a warning. Where several in a row are, or what is measured
 * tips and stays so, training goes back to its last healthy snapshot, as often as `stability.rollbacks` lets it.
 *
 * @throws FrameloomError diverged (no snapshot holds anything of it), bad-data, bad-snapshot, bad-option,
 *   and what reading clips or writing the run may throw
 */
export const train = (pipeline: TrainingPipeline, context: TrainContext): Promise<TrainResult> =>
  trainBy(pipeline, context, { measure: measureHeldOut, rollback: ROLLBACK_LIMITS });

/** What a training measures and when it believes that it has tipped: {@link train} with other eyes. */
export async function trainBy(
  asked: TrainingPipeline,
  context: TrainContext,
  eyes: Eyes,
): Promise<TrainResult> {
  const log = context.log ?? silentLogger;
  const { run, signal } = context;
  const training = asMeasured(asked.training, asked.generator);
  const pipeline = { ...asked, training };
  assertStridesFit(pipeline);
  assertHistoriesFit(pipeline);
  assertJudgedFit(pipeline);
  assertThroughTimeFits(training);
  assertPingPongFits(pipeline);
  assertActionsFit(pipeline);
  assertFlowTeacherFits(pipeline);
  const environment = environmentOf(await useBackend({ log, native: true }));
  registerKernels();
  return withCleanup(async (later) => {
    const dataset = await openDataset(pipeline.data, {
      seed: pipeline.seed,
      baseFolder: context.baseFolder,
      historyFrames: pipeline.generator.historyFrames,
      conditionFrames: pipeline.generator.conditionFrames,
      windowFrames: training.frames,
      ...(await openFlowTeacher(pipeline.losses)),
      log,
      ...(signal && { signal }),
      ...(context.cacheFolder !== undefined && { cacheFolder: context.cacheFolder }),
      ...(context.trustFilters && { trustFilters: true }),
      ...(context.onOpening && { onProgress: context.onOpening }),
    });
    later(() => dataset.close());
    context.onOpened?.();
    await keepKeyframes(run, dataset.report.keyframes);
    sayKeyframes(dataset.report, log);
    sayRoom(training, dataset, log);
    sayHistories(training, dataset, log);
    sayStyles(pipeline.generator, dataset, log);
    const modelAt = modelsBySize(
      pipeline,
      dataset.conditionChannels,
      actionColumns(dataset.layout),
    );
    const model = modelAt(1);
    sayPatches(model.generator, pipeline.data, log);
    const runner = training.compile ? graphRunner() : eagerRunner;
    later(() => runner.dispose());
    let start = await findStart(run, context.snapshot, log);
    if (start.saved !== null) sayOtherEnvironment(start.saved, environment, log);
    const budget = await openBudget({
      run,
      training,
      step: start.step,
      log,
      maxMinutes: context.maxMinutes,
      pixels: windowPixels(pipeline.data),
      evaluationFrames: evaluationFrames(dataset, training),
    });
    const clock = { started: performance.now(), waitedSeconds: 0 };
    const common = {
      ...{ ...eyes, pipeline, context, run, log, model, modelAt, dataset, environment },
      runner,
    };
    for (;;) {
      const { ending, step } = await trainFrom(start, { ...common, budget, clock });
      if (ending !== 'went back') return { ending, step, waitingShare: shareOf(clock) };
      start = await findStart(run, undefined, log);
    }
  }, log);
}

/** What a run begins with at step 0 where it started from another; null where it did not. */
async function givenWeights(training: Training): Promise<GivenWeights | null> {
  const { run, pipeline, context, model, log } = training;
  const origin = await readOrigin(run);
  if (!origin) return null;
  const { condition } = pipeline.data;
  const layout = await conditionLayout(pipeline.data, context.baseFolder);
  const beginning = beginAs(origin, model, originCondition(condition, layout), pipeline.seed);
  sayBeginning(origin, beginning, log);
  return beginning;
}

/** Of the time since the first step, what was spent waiting. */
function shareOf({ started, waitedSeconds }: Training['clock']): number {
  const seconds = (performance.now() - started) / 1000;
  return seconds > 0 ? waitedSeconds / seconds : 0;
}

/** Steps with warm-up train on the same windows as all others; this says where they do without. */
function sayRoom({ frames, warmUp }: TrainingOptions, dataset: Dataset, log: Logger): void {
  if (warmUp.fraction === 0) return;
  const room = dataset.warmUpRoom(frames);
  if (room >= warmUp.frames) return;
  log.warn(`the clips leave room for ${room} of the ${warmUp.frames} frames of warm-up`);
}

/** Trains from a snapshot, or from the beginning, until all is done, or it goes back to another. */
const trainFrom = (start: StartingPoint, training: Training): Promise<Ended> =>
  withCleanup(async (later) => {
    const session = await openSession(start, training, later);
    const { model, pipeline } = training;
    const state = start.snapshot
      ? stateFromTensors(model, start.snapshot.tensors)
      : initialState(model, pipeline.seed, await givenWeights(training));
    return loop(session, state);
  }, training.log);

/** How a session ended, and the steps done in all. */
interface Ended {
  readonly ending: TrainEnding | 'went back';
  readonly step: number;
}

/** @param first the caller's no more: it is let go of, as all that come after it */
async function loop(session: Session, first: TrainingState): Promise<Ended> {
  const { pipeline, context, dataset, log, averages, skips, watch, budget, start, clock } = session;
  const { training } = pipeline;
  let state = first;
  let step = start.step;
  let ending: TrainEnding = 'done';
  let trip: Trip | null = null;
  return withCleanup(async (later) => {
    later(() => disposeState(state));
    const stock = createStock(session, budget.deadline);
    const plans = createPlans(session);
    const feed = dataset.prefetch({ fromStep: step, plan: (at) => plans.of(at).request });
    later(async () => {
      clock.waitedSeconds += feed.waitedSeconds;
      // Nobody waits for windows that nobody will train on.
      if (context.signal?.aborted) await dataset.close();
      await feed.close();
    });
    const speed = createSpeedometer();
    const heed = (evaluation: Evaluation | null): void => {
      const at = { step, total: budget.totalAt(step - 1) };
      if (evaluation) trip = watch.afterEvaluation(evaluation, at);
    };
    if (step > 0) {
      watch.atSize(divideByAt(training, step - 1, budget.counts));
      heed(await stock.makeUp(state, step, session.dueAtStart, session.evaluated));
    }
    while (step < budget.steps) {
      if (performance.now() + stock.reserveMs >= budget.deadline) ending = 'time';
      else if (trip && (await goBack(session, step, trip))) return { ending: 'went back', step };
      else if (context.signal?.aborted) ending = 'cancelled';
      if (ending !== 'done') break;

      const began = performance.now();
      const window = await nextWindow(feed, context.signal);
      if (!window) continue;
      const planned = plans.take(step);
      const { divideBy = 1 } = planned.request;
      if (watch.atSize(divideBy)) {
        sayResized(session, step, divideBy);
        // What was recorded at the other size will not be asked for again.
        session.runner.dispose();
      }
      const plan = watch.steadied(planned.plan, planned.teacherForced.length);
      const due = dueAfter(training, step + 1, budget.totalAt(step));
      const result = await oneStep(session, state, window, { ...planned, plan });
      disposeState(state);
      state = result.state;
      step += 1;
      trip = skips.add(step, result.skipped) ?? (await watch.afterStep(result.signals, step));
      if (trip?.word === 'diverged' && (watch.mostReturns === 0 || step >= budget.steps)) {
        await tellEnd(session, step, trip);
        throw await divergence(session.run, step, trip);
      }
      if (trip && step < budget.steps) continue;

      const frames = planned.teacherForced.length * training.batch;
      const warmUpFrames = result.kind['steps/warm_up_frames'] * training.batch;
      const share = pixelShare(pipeline.data, divideBy);
      budget.learn({ ms: performance.now() - began, frames, warmUpFrames, share });
      await budget.settle(step, plans.end);
      const left = budget.steps - step;
      const progress = {
        step,
        steps: budget.steps,
        terms: result.terms,
        health: watch.word,
        ...speed.tick(frames, left, (budget.deadline - performance.now()) / 1000),
        ...memoryFigures(),
        elapsedSeconds: (performance.now() - clock.started) / 1000,
      };
      context.onProgress?.(progress);
      averages.add({ ...result.terms, ...result.signals, ...result.kind });
      if (step % training.logEverySteps === 0 || left === 0)
        await writeLog(session, progress, frames);
      heed(await stock.take(state, step, due));
      // Lets the timers, the prefetch and a Ctrl-C have their turn between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (context.signal?.aborted) ending = 'cancelled';
    await stock.finish(state, step, ending);
    budget.sayEnd(step, ending);
    if (ending !== 'cancelled') saySmall(session, step);
    log.debug(`waited ${feed.waitedSeconds.toFixed(1)} s for data`);
    return { ending, step };
  }, log);
}

/**
 * The plans of steps, each made once: when its window is asked for, a few steps ahead, which is when all
 * steps may not be known yet.
 */
function createPlans({ pipeline, choice, budget, histories, start: { attempt } }: Session) {
  const made = new Map<number, PlannedStep>();
  let end = 0;
  const of = (step: number): PlannedStep => {
    const known = made.get(step);
    if (known) return known;
    const { counts } = budget;
    const plan = withLooks(
      planStep({ ...pipeline, attempt }, choice.checkpointing, step, counts),
      pipeline.generator,
    );
    const mayGoOn = !plan.coldStart && !plan.plan.thereAndBack && plan.request.divideBy === 1;
    const picked = mayGoOn ? histories.pick(step, counts, mayBeElsewhere(plan)) : null;
    const whole = picked ? goingOn(plan, picked) : plan;
    made.set(step, whole);
    end = Math.max(end, step + 1);
    return whole;
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
async function oneStep(
  { pipeline, modelAt, runner, histories, start: { attempt } }: Session,
  state: TrainingState,
  window: Window,
  planned: PlannedStep,
) {
  const own = { ...pipeline, attempt };
  const [, , height, width] = window.frames.shape;
  const plan = { ...planned.plan, sight: sightOf(own, planned.plan, { height, width }) };
  const { divideBy = 1 } = planned.request;
  const model = modelAt(divideBy);
  const places = windowPlaces(model.generator, window);
  try {
    const input = rolloutInput(window, planned, own);
    try {
      const placed = places ? { ...input, places } : input;
      // A flow of another scale is another function.
      const scaled = divideBy === 1 ? runner : withPrefix(runner, `divided by ${divideBy}`);
      const losses = plan.elsewhere ? withoutTruth(pipeline.losses) : pipeline.losses;
      const result = await trainStep(model, state, placed, losses, plan, scaled);
      const { length: frames } = planned.teacherForced;
      const made = input.warmUp + frames;
      const { origin } = window;
      // Histories of small frames are none of larger ones.
      const left = divideBy === 1 ? result.left : null;
      histories.leave(plan.step, { origin, advance: made, made, frames: left });
      const signals = {
        ...signalsOf(result.signals, plan),
        ...controlSignals({ ...plan, frames }),
      };
      const kind = {
        'steps/warm_up_frames': input.warmUp,
        ...(histories.isKept && { 'steps/history_age': meanAge(planned) }),
        ...(pipeline.training.histories.judgedFraction > 0 && {
          'steps/judged_segments': +(plan.elsewhere ?? false),
        }),
        'steps/cold_start': +input.coldStart,
        'steps/skipped': +(result.skipped !== null),
        ...(typeof pipeline.training.growing !== 'string' && { 'steps/divided_by': divideBy }),
      };
      return { ...result, signals, kind };
    } finally {
      disposeDraws(input, window);
    }
  } finally {
    window.dispose();
    places?.dispose();
  }
}

/** Frames that were made already of what a step goes on from, a window's mean; 0 where it goes on from none. */
const meanAge = ({ from = [] }: PlannedStep): number =>
  from.reduce((sum, { age }) => sum + age, 0) / Math.max(1, from.length);

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
    'steps/history_age': historyAge,
    'steps/judged_segments': judgedSegments,
    'steps/divided_by': dividedBy,
    ...terms
  } = means;
  await session.stepLog.append({
    step,
    frames,
    terms,
    steps: {
      ...{ warmUpFrames, coldStart, skipped },
      ...(historyAge !== undefined && { historyAge }),
      ...(judgedSegments !== undefined && { judgedSegments }),
      ...(dividedBy !== undefined && { dividedBy }),
    },
    health: session.watch.stepWord,
    clock: { framesPerSecond, tensorBytes, residentBytes },
  });
  await session.events.scalars(step, { ...means, 'speed/frames_per_second': framesPerSecond });
}
