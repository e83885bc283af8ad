import type { ByteFrames } from './augment.js';

/**
 * Frames made smaller by a whole number: pictures by the mean of each square of pixels, as decoders make them smaller
 * by areas, ids of labels by the pixel in its middle, which is the one that ffmpeg takes, for no label can be mixed of two.
 * @param divideBy divides width and height; at 1 the bytes given are returned
 */
export function shrinkFrames(
  { data, width, height, channels }: ByteFrames,
  divideBy: number,
  resample: 'area' | 'nearest',
): Uint8Array {
  if (divideBy === 1) return data;
  const [columns, rows] = [width / divideBy, height / divideBy];
  const row = width * channels;
  const out = new Uint8Array(data.length / (divideBy * divideBy));
  const middle = Math.floor(divideBy / 2);
  const pixels = divideBy * divideBy;
  let to = 0;
  for (let base = 0; base < data.length; base += row * height) {
    for (let j = 0; j < rows; j += 1) {
      const top = base + j * divideBy * row;
      for (let i = 0; i < columns; i += 1) {
        const corner = top + i * divideBy * channels;
        for (let c = 0; c < channels; c += 1, to += 1) {
          if (resample === 'nearest') {
            out[to] = data[corner + middle * row + middle * channels + c]!;
            continue;
          }
          let sum = 0;
          for (let y = 0; y < divideBy; y += 1) {
            const from = corner + y * row + c;
            for (let x = 0; x < divideBy; x += 1) sum += data[from + x * channels]!;
          }
          out[to] = Math.floor(sum / pixels + 0.5);
        }
      }
    }
  }
  return out;
}
