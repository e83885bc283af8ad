import { SAMPLE_FRAMES } from '../synthesis/evaluate/held-out.js';
import { mayDrift } from '../synthesis/evaluate/long-rollout.js';
import type { WindowPixels } from '../clips/index.js';
import type { StepsOrShare, TrainingOptions } from './options.js';
import { divideByAt, rolloutFrames } from './schedule.js';
import { isPast, stepsOf, withCount, type StepCounts, type TotalSteps } from './step-counts.js';

/** Of a frame that is trained on, the share that one takes which is only generated, at the most. */
export const OF_A_TRAINED_FRAME = 0.5;
/** The same of a frame of warm-up, until one is measured: a third was planned with too many steps. */
const WARM_UP = 1 / 2;
/** Of the minutes, the share after which their steps are counted first; after so many steps before that. */
const MEASURED_SHARE = 0.05;
const MEASURED_STEPS = 50;
/** Of the minutes or of the steps, whichever is further, the shares after which they are counted again. */
const COUNTED_AGAIN = [1 / 3, 2 / 3, 9 / 10];
/** Fewer say little: the first of each kind is recorded, and one may have waited for the disk. */
export const FEWEST_STEPS = 8;
/** Of the time that is left, the share that is planned with: machines get slower too. */
const PLANNED_SHARE = 0.96;
/** Of all minutes, the share that is kept at the least once steps were counted before. */
const KEPT_SHARE = 0.01;
/** Places at which the frames of a step are looked at. */
const PLACES = 256;

/** Frames besides, generated and judged, that an evaluation takes for influence and overfitting. */
export const FRAMES_BESIDE = 40;

/** Of what all steps take, the most that the long rollout of the last evaluation may take. */
const LAST_LONG_SHARE = 0.1;

interface LongRollouts {
  readonly total: TotalSteps;
  readonly isLast: boolean;
  readonly pixels: Pick<WindowPixels, 'whole'>;
}

/** A training as it is measured: of a generator without memory, which cannot drift, no long rollout is made. */
export const asMeasured = (
  training: TrainingOptions,
  generator: Parameters<typeof mayDrift>[0],
): TrainingOptions => (mayDrift(generator) ? training : { ...training, evaluateLongFrames: 0 });

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
  { total, isLast, pixels }: LongRollouts,
): number {
  const { evaluateLongFrames, evaluateLongShare, evaluateEverySteps, batch, frames } = training;
  const [steps, share] = isLast
    ? [done, Math.max(LAST_LONG_SHARE, evaluateLongShare)]
    : [Math.max(1, stepsOf(evaluateEverySteps, total)), evaluateLongShare];
  const taken = evaluateLongFrames * OF_A_TRAINED_FRAME * pixels.whole;
  const isShort = taken <= share * steps * batch * frames;
  return isShort ? evaluateLongFrames : 0;
}

/** What a step took, and the frames of its batch that it trained on and that it was warmed up by. */
export interface StepTime {
  readonly ms: number;
  readonly frames: number;
  readonly warmUpFrames?: number;
  /** Pixels of its frames by those of a window once frames have grown; 1 unless given. */
  readonly share?: number;
}

/**
 * A step by frames that have grown: what a frame takes goes by its pixels, so that a smaller one is a part of one. Small
 * ones take a little more than that, and a training that grows is counted again once it has.
 */
export function inWholeFrames(step: StepTime): StepTime {
  const { ms, frames, warmUpFrames = 0, share = 1 } = step;
  return { ms, frames: frames * share, warmUpFrames: warmUpFrames * share };
}

/** The minutes of a training, and what has passed of them. */
export interface TrainingTime {
  readonly minutes: number;
  readonly elapsedMs: number;
}

/** What is done beside steps, by the frames that it generates. */
export type Beside = 'sample' | 'evaluation';

