import { assertComparable, type Image } from './image.js';

/** What equal images score; without a ceiling one such frame would make a mean infinite. */
export const PSNR_CEILING_DECIBELS = 100;

/** Mean squared difference of two images in [-1, 1], as if they were in [0, 1]. */
export function meanSquaredError(a: Image, b: Image): number {
  assertComparable(a, b);
  let sum = 0;
  for (let i = 0; i < a.data.length; i += 1) {
    const difference = a.data[i]! - b.data[i]!;
    sum += difference * difference;
  }
  return sum / a.data.length / 4;
}

/**
 * Peak signal-to-noise ratio in decibels, 10·log10(1 / mean squared error), over images taken to
 * [0, 1]. Higher is nearer; at most 100.
 * @throws FrameloomError bad-shape
 */
export function psnr(generated: Image, real: Image): number {
  return Math.min(PSNR_CEILING_DECIBELS, -10 * Math.log10(meanSquaredError(generated, real)));
}
