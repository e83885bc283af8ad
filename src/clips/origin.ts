import { z } from 'zod';
import type { WindowOrigin } from './types.js';

/** Where a window was taken and how it was changed, as what goes on from it later has kept it. */
export const windowOriginSchema: z.ZodType<WindowOrigin> = z.strictObject({
  clip: z.int().nonnegative(),
  startFrame: z.int().nonnegative(),
  strideFrames: z.int().positive(),
  flipped: z.boolean(),
  crop: z
    .strictObject({
      left: z.number(),
      top: z.number(),
      width: z.number(),
      height: z.number(),
    })
    .nullable(),
  colour: z
    .strictObject({ brightness: z.number(), contrast: z.number(), saturation: z.number() })
    .nullable(),
  patch: z
    .strictObject({
      left: z.int().nonnegative(),
      top: z.int().nonnegative(),
      frameWidth: z.int().positive(),
      frameHeight: z.int().positive(),
    })
    .nullable(),
});
