/** What the composite score is made of; what is null says nothing and takes nothing away. */
export interface ScoredFigures {
  readonly ssim: number | null;
  /** Mean |∇x| of generated over real. */
  readonly sharpnessRatio: number | null;
  /** Checker of generated over real. */
  readonly checkerRatio: number | null;
  /** Mean |Δt| of generated over real. */
  readonly motionRatio: number | null;
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
 * SSIM alone prefers what is blurred, and of a scene that hardly moves what stands still: both are penalties here,
 * and dots, which SSIM hardly sees, are another. By the root, a tenth of sharpness lost weighs as a twentieth of SSIM.
 * @returns null where there is no SSIM; SSIM itself where that is not above 0
 */
export function compositeScore(figures: ScoredFigures): number | null {
  const { ssim, sharpnessRatio, checkerRatio, motionRatio } = figures;
  if (ssim === null || !Number.isFinite(ssim)) return null;
  if (ssim <= 0) return ssim;
  const { sharpness, checker, motion } = COMPOSITE_BANDS;
  return (
    ssim *
    penalty(sharpnessRatio, sharpness) *
    penalty(checkerRatio, checker) *
    penalty(motionRatio, motion)
  );
}
