import { FrameloomError, isFrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import type { Dataset } from '../clips/index.js';
import { chooseRollouts } from '../synthesis/evaluate/choose-rollouts.js';
import { evaluateHeldOut, sampleRows } from '../synthesis/evaluate/held-out.js';
import { measureInfluence } from '../synthesis/evaluate/influence.js';
import type { Averages } from './averages.js';
import type { Choice } from './choices.js';
import type { Environment } from './environment.js';
import { stateToTensors, type Model, type TrainingState } from './model.js';
import type { EventWriter } from './run/event-writer.js';
import type { Run } from './run/run-folder.js';
import { saveSnapshot, scoreSnapshot, type Snapshot } from './run/snapshot-store.js';
import type { StepLog } from './run/step-log.js';
import { composeStrip, writeStrip } from './run/strip.js';
import type { TrainingOptions } from './options.js';
import { OF_A_TRAINED_FRAME } from './pace.js';
import type { Due } from './schedule.js';
import type { SkipCount } from './skipping.js';
import type { Watch } from './watch.js';

/** What a training leaves behind on its way, and from what. */
export interface StockContext {
  readonly pipeline: { readonly seed: number; readonly training: TrainingOptions };
  readonly run: Run;
  readonly log: Logger;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly choice: Choice;
  readonly environment: Environment;
  /** Of the log's line that is yet to be written. */
  readonly averages: Averages;
  /** Updates that were left out. */
  readonly skips: SkipCount;
  readonly watch: Watch;
  readonly stepLog: StepLog;
  readonly events: EventWriter;
  readonly resumedFromStep: number | null;
  /** Ends sampling and evaluating at once. */
  readonly signal?: AbortSignal | undefined;
  /** How far an evaluation is. */
  readonly onEvaluation?: ((done: number, total: number) => void) | undefined;
}

/** How a training ended: all steps done, out of time, or stopped by the signal. */
export type TrainEnding = 'done' | 'time' | 'cancelled';

/** Of the time that there is in all, no more is kept for the evaluation at the end. */
const MOST_RESERVED = 0.25;

/** Takes stock: what a training leaves behind on its way. */
export interface Stock {
  /** Milliseconds that taking stock at the end is likely to take. */
  readonly reserveMs: number;
  /** Told what a step took, for what nothing is known yet of an evaluation. */
  learnPace(stepMs: number, frames: number): void;
  /**
   * What is due after a step: the snapshot first, then a sample, then an evaluation, whose score is
   * written into the snapshot. Once the signal has come there are no more samples and evaluations.
   */
  take(state: TrainingState, step: number, due: Due): Promise<void>;
  /**
   * What the last step has not left behind already, in the same order. Of a training that was stopped
   * that is the snapshot alone: whoever stops a process does not wait for long.
   */
  finish(state: TrainingState, step: number, ending: TrainEnding): Promise<void>;
}

/** Held-out frames that an evaluation generates. */
export const evaluationFrames = ({ pipeline, dataset }: StockContext): number =>
  chooseRollouts(dataset.heldOut(), boundsOf(pipeline.training)).reduce(
    (sum, rollout) => sum + rollout.frames,
    0,
  );

/** @param deadline of `performance.now()`, beyond which nothing is evaluated */
export function createStock(context: StockContext, deadline: number): Stock {
  const { dataset, signal, log } = context;
  const started = performance.now();
  const isHeldOut = dataset.heldOut().length > 0;
  const frames = evaluationFrames(context);
  let frameMs: number | null = null;
  let evaluationMs: number | null = null;
  /** The steps after which each was done last; what a training goes on from is saved. */
  const done = { save: context.resumedFromStep ?? 0, sample: 0, evaluate: 0 };

  /** What was measured, unless the signal or the deadline came before its end. */
  async function evaluateInTime(
    state: TrainingState,
    step: number,
    ending: boolean,
  ): Promise<number | undefined> {
    const left = deadline - performance.now();
    const timeout = Number.isFinite(left) ? new AbortController() : null;
    const timer = timeout && setTimeout(() => timeout.abort(), Math.max(0, left));
    const signals = [signal, timeout?.signal].filter((one) => one !== undefined);
    const began = performance.now();
    try {
      const score = await evaluate(context, state, step, {
        ending,
        ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
      });
      evaluationMs = performance.now() - began;
      return score;
    } catch (error) {
      if (!isFrameloomError(error, 'cancelled')) throw error;
      if (!signal?.aborted) {
        log.info(
          `step ${step}: not evaluated, the time was over before its ${frames} frames were made`,
        );
      }
      return undefined;
    } finally {
      if (timer) clearTimeout(timer);
    }
  }

  async function sampleInTime(state: TrainingState, step: number): Promise<void> {
    try {
      await sample(context, state, step);
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
  ): Promise<void> {
    const begin = (what: keyof typeof done): boolean => {
      if (!due[what] || done[what] === step) return false;
      if (what !== 'save' && signal?.aborted) return false;
      done[what] = step;
      return true;
    };
    if (begin('save')) await save(context, state, step);
    if (begin('sample')) await sampleInTime(state, step);
    if (!isHeldOut || !begin('evaluate')) return;
    const score = await evaluateInTime(state, step, ending);
    // The best snapshot is chosen by its score.
    if (score !== undefined) {
      await scoreSnapshot(context.run.snapshots, step, score, keeping(context));
    }
  }

  return {
    get reserveMs() {
      const guess = frames * (frameMs ?? 0) * OF_A_TRAINED_FRAME;
      const most = MOST_RESERVED * (deadline - started);
      return Math.min(evaluationMs ?? guess, most);
    },
    learnPace(stepMs, trainedFrames) {
      // The first step is recorded, and takes many times as long as any after it.
      const ms = stepMs / trainedFrames;
      frameMs = frameMs === null ? ms : Math.min(frameMs, ms);
    },
    async take(state, step, due) {
      const save = due.save || (due.evaluate && isHeldOut);
      await leave(state, step, { ...due, save }, false);
    },
    async finish(state, step, ending) {
      const goesOn = ending !== 'cancelled' && step > 0;
      await leave(state, step, { save: true, sample: goesOn, evaluate: goesOn }, true);
    },
  };
}

const boundsOf = (training: TrainingOptions) => ({
  framesPerSegment: training.evaluateFrames,
  mostFrames: training.evaluateTotalFrames,
});

const averageOf = ({ model, pipeline }: StockContext, state: TrainingState) => ({
  generator: model.generator,
  weights: state.average,
  seed: pipeline.seed,
});

async function sample(context: StockContext, state: TrainingState, step: number): Promise<void> {
  const rows = await sampleRows(context.dataset, averageOf(context, state), context.signal);
  if (rows.length === 0) return;
  const name = `step-${String(step).padStart(7, '0')}.png`;
  await writeStrip(`${context.run.samples}/${name}`, rows);
  await context.events.image(step, 'samples/condition_generated_real', composeStrip(rows));
}

/** Logs and returns the score, which is the structural similarity. */
async function evaluate(
  context: StockContext,
  state: TrainingState,
  step: number,
  { ending, signal }: { ending: boolean; signal?: AbortSignal },
): Promise<number> {
  const { dataset, pipeline, stepLog, events, log, watch, onEvaluation } = context;
  const bounds = boundsOf(pipeline.training);
  const trained = averageOf(context, state);
  const { rows } = await evaluateHeldOut(dataset, trained, {
    ...bounds,
    ...(signal && { signal }),
    ...(onEvaluation && { onFrame: onEvaluation }),
  });
  const { generated } = rows;
  const { psnr, ssim, sharpnessRatio, checkerRatio } = generated;
  const [rollout] = chooseRollouts(dataset.heldOut(), bounds);
  const influence = await measureInfluence(dataset, trained, rollout!, signal);
  const alarms = watch.afterEvaluation(generated, influence, step);
  const heldOut = { psnr, ssim, sharpnessRatio, checkerRatio, ...influence };
  // An uninterrupted training would not have this line: a resumed one takes it out again.
  await stepLog.append({ step, heldOut, alarms, ...(ending && { ending }) });
  const scalars = {
    'held_out/psnr': psnr,
    'held_out/ssim': ssim,
    'held_out/sharpness': sharpnessRatio,
    'held_out/checker': checkerRatio,
    'held_out/condition_use': influence.conditionUse,
    'held_out/diversity': influence.diversity,
  };
  await events.scalars(
    step,
    Object.fromEntries(
      Object.entries(scalars).filter((one): one is [string, number] => one[1] !== null),
    ),
  );
  log.info(`step ${step}: held-out PSNR ${psnr.toFixed(2)} dB, SSIM ${ssim.toFixed(3)}`);
  return ssim;
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

function keeping({ pipeline, log, resumedFromStep }: StockContext) {
  return {
    keepLast: pipeline.training.keepSnapshots,
    log,
    ...(resumedFromStep !== null && { resumedFromStep }),
  };
}

async function save(context: StockContext, state: TrainingState, step: number): Promise<void> {
  const { pipeline, run, stepLog, model, choice, environment, averages, skips, watch } = context;
  await stepLog.sync();
  const snapshot = {
    step,
    tensors: await stateToTensors(model, state),
    state: {
      seed: pipeline.seed,
      ...choice,
      environment,
      averages: averages.saved(),
      skipped: skips.saved(),
      stability: watch.saved(),
    },
  };
  assertFinite(snapshot);
  await saveSnapshot(run.snapshots, snapshot, keeping(context));
}
