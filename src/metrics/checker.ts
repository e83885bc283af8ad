import { checkImage, type Image } from './image.js';

/**
 * Mean |x ∗ [[1, −1], [−1, 1]]|: how strongly neighbouring pixels alternate in both directions at once, in
 * [-1, 1] units. Enlarging layers leave such a pattern of dots ("checkerboard", Odena et al. 2016) where
 * a discriminator drives them too hard; edges and gradients of real pictures hardly do.
 * @returns 0 for a picture of less than 2×2 pixels
 * @throws FrameloomError bad-shape
 */
export function checker(image: Image): number {
  const { width, height, channels, data } = checkImage(image, 'image');
  const row = width * channels;
  let sum = 0;
  for (let y = 1; y < height; y += 1) {
    for (let x = channels; x < row; x += 1) {
      const at = y * row + x;
      const above = at - row;
      sum += Math.abs(data[at]! - data[at - channels]! - data[above]! + data[above - channels]!);
    }
  }
  const count = (width - 1) * (height - 1) * channels;
  return count === 0 ? 0 : sum / count;
}

/** One level of 8 bits: dots of a quarter of a level, which nobody sees. */
export const UNSEEN_CHECKER = 2 / 255;

/**
 * The checker of generated pictures over that of real ones: about 1 where they are clean, lower where they are
 * soft; above 1.5 the dots can be seen. What cannot be seen is added to both: beside a clear sky, which alternates
 * nowhere, rounding alone would be many times as much.
 */
export const checkerRatioOf = (generated: number, real: number): number =>
  (generated + UNSEEN_CHECKER) / (real + UNSEEN_CHECKER);
