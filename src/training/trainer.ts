import { memoryFigures, useBackend } from '../backend/index.js';
import { eagerRunner, graphRunner } from '../backend/graph/index.js';
import { withCleanup } from '../base/cleanup.js';
import { FrameloomError } from '../base/error.js';
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
import { sayPatches } from './patches.js';
import { assertFlowTeacherFits, openFlowTeacher } from './flow-teacher.js';
import { assertHistoryNoiseFits } from './history-noise.js';
import { assertMovingFits } from './moving.js';
import { assertPingPongFits } from './ping-pong.js';
import { ROLLBACK_LIMITS, type Trip } from './rollback.js';
import { assertHistoriesFit, sayHistories } from './histories.js';
import { assertJudgedFit } from './judged-segments.js';
import { divideByAt, dueAfter } from './schedule.js';
import { shareBudget } from './ranks/budget.js';
import { leastMemory } from './ranks/memory.js';
import { shareStart, shareState } from './ranks/start.js';
import { shareStock } from './ranks/stock.js';
import { agree, withoutDrift } from './ranks/together.js';
import { keepKeyframes, sayKeyframes } from './run/keyframes.js';
import { originCondition, readOrigin } from './run/origin.js';
import {
  goBack,
  keepsRun,
  openSession,
  tellEnd,
  type Eyes,
  type Session,
  type Training,
} from './session.js';
import { divergence } from './skipping.js';
import { asMeasured } from './pace.js';
import { createSpeedometer } from './speedometer.js';
import { findStart, type StartingPoint } from './starting-point.js';
import { assertActionsFit } from './told-actions.js';
import { assertThroughTimeFits } from './through-time.js';
import { evaluationFrames, measureHeldOut } from './measure-held-out.js';
import { oneStep } from './one-step.js';
import { createPlans } from './plans.js';
import { sayStyles } from './styles.js';
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
  const { run, signal, group = null } = context;
  const isFirst = group === null || group.rank === 0;
  if (isFirst !== (run !== null)) {
    throw new FrameloomError('bad-call', 'one process of a training keeps its run, the first', {
      hint: 'open a run in rank 0, and give the others null',
    });
  }
  // What there is to say of a training the first process says.
  const log = isFirst ? (context.log ?? silentLogger) : silentLogger;
  const training = asMeasured(asked.training, asked.generator);
  const pipeline = { ...asked, training };
  assertStridesFit(pipeline);
  const { size: processes } = group ?? { size: 1 };
  assertHistoriesFit({
    ...pipeline,
    training: { ...training, batch: training.batch * processes },
  });
  assertJudgedFit(pipeline);
  assertThroughTimeFits(training);
  assertPingPongFits(pipeline);
  assertActionsFit(pipeline);
  assertFlowTeacherFits(pipeline);
  assertMovingFits(pipeline);
  assertHistoryNoiseFits(pipeline);
  const backend = await useBackend({ log, native: true });
  const environment = environmentOf(backend, undefined, processes);
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
    if (run) await keepKeyframes(run, dataset.report.keyframes);
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
    const leastBytes =
      group === null
        ? undefined
        : await leastMemory(group, { pipeline, dataset, environment }, log);
    if (group !== null) {
      const { batch } = training;
      log.info(`${processes} processes of ${batch} windows a step: ${batch * processes} in all`);
    }
    let start = await shareStart(group, () => findStart(run!, context.snapshot, log));
    if (start.saved !== null) sayOtherEnvironment(start.saved, environment, log);
    const budget = await shareBudget(group, () =>
      openBudget({
        run: run!,
        training,
        step: start.step,
        log,
        maxMinutes: context.maxMinutes,
        pixels: windowPixels(pipeline.data),
        evaluationFrames: evaluationFrames(dataset, training),
      }),
    );
    const clock = { started: performance.now(), waitedSeconds: 0 };
    const common = {
      ...{ ...eyes, pipeline, context, run, log, model, modelAt, dataset, environment },
      ...{ runner, group, leastBytes },
    };
    for (;;) {
      const { ending, step } = await trainFrom(start, { ...common, budget, clock });
      if (ending !== 'went back') return { ending, step, waitingShare: shareOf(clock) };
      start = await shareStart(group, () => findStart(run!, undefined, log));
    }
  }, log);
}

/** What a run begins with at step 0 where it started from another; null where it did not. */
async function givenWeights(training: Training): Promise<GivenWeights | null> {
  const { run, pipeline, context, model, log } = training;
  const origin = await readOrigin(run!);
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
    const { model, pipeline, group } = training;
    const state = start.snapshot
      ? stateFromTensors(model, start.snapshot.tensors)
      : await shareState(group, model, async () =>
          initialState(model, pipeline.seed, await givenWeights(training)),
        );
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
  const { group, histories, model } = session;
  const { training } = pipeline;
  let state = first;
  let step = start.step;
  let ending: TrainEnding = 'done';
  let trip: Trip | null = null;
  return withCleanup(async (later) => {
    later(() => disposeState(state));
    const own = keepsRun(session) ? createStock(session, budget.deadline) : null;
    const stock = shareStock(group, own, session);
    const known = (): string =>
      JSON.stringify([watch.saved(), skips.saved(), budget.counts, histories.saved()?.state]);
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
      const time = performance.now() + stock.reserveMs >= budget.deadline;
      const wishes = { time, cancelled: context.signal?.aborted ?? false };
      const agreed = await agree(group, wishes, step, known);
      if (agreed.time) ending = 'time';
      else if (trip && (await goBack(session, step, trip))) return { ending: 'went back', step };
      else if (agreed.cancelled) ending = 'cancelled';
      if (ending !== 'done') break;

      const began = performance.now();
      // Who is one of several takes the step that all have agreed on.
      const window = await nextWindow(feed, group ? undefined : context.signal);
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
        throw keepsRun(session)
          ? await divergence(session.run, step, trip)
          : new FrameloomError('diverged', `training diverged at step ${step}: ${trip.why}`);
      }
      if (trip && step < budget.steps) continue;

      const frames = planned.teacherForced.length * training.batch;
      const allFrames = frames * (group?.size ?? 1);
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
        ...speed.tick(allFrames, left, (budget.deadline - performance.now()) / 1000),
        ...memoryFigures(),
        elapsedSeconds: (performance.now() - clock.started) / 1000,
      };
      context.onProgress?.(progress);
      averages.add({ ...result.terms, ...result.signals, ...result.kind });
      if (step % training.logEverySteps === 0 || left === 0)
        await writeLog(session, progress, allFrames);
      if (due.save || due.evaluate) state = await withoutDrift(group, model, state, step, log);
      heed(await stock.take(state, step, due));
      // Lets the timers, the prefetch and a Ctrl-C have their turn between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (group === null && context.signal?.aborted) ending = 'cancelled';
    state = await withoutDrift(group, model, state, step, log);
    await stock.finish(state, step, ending);
    budget.sayEnd(step, ending);
    if (ending !== 'cancelled') saySmall(session, step);
    log.debug(`waited ${feed.waitedSeconds.toFixed(1)} s for data`);
    return { ending, step };
  }, log);
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
