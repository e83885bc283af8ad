import type { Phase } from '../autodiff/index.js';

/**
 * The most bytes of tensors in one phase: a plane through what the phase depends on. Kept states are
 * not in it: they are counted one by one.
 */
export interface PhaseBytes {
  readonly base: number;
  /** For each frame of the rollout. */
  readonly perFrame: number;
  /** For each frame of the longest tape; only in `back`. */
  readonly perTapeFrame: number;
  /** For each frame that the discriminators judge at once; only in `judge` and `train`. */
  readonly perJudgedFrame: number;
}

/** What one block of a frame takes, measured; for the whole batch. */
export interface BlockCosts {
  /** What it adds to a tape that it runs on. */
  readonly tapeBytes: number;
  /**
   * The most while it is pulled back from a tape of its own, by what `phases.back` says without any
   * tape; what lies between blocks is not in it.
   */
  readonly peakBytes: number;
  /** What goes from it to the next block. */
  readonly leftBytes: number;
  /** Of a frame's arithmetic forward: what running it again costs. A count, the same on every machine. */
  readonly forwardShare: number;
}

/** What a training step through a rollout of frames takes, measured; for the whole batch. */
export interface StepCosts {
  /** With the rollout on one tape: by the frames alone. */
  readonly plain: Readonly<Record<Phase, PhaseBytes>>;
  /** With the rollout in segments. */
  readonly phases: Readonly<Record<Phase, PhaseBytes>>;
  /** The state from one frame to the next: the history. */
  readonly stateBytes: number;
  /** Those that a frame is made of, first to last. */
  readonly blocks: readonly BlockCosts[];
  /** A frame without a tape. */
  readonly forwardSeconds: number;
  /** A frame in the whole step with the rollout on one tape, the discriminators included. */
  readonly plainSeconds: number;
  /** What the step takes whatever its frames and their size. */
  readonly fixedSeconds: number;
  /** Frames that a step generates without training on them, on average. */
  readonly warmUpFrames: number;
}

/** What a phase's bytes depend on. */
export interface PhaseSize {
  readonly frames: number;
  readonly tapeFrames?: number;
  readonly judgedFrames?: number;
}

export const phaseBytes = (bytes: PhaseBytes, size: PhaseSize): number =>
  bytes.base +
  bytes.perFrame * size.frames +
  bytes.perTapeFrame * (size.tapeFrames ?? 0) +
  bytes.perJudgedFrame * (size.judgedFrames ?? 0);
