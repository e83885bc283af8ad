import type { RolloutMeasures } from '../../metrics/index.js';

/** The mean of what several rollouts measured, each weighing as many frames as it has. */
export function combineMeasures(parts: readonly RolloutMeasures[]): RolloutMeasures {
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
  return {
    frames: parts.reduce((sum, part) => sum + part.frames, 0),
    psnr: weighted((part) => part.psnr)!,
    ssim: weighted((part) => part.ssim)!,
    sharpnessRatio: weighted((part) => part.sharpnessRatio),
    checkerRatio: weighted((part) => part.checkerRatio),
    temporalDifference: weighted((part) => part.temporalDifference),
    realTemporalDifference: weighted((part) => part.realTemporalDifference),
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
}
