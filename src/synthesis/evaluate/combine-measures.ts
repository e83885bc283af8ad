import {
  intervalsOf,
  scoreOf,
  type Flicker,
  type FrameScores,
  type JudgedFrameScores,
  type NetworkMeasures,
  type RolloutMeasures,
} from '../../metrics/index.js';
import type { JudgedRow } from './networks/rows.js';

/** What one rollout measured, and the scores of its frames. */
export interface MeasuredRollout {
  readonly measures: RolloutMeasures;
  readonly frames: readonly FrameScores[];
}

/**
 * The mean of what several rollouts measured, each weighing as many frames as it has, and its intervals.
 * @param seed of the draws that intervals are made of
 */
export function combineMeasures(
  rollouts: readonly MeasuredRollout[],
  seed: number,
): RolloutMeasures {
  const parts = rollouts.map(({ measures }) => measures);
  const weighted = (value: (part: RolloutMeasures) => number | null): number | null => {
    let sum = 0;
    let frames = 0;
    for (const part of parts) {
      const own = value(part);
      if (own === null) continue;
      sum += own * part.frames;
      frames += part.frames;
    }
    return frames === 0 ? null : sum / frames;
  };
  const drifting = parts.filter((part) => part.drift !== null);
  const flicker = (band: keyof Flicker): number =>
    weighted((part) => part.flicker?.[band] ?? null)!;
  const measures = {
    frames: parts.reduce((sum, part) => sum + part.frames, 0),
    psnr: weighted((part) => part.psnr)!,
    ssim: weighted((part) => part.ssim)!,
    sharpnessRatio: weighted((part) => part.sharpnessRatio),
    checkerRatio: weighted((part) => part.checkerRatio),
    temporalDifference: weighted((part) => part.temporalDifference),
    realTemporalDifference: weighted((part) => part.realTemporalDifference),
    flicker: parts.every((part) => part.flicker === null)
      ? null
      : { slow: flicker('slow'), middle: flicker('middle'), fast: flicker('fast') },
    warpingError: weighted((part) => part.warpingError),
    realWarpingError: weighted((part) => part.realWarpingError),
    tOF: weighted((part) => part.tOF),
    drift:
      drifting.length === 0
        ? null
        : {
            psnr: weighted((part) => part.drift?.psnr ?? null)!,
            ssim: weighted((part) => part.drift?.ssim ?? null)!,
            sharpnessRatio: weighted((part) => part.drift?.sharpnessRatio ?? null),
          },
  };
  const intervals = intervalsOf(
    rollouts.map(({ frames }) => frames),
    seed,
  );
  return { ...measures, score: scoreOf(measures), intervals };
}

/** What was measured of a row, and what networks say of it where some were named. */
export type RowMeasures = RolloutMeasures & NetworkMeasures;

/** A row with what networks found of it. */
export const withNetworks = (
  measures: RolloutMeasures,
  found: JudgedRow | undefined,
): RowMeasures =>
  found
    ? {
        ...measures,
        ...found.measures,
        intervals: measures.intervals && { ...measures.intervals, ...found.intervals },
      }
    : measures;

/** The scores of a row's rollouts with the distances that a network found. */
export const withDistances = (
  rollouts: readonly (readonly FrameScores[])[],
  distances: readonly (readonly number[])[] | undefined,
): readonly (readonly JudgedFrameScores[])[] =>
  distances
    ? rollouts.map((frames, i) =>
        frames.map((frame, t) => ({ ...frame, lpips: distances[i]![t]! })),
      )
    : rollouts;
