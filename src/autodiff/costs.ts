/** The parts of a training step through segments that can be its peak, in their order. */
export const PHASES = ['forward', 'judge', 'back', 'train', 'update'] as const;
export type Phase = (typeof PHASES)[number];

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

/** What a training step through a rollout of frames takes, measured; for the whole batch. */
export interface StepCosts {
  /** The whole step with the rollout on one tape. */
  readonly plain: PhaseBytes;
  readonly phases: Readonly<Record<Phase, PhaseBytes>>;
  /** The state from one frame to the next: the history. */
  readonly stateBytes: number;
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

/** Costs measured at some size. */
export interface MeasuredCosts {
  /** Pixels of a frame times the batch. */
  readonly pixels: number;
  readonly costs: StepCosts;
}

/**
 * Costs at another size. Bytes by the line through two measurements: what belongs to weights is the
 * same at every size, what belongs to activations grows with the pixels. They are rounded up. Times
 * waver, and a line would multiply that: a frame's is taken to grow with its pixels from the second
 * measurement, which should be the larger.
 */
export function costsAt(pixels: number, a: MeasuredCosts, b: MeasuredCosts): StepCosts {
  const share = (pixels - a.pixels) / (b.pixels - a.pixels);
  const [x, y] = [a.costs, b.costs];
  const line = (p: number, q: number): number => p + (q - p) * share;
  const bytes = (p: PhaseBytes, q: PhaseBytes): PhaseBytes => ({
    base: Math.ceil(line(p.base, q.base)),
    perFrame: Math.ceil(line(p.perFrame, q.perFrame)),
    perTapeFrame: Math.ceil(line(p.perTapeFrame, q.perTapeFrame)),
    perJudgedFrame: Math.ceil(line(p.perJudgedFrame, q.perJudgedFrame)),
  });
  const scale = pixels / b.pixels;
  return {
    plain: bytes(x.plain, y.plain),
    phases: Object.fromEntries(
      PHASES.map((phase) => [phase, bytes(x.phases[phase], y.phases[phase])]),
    ) as Record<Phase, PhaseBytes>,
    stateBytes: Math.ceil(line(x.stateBytes, y.stateBytes)),
    forwardSeconds: y.forwardSeconds * scale,
    plainSeconds: y.plainSeconds * scale,
    fixedSeconds: y.fixedSeconds,
    warmUpFrames: y.warmUpFrames,
  };
}
