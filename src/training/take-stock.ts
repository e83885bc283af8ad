import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FrameloomError, isFrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { windowPixels } from '../clips/index.js';
import { SAMPLE_FRAMES, sampleRows } from '../synthesis/evaluate/held-out.js';
import { clipStyles } from '../synthesis/models/looks.js';
import type { Averages } from './averages.js';
import type { Choice } from './choices.js';
import type { Environment } from './environment.js';
import {
  sayFigures,
  scalarsOf,
  scoreBy,
  type Evaluation,
  type EvaluationFigures,
} from './evaluation.js';
import {
  averageOf,
  evaluationFrames,
  type MeasuredTraining,
  type MeasureOptions,
} from './measure-held-out.js';
import { stateToTensors, type TrainingState } from './model.js';
import type { Histories } from './histories.js';
import type { EventWriter } from './run/event-writer.js';
import type { Run } from './run/run-folder.js';
import type { JsonValue } from './run/json.js';
import { judgeSnapshot, saveSnapshot, type Snapshot } from './run/snapshot-store.js';
import type { StepLog } from './run/step-log.js';
import { composeStrip, writeStrip } from './run/strip.js';
import type { Budget, TrainEnding } from './budget.js';
import { FRAMES_BESIDE, longFramesAt } from './pace.js';
import type { Due } from './schedule.js';
import type { SkipCount } from './skipping.js';
import type { StartingPoint } from './starting-point.js';
import type { Watch } from './watch.js';

/** Of a training, what is remembered of the snapshots that are saved. */
export type StockNotes = Pick<StockContext, 'dataset' | 'watch' | 'skips'>;

/**
 * Remembers a snapshot that is saved because of its step.
 * @returns whether one is: an evaluation is written into its snapshot
 */
export function noteSnapshot(
  { dataset, watch, skips }: StockNotes,
  step: number,
  due: Due,
): boolean {
  const save = due.save || (due.evaluate && dataset.heldOut().length > 0);
  if (save) watch.beforeSnapshot(step, skips.saved().inARow === 0);
  return save;
}

/** What a training leaves behind on its way, and from what. */
export interface StockContext extends MeasuredTraining {
  readonly run: Run;
  readonly log: Logger;
  readonly choice: Choice;
  readonly environment: Environment;
  /** Of the log's line that is yet to be written. */
  readonly averages: Averages;
  /** Updates that were left out. */
  readonly skips: SkipCount;
  readonly histories: Histories;
  readonly watch: Watch;
  readonly budget: Budget;
  /** Measures the averaged generator on the frames that it never saw. */
  readonly measure: (
    context: StockContext,
    state: TrainingState,
    options: MeasureOptions,
  ) => Promise<EvaluationFigures>;
  readonly stepLog: StepLog;
  readonly events: EventWriter;
  /** Where training goes on. */
  readonly start: Pick<StartingPoint, 'step' | 'snapshot' | 'attempt'>;
}

/** Of the time that there is in all, no more is kept for the evaluation at the end. */
const MOST_RESERVED = 0.25;

/** Takes stock: what a training leaves behind on its way. */
export interface Stock {
  /** Milliseconds that taking stock at the end is likely to take. */
  readonly reserveMs: number;
  /**
   * What is due after a step: the snapshot first, then a sample, then an evaluation, which is
   * written into the snapshot. Once the signal has come there are no more samples and evaluations.
   * @returns the evaluation; null where none was made
   */
  take(state: TrainingState, step: number, due: Due): Promise<Evaluation | null>;
  /**
   * What was due after the step that training goes on from, where it was stopped or killed before that.
   * @param saved the evaluation that its snapshot holds
   * @returns the evaluation that was due, from the snapshot or made now
   */
  makeUp(
    state: TrainingState,
    step: number,
    due: Due,
    saved: Evaluation | null,
  ): Promise<Evaluation | null>;
  /**
   * What the last step has not left behind already, in the same order. Of a training that was stopped
   * that is the snapshot alone: whoever stops a process does not wait for long.
   */
  finish(state: TrainingState, step: number, ending: TrainEnding): Promise<void>;
}

