import { SAMPLE_FRAMES } from '../synthesis/evaluate/held-out.js';
import type { StepsOrShare, TrainingOptions } from './options.js';
import { rolloutFrames, stepsOf, type TotalSteps } from './schedule.js';

/** Of a frame that is trained on, the share that one takes which is only generated, at the most. */
export const OF_A_TRAINED_FRAME = 0.5;
/** The same of a frame of warm-up, which is not measured either: a third was planned with too many steps. */
const WARM_UP = 1 / 2;
/** Of the minutes, the share after which their steps are counted; after so many steps before that. */
const MEASURED_SHARE = 0.05;
const MEASURED_STEPS = 50;
/** Fewer say little: the first of each kind is recorded, and one may have waited for the disk. */
export const FEWEST_STEPS = 8;
/** Of the time that is left, the share that is planned with: machines get slower too. */
const PLANNED_SHARE = 0.96;
/** Places at which the frames of a step are looked at. */
const PLACES = 256;

/** Frames besides, generated and judged, that an evaluation takes for influence and overfitting. */
const BESIDE = 40;

/** Of what all steps take, the most that the long rollout of the last evaluation may take. */
const LAST_LONG_SHARE = 0.1;

/**
 * Frames of the long rollout of the evaluation after so many steps; 0 where it would take too much: at the end a
 * tenth of the training, before it a share of the steps between two evaluations. That is counted in frames and
 * not by the clock, so that trainings of one pipeline measure the same.
 * @param done steps
 * @param isLast whether training ends here
 */
export function longFramesAt(
  training: TrainingOptions,
  done: number,
  total: TotalSteps,
  isLast: boolean,
): number {
  const { evaluateLongFrames, evaluateLongShare, evaluateEverySteps, batch, frames } = training;
  const [steps, share] = isLast
    ? [done, Math.max(LAST_LONG_SHARE, evaluateLongShare)]
    : [Math.max(1, stepsOf(evaluateEverySteps, total)), evaluateLongShare];
  const isShort = evaluateLongFrames * OF_A_TRAINED_FRAME <= share * steps * batch * frames;
  return isShort ? evaluateLongFrames : 0;
}

/** What a step took, and the frames of its batch that it trained on. */
export interface StepTime {
  readonly ms: number;
  readonly frames: number;
}

/** The minutes of a training, and what has passed of them. */
export interface TrainingTime {
  readonly minutes: number;
  readonly elapsedMs: number;
}

export interface CountOptions {
  readonly training: TrainingOptions;
  /** Steps done. */
  readonly from: number;
  /** Steps in all at the most. */
  readonly most: number;
  readonly time: TrainingTime;
  readonly measured: readonly StepTime[];
  /** Frames that an evaluation generates. */
  readonly evaluationFrames: number;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Whether so many measured steps tell how many the time holds. */
export function isEnough(steps: number, { minutes, elapsedMs }: TrainingTime): boolean {
  if (steps < FEWEST_STEPS) return false;
  return steps >= MEASURED_STEPS || elapsedMs >= MEASURED_SHARE * minutes * 60_000;
}

/**
 * All steps of a training that ends with the time, at least one: rollouts that grow, warm-ups, graphs that
 * are yet to be recorded, samples and evaluations are counted in, by what a frame of the first steps took.
 */
export function countSteps(options: CountOptions): { steps: number; frameMs: number } {
  const { training, from, most, time, measured, evaluationFrames } = options;
  const leftMs = PLANNED_SHARE * (time.minutes * 60_000 - time.elapsedMs);
  const { batch, warmUp } = training;
  // A median: the first step of each kind is recorded, and takes many times as long.
  const frameMs = median(measured.map(({ ms, frames }) => ms / frames));
  const recordingMs = measured.reduce(
    (sum, { ms, frames }) => sum + Math.max(0, ms - 2 * frames * frameMs),
    0,
  );

  const framesAt = (step: number, steps: number): number => {
    const isWarm = step >= stepsOf(warmUp.fromStep, steps);
    const warm = isWarm ? warmUp.fraction * warmUp.frames * WARM_UP : 0;
    return rolloutFrames(training, step, steps) + warm;
  };
  const times = (every: StepsOrShare, steps: number): number => {
    const interval = Math.max(1, stepsOf(every, steps));
    const atTheEnd = steps % interval === 0 ? 0 : 1;
    return Math.floor(steps / interval) - Math.floor(from / interval) + atTheEnd;
  };
  const msOf = (steps: number): number => {
    let sum = 0;
    for (let i = 0; i < PLACES; i += 1) {
      sum += framesAt(from + ((i + 0.5) / PLACES) * (steps - from), steps);
    }
    const trained = (sum / PLACES) * (steps - from) * batch;
    const evaluations = evaluationFrames === 0 ? 0 : times(training.evaluateEverySteps, steps);
    const long =
      Math.min(1, evaluations) * longFramesAt(training, steps, steps, true) +
      Math.max(0, evaluations - 1) * longFramesAt(training, steps, steps, false);
    const generated =
      evaluations * (evaluationFrames + BESIDE) +
      long +
      times(training.sampleEverySteps, steps) * SAMPLE_FRAMES;
    const longer = rolloutFrames(training, steps, steps) - rolloutFrames(training, from, steps);
    return (trained + OF_A_TRAINED_FRAME * generated) * frameMs + longer * recordingMs;
  };

  let low = from;
  // No step takes less than one frame does.
  let high = Math.min(most, from + Math.ceil(leftMs / Math.max(frameMs * batch, 1e-3)));
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (msOf(middle) <= leftMs) low = middle;
    else high = middle - 1;
  }
  return { steps: Math.max(1, low), frameMs };
}
