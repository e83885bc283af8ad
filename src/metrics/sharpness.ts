import { checkImage, type Image } from './image.js';

/**
 * Mean |∇x|: the mean absolute difference of horizontal neighbours and that of vertical ones,
 * averaged, in [-1, 1] units. The ratio of generated to real is 1 when detail is as strong as it
 * should be, lower in a blurred picture, higher in a noisy one.
 * @throws FrameloomError bad-shape
 */
export function sharpness(image: Image): number {
  const { width, height, channels, data } = checkImage(image, 'image');
  const row = width * channels;
  let across = 0;
  let down = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < row; x += 1) {
      const at = y * row + x;
      if (x >= channels) across += Math.abs(data[at]! - data[at - channels]!);
      if (y > 0) down += Math.abs(data[at]! - data[at - row]!);
    }
  }
  const mean = (sum: number, count: number): number => (count === 0 ? 0 : sum / count);
  const pairsAcross = (width - 1) * height * channels;
  const pairsDown = width * (height - 1) * channels;
  return (mean(across, pairsAcross) + mean(down, pairsDown)) / 2;
}
