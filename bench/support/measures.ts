import { z } from 'zod';

/** A number that there may be none of. */
export const ratio = z.number().nullable();

/** Of a row of `evaluate --json`, what benches look at. */
export const measuresSchema = z.object({
  psnr: z.number(),
  ssim: z.number(),
  sharpnessRatio: ratio,
  checkerRatio: ratio,
  temporalDifference: ratio,
  realTemporalDifference: ratio,
});
export type Measures = z.output<typeof measuresSchema>;
