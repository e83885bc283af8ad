import { FrameloomError } from '../base/error.js';
import { assertComparable, type Image } from './image.js';

export const SSIM_WINDOW_PIXELS = 7;
const PIXELS = SSIM_WINDOW_PIXELS ** 2;
// K1 and K2 of the paper, for images in [0, 1].
const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;

/** Column sums of a, b, a², b², ab over the window's rows. */
type Columns = readonly [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];

/**
 * Structural similarity (Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment"), over
 * images taken to [0, 1]: a uniform window of 7×7, covariance of a sample (÷ N − 1), windows wholly
 * inside the picture, mean over windows and channels. This is scikit-image's
 * `structural_similarity(win_size=7, channel_axis=-1, data_range=1)`. 1 is equal.
 * @throws FrameloomError bad-shape when sizes differ or a side is under 7 pixels
 */
export function ssim(generated: Image, real: Image): number {
  assertComparable(generated, real);
  const { width, height, channels } = real;
  if (width < SSIM_WINDOW_PIXELS || height < SSIM_WINDOW_PIXELS) {
    throw new FrameloomError(
      'bad-shape',
      `SSIM needs at least 7×7 pixels, the image has ${width}×${height}`,
    );
  }
  let total = 0;
  for (let channel = 0; channel < channels; channel += 1) {
    total += sumOverWindows(generated, real, channel);
  }
  const across = width - SSIM_WINDOW_PIXELS + 1;
  const down = height - SSIM_WINDOW_PIXELS + 1;
  return total / (across * down * channels);
}

function sumOverWindows(a: Image, b: Image, channel: number): number {
  const { width, height } = a;
  const columns: Columns = [
    new Float64Array(width),
    new Float64Array(width),
    new Float64Array(width),
    new Float64Array(width),
    new Float64Array(width),
  ];
  let total = 0;
  for (let y = 0; y < height; y += 1) {
    addRow(columns, a, b, channel, y, 1);
    if (y >= SSIM_WINDOW_PIXELS) addRow(columns, a, b, channel, y - SSIM_WINDOW_PIXELS, -1);
    if (y >= SSIM_WINDOW_PIXELS - 1) total += sumAlongRow(columns);
  }
  return total;
}

function addRow(
  columns: Columns,
  a: Image,
  b: Image,
  channel: number,
  y: number,
  sign: 1 | -1,
): void {
  const [sumA, sumB, sumAA, sumBB, sumAB] = columns;
  let at = y * a.width * a.channels + channel;
  for (let x = 0; x < a.width; x += 1, at += a.channels) {
    const p = (a.data[at]! + 1) / 2;
    const q = (b.data[at]! + 1) / 2;
    sumA[x]! += sign * p;
    sumB[x]! += sign * q;
    sumAA[x]! += sign * p * p;
    sumBB[x]! += sign * q * q;
    sumAB[x]! += sign * p * q;
  }
}

function sumAlongRow(columns: Columns): number {
  const window = [0, 0, 0, 0, 0];
  let total = 0;
  for (let x = 0; x < columns[0].length; x += 1) {
    for (let k = 0; k < columns.length; k += 1) {
      const leaving = x >= SSIM_WINDOW_PIXELS ? columns[k]![x - SSIM_WINDOW_PIXELS]! : 0;
      window[k]! += columns[k]![x]! - leaving;
    }
    if (x >= SSIM_WINDOW_PIXELS - 1) total += similarity(window);
  }
  return total;
}

function similarity(window: readonly number[]): number {
  const [meanA, meanB, meanAA, meanBB, meanAB] = window.map((sum) => sum / PIXELS) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const unbiased = PIXELS / (PIXELS - 1);
  const varianceA = unbiased * (meanAA - meanA * meanA);
  const varianceB = unbiased * (meanBB - meanB * meanB);
  const covariance = unbiased * (meanAB - meanA * meanB);
  return (
    ((2 * meanA * meanB + C1) * (2 * covariance + C2)) /
    ((meanA * meanA + meanB * meanB + C1) * (varianceA + varianceB + C2))
  );
}
