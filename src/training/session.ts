import type { Group } from '../backend/group/index.js';
import type { Runner } from '../backend/graph/index.js';
import type { Later } from '../base/cleanup.js';
import { isFrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { endOfTraining } from './advice.js';
import { createAverages } from './averages.js';
import type { Budget } from './budget.js';
import { createHistories } from './histories.js';
import { chooseOrKeep, type Choice } from './choices.js';
import { savedEvaluation, scoreBy, type BestBy, type Evaluation } from './evaluation.js';
import { comesAsFarAgain, type RollbackLimits, type Trip } from './rollback.js';
import { fromFirst } from './ranks/first.js';
import { openEventWriter, type EventWriter } from './run/event-writer.js';
import { endReturn, planReturn } from './run/go-back.js';
import type { JsonValue } from './run/json.js';
import type { Return } from './run/returns.js';
import type { Run } from './run/run-folder.js';
import {
  listSnapshots,
  readSnapshot,
  rescoreSnapshots,
  type ScoringRule,
} from './run/snapshot-store.js';
import { openStepLog, type StepLine, type StepLog } from './run/step-log.js';
import { dueAfter, leastAugmentation, type Due } from './schedule.js';
import type { Model } from './model.js';
import { createSkipCount } from './skipping.js';
import type { StartingPoint } from './starting-point.js';
import { isLasting, type StockContext } from './take-stock.js';
import type { TrainContext, TrainingPipeline } from './train-context.js';
import { createWatch } from './watch.js';

/** What a training measures, and when it believes that it has tipped. */
export interface Eyes {
  readonly measure: StockContext['measure'];
  readonly rollback: RollbackLimits;
}

/** What stays, however often a training goes back. */
export interface Training
  extends Eyes, Pick<StockContext, 'log' | 'model' | 'dataset' | 'environment'> {
  /** Null in a process that keeps nothing: another one does. */
  readonly run: Run | null;
  /** The processes that train together; null of one by itself. */
  readonly group: Group | null;
  /** Bytes that `memoryBudget: auto` stands for, where other processes have a say in it. */
  readonly leastBytes: number | undefined;
  readonly pipeline: TrainingPipeline;
  readonly context: TrainContext;
  /** The model at a size that data.size is divided to while frames grow. */
  readonly modelAt: (divideBy: number) => Model;
  readonly runner: Runner;
  readonly budget: Budget;
  readonly clock: { readonly started: number; waitedSeconds: number };
}

/** A training from a snapshot on. */
export interface Session extends Training, Omit<StockContext, 'run'> {
  readonly pipeline: TrainingPipeline;
  readonly start: StartingPoint;
  /** What was due after the step that it goes on from. */
  readonly dueAtStart: Due;
  /** The evaluation that was made after that step before. */
  readonly evaluated: Evaluation | null;
}

/** One that keeps the run. */
export type KeepingSession = Session & { readonly run: Run };
export const keepsRun = (session: Session): session is KeepingSession => session.run !== null;

interface Records {
  readonly stepLog: StepLog;
  readonly events: EventWriter;
}

const nothing = (): Promise<void> => Promise.resolve();
/** Of a process that keeps nothing. */
const NO_RECORDS: Records = {
  stepLog: { append: nothing, sync: nothing, close: nothing },
  events: {
    path: '',
    scalars: nothing,
    image: nothing,
    text: nothing,
    sync: nothing,
    close: nothing,
  },
};

/** Opens the log and TensorBoard's file, as they were at that step. */
async function openRecords(
  { step, wentBack, goesOn, attempt }: StartingPoint,
  evaluated: Evaluation | null,
  run: Run,
  later: Later,
): Promise<Records> {
  const isAgain = (line: StepLine): boolean =>
    line.step === step &&
    // Killed between the two: the line was written, and the snapshot does not know of it. What ended is gone on with.
    (('heldOut' in line && !isLasting(evaluated)) || isOf(wentBack, line) || 'ended' in line);
  const stepLog = await openStepLog(run.log, { ...(goesOn && { throughStep: step }), isAgain });
  later(() => stepLog.close());
  const events = await openEventWriter(
    run.events,
    run.resumed || goesOn ? { resumedFromStep: step } : {},
  );
  later(() => events.close());
  if (wentBack) {
    const { fromStep, aside, trip } = wentBack;
    await stepLog.append({
      step,
      wentBack: { fromStep, aside, ...(trip && { ...trip, attempt }) },
    });
    await stepLog.sync();
    const why = trip ? ` because of step ${fromStep}: ${trip.word}, ${trip.why}` : '';
    const text = `Went back to step ${step}${why}. What came after it lies in ${aside}.`;
    await events.text(step + 1, 'training/went_back', text);
    await endReturn(run);
  }
  return { stepLog, events };
}

/**
 * Opens a training from a snapshot on, or from the beginning: its records, as they were at that step, and what is
 * remembered of the steps before.
 * @throws FrameloomError bad-snapshot, budget, disk-full, write-failed
 */
export async function openSession(
  start: StartingPoint,
  training: Training,
  later: Later,
): Promise<Session> {
  const { pipeline, context, run, log, model, dataset, budget, group, leastBytes } = training;
  const { step, snapshot, saved } = start;
  const choice = (await fromFirst(
    group,
    () =>
      chooseOrKeep(model, pipeline, dataset, { saved, log, leastBytes }) as unknown as JsonValue,
  )) as unknown as Choice;
  if (run) await rescoreSnapshots(run.snapshots, ruleOf(pipeline.training.bestBy), log);
  const evaluated = savedEvaluation(snapshot?.evaluation);
  const { stepLog, events } = run ? await openRecords(start, evaluated, run, later) : NO_RECORDS;
  const kept = (snapshot?.state ?? null) as Record<string, unknown> | null;
  const averages = createAverages(kept?.averages);
  const skips = createSkipCount(log, kept?.skipped);
  const { batch } = pipeline.training;
  const histories = createHistories(
    {
      // One pool of all processes, the same in each.
      training: { ...pipeline.training, batch: batch * (group?.size ?? 1) },
      ...{ seed: pipeline.seed, dataset, log },
      attempt: start.attempt,
    },
    snapshot && { state: kept?.histories, tensors: snapshot.tensors },
  );
  const { stability } = pipeline.training;
  const { rollback } = training;
  const watch = createWatch(stability, kept, {
    log,
    stepLog,
    events,
    rollback,
    attempt: start.attempt,
    leastAugmentation: leastAugmentation(stability, start.attempt),
  });
  return {
    ...training,
    start,
    choice,
    stepLog,
    events,
    averages,
    skips,
    histories,
    watch,
    evaluated,
    dueAtStart: dueAfter(pipeline.training, step, budget.totalAt(step - 1)),
    signal: context.signal,
    onEvaluation: context.onEvaluation,
  };
}

/** How snapshots are compared: those of an earlier version, or of another choice, are scored anew by it. */
const ruleOf = (bestBy: BestBy): ScoringRule => ({
  name: bestBy,
  scoreOf: (saved) => {
    const evaluation = savedEvaluation(saved);
    return evaluation && scoreBy(bestBy, evaluation.figures);
  },
});

/** Leaves in the log that a training ends by what tipped, for those who look at the run later. */
export async function tellEnd(
  { stepLog, events }: Session,
  step: number,
  trip: Trip,
): Promise<void> {
  const { word, why } = trip;
  await stepLog.append({ step, ended: { word, why } });
  await stepLog.sync();
  await events.text(step + 1, 'training/ended', `Ended: ${word}, ${why}.`);
}

/** Whether a line of the log tells of that return. */
const isOf = (one: Return | null, { wentBack }: StepLine): boolean =>
  one !== null && (wentBack as { aside?: unknown } | undefined)?.aside === one.aside;

/**
 * Decides to go back to the last healthy snapshot, and writes that down; nothing is moved yet.
 * @param step steps done
 * @returns false where training would not come as far again in its time
 * @throws FrameloomError diverged where it went back often enough; disk-full, write-failed
 */
export const goBack = (session: Session, step: number, trip: Trip): Promise<boolean> =>
  fromFirst(session.group, () => goBackIn(session as KeepingSession, step, trip));

async function goBackIn(session: KeepingSession, step: number, trip: Trip): Promise<boolean> {
  const { run, log, watch, budget, choice, environment, pipeline } = session;
  const { attempt } = session.start;
  const toStep = await soundSnapshot(run.snapshots, watch.healthyStep ?? 0, log);
  const { steps, deadline } = budget;
  if (Number.isFinite(deadline) && !comesAsFarAgain(trip, { step, toStep, steps })) {
    log.warn(`step ${step}: no time is left to do the steps since step ${toStep} again`);
    return false;
  }
  const { mostReturns } = watch;
  if (attempt >= mostReturns) {
    await tellEnd(session, step, trip);
    throw endOfTraining({ trip, step, returns: attempt, toStep }, pipeline, run);
  }
  log.warn(
    `step ${step}: ${trip.word}, ${trip.why}; going back to step ${toStep}, at half the rates and on another random path (${attempt + 1} of ${mostReturns} times)`,
  );
  await planReturn(run, { fromStep: step, toStep, trip }, { ...choice, environment });
  return true;
}

/** The step itself where its snapshot can be read, else that of the last one before it; 0 for none. */
async function soundSnapshot(folder: string, step: number, log: Logger): Promise<number> {
  const before = (await listSnapshots(folder)).filter((one) => one <= step).reverse();
  for (const one of before) {
    try {
      return (await readSnapshot(folder, one)).step;
    } catch (error) {
      if (!isFrameloomError(error, 'bad-snapshot')) throw error;
      log.warn(`passing over a damaged snapshot: ${error.message}`);
    }
  }
  return 0;
}
