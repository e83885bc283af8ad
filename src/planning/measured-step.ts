import type { Peak, Schedule } from '../autodiff/index.js';

export interface FrameSize {
  readonly height: number;
  readonly width: number;
}

export const pixelsOf = ({ height, width }: FrameSize): number => height * width;

/** The two sizes that are measured; others follow by the line through them. */
export const PROFILE_SIZES: readonly [FrameSize, FrameSize] = [
  { height: 48, width: 64 },
  { height: 80, width: 96 },
];

/** A short step of one window to measure. */
export interface Trial {
  readonly frames: number;
  /** Null for one tape. */
  readonly segments: Schedule | null;
  /** Of the blocks of a frame that is a segment by itself; null for one tape. */
  readonly stretches: readonly number[] | null;
  readonly judgedFrames: number;
  readonly warmUp: number;
}

/** Of a training, what its memory is planned from: a step that can be run, and what it is made of. */
export interface MeasuredStep {
  /**
   * Runs one step op by op, on weights and a window that are made for it and measured with it.
   * @returns the bytes of all its tensors
   */
  measure(trial: Trial, size: FrameSize): Peak<void>;
  /** The fewest frames of a rollout in which all that a step does has its turn. */
  readonly shortestFrames: number;
  /** Frames of the state from one frame of the rollout to the next. */
  readonly historyFrames: number;
  /** For each block of a frame, first to last, its share of the frame's arithmetic. */
  readonly blockShares: readonly number[];
  /** Frames in front of a rollout, in this share of the steps. */
  readonly warmUp: { readonly frames: number; readonly fraction: number };
}

/**
 * More than the longest rollout of a training takes on one tape, from a single short step of small
 * frames: everything is taken to grow with the pixels and with the frames, which weights do not.
 */
export function plainBound(
  step: MeasuredStep,
  { batch, frames }: { readonly batch: number; readonly frames: number },
  size: FrameSize,
): number {
  const { shortestFrames: short, warmUp } = step;
  const onOneTape = { segments: null, stretches: null, judgedFrames: short };
  const [small] = PROFILE_SIZES;
  const { peakBytes } = step.measure({ frames: short, ...onOneTape, warmUp: 0 }, small);
  const larger = Math.max(1, (pixelsOf(size) * batch) / pixelsOf(small));
  const longer = Math.max(1, (frames + warmUp.frames) / short);
  return Math.ceil(peakBytes * larger * longer);
}
