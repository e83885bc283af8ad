import { FrameloomError } from '../base/error.js';
import { bootstrapInterval, type Interval } from './bootstrap.js';
import { checkerRatioOf, UNSEEN_CHECKER } from './checker.js';
import { compositeScore } from './composite.js';
import type { Flicker } from './flicker.js';
import type { NetworkIntervals } from './network-measures.js';

/**
 * Means over a rollout. What compares neighbours is a mean over the pairs, and null where there
 * was none: one frame only, or no flow estimator for the last three.
 */
export interface RolloutMeasures {
  readonly frames: number;
  /** Decibels, mean over frames. */
  readonly psnr: number;
  /** −1 to 1, mean over frames. */
  readonly ssim: number;
  /** Mean |∇x| of generated over that of real; null when the real frames are flat. */
  readonly sharpnessRatio: number | null;
  /** Alternating pixels of generated over those of real: above 1.5 a pattern of dots; null as above. */
  readonly checkerRatio: number | null;
  /** SSIM less what sharpness, dots and motion take away: what the best snapshot is chosen by. */
  readonly score: number;
  /** Mean |Δt| of the generated frames, [−1, 1] units. */
  readonly temporalDifference: number | null;
  /** Mean |Δt| of the real frames. */
  readonly realTemporalDifference: number | null;
  /** Power by frequency over the real frames', dB; null under sixteen frames. */
  readonly flicker: Flicker | null;
  /** Mean square, [0, 1] units, along the flow of the real frames. */
  readonly warpingError: number | null;
  /** The same of the real frames: the floor. */
  readonly realWarpingError: number | null;
  /** Pixels. */
  readonly tOF: number | null;
  /** How the last quarter of the frames stands against the first: fading and blowing up. */
  readonly drift: RolloutDrift | null;
  /** How far the means would move with other frames of the same kind; null under eight frames. */
  readonly intervals: RolloutIntervals | null;
}

/** Last quarter of the frames minus the first; null under eight frames. */
export interface RolloutDrift {
  readonly psnr: number;
  readonly ssim: number;
  /** Of the sharpness ratios; null when the real frames of a quarter are flat. */
  readonly sharpnessRatio: number | null;
}

/** 95 % intervals by a block bootstrap over frames; null where the measure is. */
export interface RolloutIntervals extends NetworkIntervals {
  readonly psnr: Interval | null;
  readonly ssim: Interval | null;
  readonly sharpnessRatio: Interval | null;
  readonly checkerRatio: Interval | null;
}

/** One frame's own scores. */
export interface FrameScores {
  readonly psnr: number;
  readonly ssim: number;
  readonly sharpness: number;
  readonly realSharpness: number;
  readonly checker: number;
  readonly realChecker: number;
}

/** With what a network says of the frame. */
export interface JudgedFrameScores extends FrameScores {
  /** Distance from the real frame, where a network for it was named. */
  readonly lpips?: number;
}

/** Mean |Δt| of generated over that of real: 0 frozen, above 2 boiling; null where nothing moves. */
export function motionRatio(
  measures: Pick<RolloutMeasures, 'temporalDifference' | 'realTemporalDifference'>,
): number | null {
  const { temporalDifference: made, realTemporalDifference: real } = measures;
  return made === null || real === null || real === 0 ? null : made / real;
}

/** The composite of measures, which have an SSIM always; NaN where that is. */
export const scoreOf = (measures: Omit<RolloutMeasures, 'score' | 'intervals'>): number =>
  compositeScore({ ...measures, motionRatio: motionRatio(measures) }) ?? NaN;

/** Means of the frames of a rollout, and ratios of means. */
export function summaryOf(
  frames: readonly FrameScores[],
): Pick<RolloutMeasures, 'psnr' | 'ssim' | 'sharpnessRatio' | 'checkerRatio'> {
  if (frames.length === 0) throw new FrameloomError('bad-data', 'no frame was measured');
  const mean = (key: keyof FrameScores): number =>
    frames.reduce((sum, frame) => sum + frame[key], 0) / frames.length;
  const realSharpness = mean('realSharpness');
  return {
    psnr: mean('psnr'),
    ssim: mean('ssim'),
    sharpnessRatio: realSharpness === 0 ? null : mean('sharpness') / realSharpness,
    checkerRatio: checkerRatioOf(mean('checker'), mean('realChecker')),
  };
}

/**
 * What each frame adds to a ratio of means: values whose mean is the ratio, and whose spread is the ratio's to first
 * order. Null of a ratio that is none.
 */
function sharesOf(
  frames: readonly FrameScores[],
  [made, real]: readonly [keyof FrameScores, keyof FrameScores],
  unseen: number,
): number[] | null {
  const mean = (key: keyof FrameScores): number =>
    frames.reduce((sum, frame) => sum + frame[key] + unseen, 0) / frames.length;
  const below = mean(real);
  if (below === 0) return null;
  const ratio = mean(made) / below;
  return frames.map(
    (frame) => ratio + (frame[made] + unseen - ratio * (frame[real] + unseen)) / below,
  );
}

/**
 * The intervals of what several rollouts measured together; no block of frames reaches from one into another.
 * @param seed of the draws
 */
export function intervalsOf(
  rollouts: readonly (readonly FrameScores[])[],
  seed: number,
): RolloutIntervals | null {
  const of = (
    name: keyof RolloutIntervals,
    values: (frames: readonly FrameScores[]) => number[] | null,
  ): Interval | null => {
    const series = rollouts.map(values).filter((one) => one !== null);
    return bootstrapInterval(series, { seed, name });
  };
  const intervals = {
    psnr: of('psnr', (frames) => frames.map(({ psnr }) => psnr)),
    ssim: of('ssim', (frames) => frames.map(({ ssim }) => ssim)),
    sharpnessRatio: of('sharpnessRatio', (frames) =>
      sharesOf(frames, ['sharpness', 'realSharpness'], 0),
    ),
    checkerRatio: of('checkerRatio', (frames) =>
      sharesOf(frames, ['checker', 'realChecker'], UNSEEN_CHECKER),
    ),
  };
  return Object.values(intervals).every((one) => one === null) ? null : intervals;
}
