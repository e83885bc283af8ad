import type { MediaPlan } from './media.js';

/** A painting and the frames of the clip that it may have been painted over, rgb24 of one size. */
export interface Compared {
  readonly painting: Uint8Array;
  readonly before: Uint8Array | undefined;
  readonly own: Uint8Array;
  readonly after: Uint8Array | undefined;
}

/** How much better the lines of a painting have to lie on a neighbour's for that to say something. */
const CLEARLY = 0.03;

type Size = Pick<MediaPlan, 'width' | 'height'>;

/** How steep luma is at each pixel: lines, which stay where they are whatever colours they get. */
function steepness(rgb: Uint8Array, { width, height }: Size): Float32Array {
  const luma = new Float32Array(width * height);
  for (let i = 0; i < luma.length; i += 1) {
    luma[i] = 0.3 * rgb[3 * i]! + 0.6 * rgb[3 * i + 1]! + 0.1 * rgb[3 * i + 2]!;
  }
  const steep = new Float32Array(width * height);
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const i = y * width + x;
      steep[i] = Math.hypot(luma[i + 1]! - luma[i - 1]!, luma[i + width]! - luma[i - width]!);
    }
  }
  return steep;
}

/** Pearson's correlation, 0 where one of them is flat. */
function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (x: Float32Array): number => x.reduce((sum, value) => sum + value, 0) / x.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    both += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return ofA === 0 || ofB === 0 ? 0 : both / Math.sqrt(ofA * ofB);
}

/**
 * Whether paintings were numbered from another first number than was thought: the lines of all of them lie clearly
 * better on the frame before theirs, or on the one after.
 * @returns the warning; undefined where nothing speaks for it
 */
export function misnumbered(all: readonly Compared[], size: Size): string | undefined {
  const fits = all.map(({ painting, before, own, after }) => {
    const lines = steepness(painting, size);
    const fit = (frame: Uint8Array | undefined): number =>
      frame ? correlation(lines, steepness(frame, size)) : -1;
    return { before: fit(before), own: fit(own), after: fit(after) };
  });
  const sides = ['before', 'after'] as const;
  const side = sides.find((one, i) =>
    fits.every((fit) => fit[one] > Math.max(fit.own, fit[sides[1 - i]!]) + CLEARLY),
  );
  if (side === undefined || all.length === 0) return undefined;
  return `${all.length === 1 ? 'the keyframe fits' : 'all keyframes fit'} the frame ${side} the one ${all.length === 1 ? 'it is' : 'they are'} named by better: data.keyframes.firstNumber says what the first frame is called (1 unless given)`;
}