/** What a machine makes of a training. */
export interface Pace {
  /** What a frame takes that is trained on, and one of warm-up. */
  readonly frameMs: number;
  readonly warmUpMs: number;
  /** What recording a rollout of another length takes. */
  readonly recordingMs: number;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

/** Whether so many measured steps tell how many the time holds. */
export function isEnough(steps: number, { minutes, elapsedMs }: TrainingTime): boolean {
  if (steps < FEWEST_STEPS) return false;
  return steps >= MEASURED_STEPS || elapsedMs >= MEASURED_SHARE * minutes * 60_000;
}

/** How often steps are to have been counted again by now. */
export function countsDue(done: number, steps: number, time: TrainingTime): number {
  const share = Math.max(done / steps, time.elapsedMs / (time.minutes * 60_000));
  return COUNTED_AGAIN.filter((one) => one <= share).length;
}

/** Milliseconds that a step takes where nothing is recorded. */
const usual = (
  { frames, warmUpFrames = 0 }: StepTime,
  { frameMs, warmUpMs }: Omit<Pace, 'recordingMs'>,
) => frames * frameMs + warmUpFrames * warmUpMs;

/** What takes this many times as long as usual was recorded, or waited for something. */
const NOT_USUAL = 2;

/** What frames take, by medians: the first step of each kind is recorded, and takes many times as long. */
function typical(measured: readonly StepTime[]): Omit<Pace, 'recordingMs'> {
  const cold = measured.filter(({ warmUpFrames = 0 }) => warmUpFrames === 0);
  const warm = measured.filter(({ warmUpFrames = 0 }) => warmUpFrames > 0);
  const frameMs = median(
    cold.length > 0
      ? cold.map(({ ms, frames }) => ms / frames)
      : warm.map(({ ms, frames, warmUpFrames = 0 }) => ms / (frames + WARM_UP * warmUpFrames)),
  );
  const own = warm.map(
    ({ ms, frames, warmUpFrames = 1 }) => (ms - frames * frameMs) / warmUpFrames,
  );
  const isKnown = cold.length > 0 && warm.length > 0;
  return { frameMs, warmUpMs: isKnown ? Math.max(0, median(own)) : WARM_UP * frameMs };
}

/**
 * The pace of a training by what its steps took. Of the first steps the median counts. Later ones, whose machine
 * may have become slower, are taken from their middle on, by the mean of all but what is recorded.
 * @param measured steps since the count before
 * @param before what that made of them; null for the first count
 */
export function paceOf(measured: readonly StepTime[], before: Pace | null): Pace {
  const half = measured.slice(Math.floor(measured.length / 2));
  const recent = before && half.length >= FEWEST_STEPS ? half : measured;
  const middle = typical(recent);
  const took = recent.map((one) => Math.min(one.ms, NOT_USUAL * usual(one, middle)));
  const scale = before ? sum(took) / sum(recent.map((one) => usual(one, middle))) : 1;
  const frames = { frameMs: scale * middle.frameMs, warmUpMs: scale * middle.warmUpMs };
  const excess = measured.map((one) => Math.max(0, one.ms - NOT_USUAL * usual(one, middle)));
  const lengths = new Set(measured.map((one) => one.frames)).size - (before ? 1 : 0);
  return { ...frames, recordingMs: lengths > 0 ? sum(excess) / lengths : before!.recordingMs };
}

export interface CountOptions {
  readonly training: TrainingOptions;
  /** Steps done. */
  readonly from: number;
  /** Steps in all at the most. */
  readonly most: number;
  readonly time: TrainingTime;
  readonly pace: Pace;
  /** Those before. */
  readonly counts?: StepCounts;
  /** Frames that an evaluation generates. */
  readonly evaluationFrames: number;
  readonly pixels: WindowPixels;
  /** What one of its frames, or of a sample's, takes beside one that is trained on, as far as it is measured. */
  readonly beside?: Readonly<Partial<Record<Beside, number>>>;
}

/**
 * All steps of a training that ends with the time, at least one: rollouts that grow, warm-ups, graphs that
 * are yet to be recorded, samples and evaluations are counted in.
 */
export function countSteps(options: CountOptions): number {
  const {
    training,
    from,
    most,
    time,
    pace,
    counts = [],
    evaluationFrames,
    pixels,
    beside = {},
  } = options;
  const allMs = time.minutes * 60_000;
  const kept = counts.length === 0 ? 0 : KEPT_SHARE * allMs;
  const left = allMs - time.elapsedMs;
  const leftMs = Math.min(PLANNED_SHARE * left, left - kept);
  const { batch, warmUp, histories } = training;
  const { frameMs, warmUpMs, recordingMs } = pace;

  const times = (every: StepsOrShare, steps: number): number => {
    const interval = Math.max(1, stepsOf(every, steps));
    const atTheEnd = steps % interval === 0 ? 0 : 1;
    return Math.floor(steps / interval) - Math.floor(from / interval) + atTheEnd;
  };
  const msOf = (steps: number): number => {
    const then = withCount(counts, { steps, fromStep: from });
    const stepMs = (step: number): number => {
      const isWarm = isPast(warmUp.fromStep, step, then);
      const goOn = isPast(histories.fromStep, step, then) ? histories.fraction : 0;
      // What goes on from a kept history has no warm-up, and what begins with none may have one.
      const others = 1 - goOn * (1 - training.coldStartFraction);
      const warm = isWarm ? others * warmUp.fraction * warmUp.frames : 0;
      const share = pixels.small(divideByAt(training, step, then));
      return share * (rolloutFrames(training, step, then) * frameMs + warm * warmUpMs);
    };
    let trained = 0;
    for (let i = 0; i < PLACES; i += 1) {
      trained += stepMs(from + ((i + 0.5) / PLACES) * (steps - from));
    }
    const evaluations = evaluationFrames === 0 ? 0 : times(training.evaluateEverySteps, steps);
    const long =
      Math.min(1, evaluations) *
        longFramesAt(training, steps, { total: steps, isLast: true, pixels }) +
      Math.max(0, evaluations - 1) *
        longFramesAt(training, steps, { total: steps, isLast: false, pixels });
    const evaluated = evaluations * (evaluationFrames + FRAMES_BESIDE) + long;
    const sampled = times(training.sampleEverySteps, steps) * SAMPLE_FRAMES;
    const generated =
      evaluated * (beside.evaluation ?? OF_A_TRAINED_FRAME * pixels.whole) +
      sampled * (beside.sample ?? OF_A_TRAINED_FRAME * pixels.whole);
    const longer = rolloutFrames(training, steps, then) - rolloutFrames(training, from, then);
    const larger = divideByAt(training, from, then) === divideByAt(training, steps, then) ? 0 : 1;
    const { judgedFraction, fromStep } = histories;
    const isJudged = (step: number): boolean => judgedFraction > 0 && isPast(fromStep, step, then);
    // One more kind of step, once such steps begin.
    const judged = isJudged(steps) && !isJudged(from) ? 1 : 0;
    const recorded = (longer + larger + judged) * recordingMs;
    return (trained / PLACES) * (steps - from) * batch + generated * frameMs + recorded;
  };

  let low = from;
  // No step takes less than one frame does.
  let high = Math.min(most, from + Math.ceil(leftMs / Math.max(frameMs * batch, 1e-3)));
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (msOf(middle) <= leftMs) low = middle;
    else high = middle - 1;
  }
  return Math.max(1, low);
}
