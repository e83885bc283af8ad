/** What the composite score is made of; what is null says nothing and takes nothing away. */
export interface ScoredFigures {
  readonly ssim: number | null;
  /** Mean |∇x| of generated over real. */
  readonly sharpnessRatio: number | null;
  /** Checker of generated over real. */
  readonly checkerRatio: number | null;
  /** Mean |Δt| of generated over real: where the two below are not known. */
  readonly motionRatio: number | null;
  /** Mean |Δt| of the generated frames, [−1, 1] units. */
  readonly temporalDifference?: number | null;
  /** Of the real ones. */
  readonly realTemporalDifference?: number | null;
}

/** One level of 8 bits: noise that hardly anybody sees, and that no generator has to imitate. */
const UNSEEN_MOTION = 2 / 255;

/** Mean |Δt| of generated over real, a level added to both: still pictures differ by their noise alone. */
function seenMotion(figures: ScoredFigures): number | null {
  const { motionRatio, temporalDifference: made, realTemporalDifference: real } = figures;
  if (made === undefined || made === null || real === undefined || real === null) {
    return motionRatio;
  }
  return (made + UNSEEN_MOTION) / (real + UNSEEN_MOTION);
}

/** Between these each ratio is as it should be. */
export const COMPOSITE_BANDS = {
  sharpness: [0.9, 1.1],
  checker: [0, 1.2],
  motion: [0.8, 1.25],
} as const satisfies Record<string, readonly [low: number, high: number]>;

/** 1 within the band, and the root of how far a ratio is beyond it. */
function penalty(ratio: number | null, [low, high]: readonly [number, number]): number {
  if (ratio === null) return 1;
  return Math.sqrt(Math.max(0, Math.min(1, low === 0 ? 1 : ratio / low, high / ratio)));
}

/**
 * The one number that the best snapshot is chosen by:
 *
 *   score = SSIM · p(sharpness, 0.9, 1.1) · p(checker, 0, 1.2) · p(motion, 0.8, 1.25)
 *   p(r, low, high) = √min(1, r / low, high / r)
 *
 * motion being (mean |Δt| of generated + a level of 8 bits) / (that of real + a level): where only noise moves, a
 * still picture is right. SSIM alone prefers what is blurred, and of a scene that hardly moves what stands still: both are penalties here,
 * and dots, which SSIM hardly sees, are another. By the root, a tenth of sharpness lost weighs as a twentieth of SSIM.
 * @returns null where there is no SSIM; SSIM itself where that is not above 0
 */
export function compositeScore(figures: ScoredFigures): number | null {
  const { ssim, sharpnessRatio, checkerRatio } = figures;
  if (ssim === null || !Number.isFinite(ssim)) return null;
  if (ssim <= 0) return ssim;
  const { sharpness, checker, motion } = COMPOSITE_BANDS;
  return (
    ssim *
    penalty(sharpnessRatio, sharpness) *
    penalty(checkerRatio, checker) *
    penalty(seenMotion(figures), motion)
  );
}