/** @param deadline of `performance.now()`, beyond which nothing is evaluated */
export function createStock(context: StockContext, deadline: number): Stock {
  const { dataset, signal, log, budget, pipeline } = context;
  const { training } = pipeline;
  const pixels = windowPixels({ size: dataset, patch: dataset.windowSize });
  const started = performance.now();
  const isHeldOut = dataset.heldOut().length > 0;
  const frames = evaluationFrames(dataset, training);
  /** The steps after which each was done last; what a training goes on from is saved. */
  const done = { save: context.start.step, sample: 0, evaluate: 0 };

  /** What was measured; null where the signal or the deadline came before its end. */
  async function evaluateInTime(
    state: TrainingState,
    step: number,
    ending: boolean,
  ): Promise<Evaluation | null> {
    const left = deadline - performance.now();
    const timeout = Number.isFinite(left) ? new AbortController() : null;
    const timer = timeout && setTimeout(() => timeout.abort(), Math.max(0, left));
    const signals = [signal, timeout?.signal].filter((one) => one !== undefined);
    const began = performance.now();
    const isLast = ending || step === budget.steps;
    const total = budget.totalAt(step - 1);
    const longFrames = longFramesAt(training, step, { total, isLast, pixels });
    try {
      const evaluation = await evaluate(context, state, step, {
        ending,
        longFrames,
        ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
      });
      const all = frames + FRAMES_BESIDE + longFrames;
      budget.learnBeside('evaluation', performance.now() - began, all);
      return evaluation;
    } catch (error) {
      if (!isFrameloomError(error, 'cancelled')) throw error;
      if (!signal?.aborted) {
        log.info(
          `step ${step}: not evaluated, the time was over before its ${frames} frames were made`,
        );
      }
      return null;
    } finally {
      if (timer) clearTimeout(timer);
    }
  }

  async function sampleInTime(state: TrainingState, step: number): Promise<void> {
    const began = performance.now();
    try {
      await sample(context, state, step);
      budget.learnBeside('sample', performance.now() - began, SAMPLE_FRAMES);
    } catch (error) {
      if (!isFrameloomError(error, 'cancelled')) throw error;
    }
  }

  /** Does what is due and was not done after this very step before. */
  async function leave(
    state: TrainingState,
    step: number,
    due: Due,
    ending: boolean,
  ): Promise<Evaluation | null> {
    const begin = (what: keyof typeof done): boolean => {
      if (!due[what] || done[what] === step) return false;
      if (what !== 'save' && signal?.aborted) return false;
      done[what] = step;
      return true;
    };
    if (begin('save')) await save(context, state, step);
    if (begin('sample')) await sampleInTime(state, step);
    if (!isHeldOut || !begin('evaluate')) return null;
    const evaluation = await evaluateInTime(state, step, ending);
    if (evaluation) {
      const { bestBy } = training;
      const score = scoreBy(bestBy, evaluation.figures);
      const verdict = { score, scoredBy: bestBy, evaluation };
      await judgeSnapshot(context.run.snapshots, step, verdict, keeping(context));
    }
    return evaluation;
  }

  return {
    get reserveMs() {
      if (!isHeldOut) return 0;
      const all =
        frames +
        FRAMES_BESIDE +
        longFramesAt(training, budget.steps, { total: null, isLast: true, pixels });
      return Math.min(budget.evaluationMs(all), MOST_RESERVED * (deadline - started));
    },
    async take(state, step, due) {
      const save = noteSnapshot(context, step, due);
      return leave(state, step, { ...due, save }, false);
    },
    async makeUp(state, step, due, saved) {
      if (isLasting(saved)) {
        done.evaluate = step;
        return due.evaluate ? saved : null;
      }
      const sample = due.sample && !existsSync(samplePath(context.run, step));
      return leave(state, step, { save: false, sample, evaluate: due.evaluate }, false);
    },
    async finish(state, step, ending) {
      const goesOn = ending !== 'cancelled' && step > 0;
      await leave(state, step, { save: true, sample: goesOn, evaluate: goesOn }, true);
    },
  };
}

