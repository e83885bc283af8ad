import type { Image, ImageSize } from './image.js';

/** For each place of the result: the first place that it is made of, and the weights from there on. */
function weightsOf(from: number, to: number): { first: number; weights: Float64Array }[] {
  const step = from / to;
  // Where it gets smaller, all that falls into a place has its share: nothing may flicker in and out.
  const reach = Math.max(1, step);
  return Array.from({ length: to }, (_, i) => {
    const middle = (i + 0.5) * step;
    const first = Math.max(0, Math.floor(middle - reach + 0.5));
    const last = Math.min(from, Math.floor(middle + reach + 0.5));
    const weights = Float64Array.from({ length: last - first }, (_, j) =>
      Math.max(0, 1 - Math.abs(first + j + 0.5 - middle) / reach),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/**
 * An image at another size, bilinear, and smoothed where it gets smaller: as PyTorch's
 * `interpolate(mode='bilinear', antialias=True)` and Pillow have it. At its own size it is the image itself.
 */
export function resizeImage(image: Image, size: Pick<ImageSize, 'width' | 'height'>): Image {
  const { width, height, channels, data } = image;
  if (width === size.width && height === size.height) return image;
  const across = weightsOf(width, size.width);
  const rows = new Float32Array(size.width * height * channels);
  for (let y = 0, at = 0; y < height; y += 1) {
    for (const { first, weights } of across) {
      for (let channel = 0; channel < channels; channel += 1, at += 1) {
        let sum = 0;
        let from = (y * width + first) * channels + channel;
        for (const weight of weights) {
          sum += weight * data[from]!;
          from += channels;
        }
        rows[at] = sum;
      }
    }
  }
  const line = size.width * channels;
  const resized = new Float32Array(line * size.height);
  weightsOf(height, size.height).forEach(({ first, weights }, y) => {
    for (let i = 0; i < line; i += 1) {
      let sum = 0;
      let from = first * line + i;
      for (const weight of weights) {
        sum += weight * rows[from]!;
        from += line;
      }
      resized[y * line + i] = sum;
    }
  });
  return { ...size, channels, data: resized };
}