/** Whether an evaluation was made because of its step, so that it stays with a training that goes on. */
export const isLasting = (saved: Evaluation | null): saved is Evaluation => saved?.ending === false;

const samplePath = (run: Run, step: number): string =>
  join(run.samples, `step-${String(step).padStart(7, '0')}.png`);

async function sample(context: StockContext, state: TrainingState, step: number): Promise<void> {
  const rows = await sampleRows(context.dataset, averageOf(context, state), context.signal);
  if (rows.length === 0) return;
  await writeStrip(samplePath(context.run, step), rows);
  await context.events.image(step, 'samples/condition_generated_real', composeStrip(rows));
}

/** Measures, judges and logs. */
async function evaluate(
  context: StockContext,
  state: TrainingState,
  step: number,
  { ending, ...how }: { ending: boolean; longFrames: number; signal?: AbortSignal },
): Promise<Evaluation> {
  const { stepLog, events, log, watch } = context;
  const figures = await context.measure(context, state, how);
  const evaluation = { figures, alarms: watch.alarmsOf(figures), ending };
  for (const [word, why] of Object.entries(evaluation.alarms)) {
    log.warn(`step ${step}: ${word}, ${why}`);
  }
  const acts = ending ? [] : watch.actsOf(figures, step);
  // An uninterrupted training would not have a line of its ending: a resumed one takes it out again.
  await stepLog.append({
    ...{ step, heldOut: figures, alarms: evaluation.alarms },
    ...(acts.length > 0 && { acts: acts.map(({ act, why }) => ({ act, why })) }),
    ...(ending && { ending }),
  });
  for (const { act, why } of acts) {
    log.info(`step ${step}: ${act}, ${why}`);
    await events.text(step, 'training/act', `${act}: ${why}`);
  }
  await stepLog.sync();
  await events.scalars(step, scalarsOf(figures));
  log.info(`step ${step}: held-out ${sayFigures(figures)}`);
  return evaluation;
}

/**
 * No step leaves such a state behind; but a snapshot is what a training can always go back to.
 * @throws FrameloomError diverged
 */
function assertFinite({ step, tensors }: Pick<Snapshot, 'step' | 'tensors'>): void {
  for (const [name, { data }] of Object.entries(tensors)) {
    if (data.every(Number.isFinite)) continue;
    throw new FrameloomError('diverged', `${name} is not finite at step ${step}: not saved`, {
      hint: 'go back to an earlier snapshot: --resume --snapshot STEP',
    });
  }
}

function keeping({ pipeline, log, start, watch }: StockContext) {
  const keep = [start.snapshot?.step ?? [], watch.healthyStep ?? []].flat();
  return {
    keepLast: pipeline.training.keepSnapshots,
    log,
    keep,
  };
}

async function save(context: StockContext, state: TrainingState, step: number): Promise<void> {
  const { pipeline, run, stepLog, model, choice, environment, averages, skips, watch, start } =
    context;
  await stepLog.sync();
  const histories = context.histories.saved();
  const styles = await clipStyles(context.dataset, averageOf(context, state));
  const snapshot = {
    step,
    tensors: { ...(await stateToTensors(model, state)), ...histories?.tensors },
    state: {
      seed: pipeline.seed,
      ...choice,
      environment,
      averages: averages.saved(),
      skipped: skips.saved(),
      attempt: start.attempt,
      ...(histories && { histories: histories.state }),
      ...(styles.length > 0 && { styles: styles as unknown as JsonValue }),
      ...watch.saved(),
    },
  };
  assertFinite(snapshot);
  await saveSnapshot(run.snapshots, snapshot, keeping(context));
}
