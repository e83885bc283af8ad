import { FrameloomError } from '../base/error.js';
import { greyBytes, type Image } from './image.js';

/** Frames that a spectrum is taken of; all that is held of a video. */
export const FLICKER_WINDOW_FRAMES = 16;
/** Windows overlap by half. */
const HOP_FRAMES = FLICKER_WINDOW_FRAMES / 2;

/**
 * How frames change with time, by how fast: of each band the generated frames' power over the real ones', in dB.
 * 0 is as the real frames, 3 twice the power, −3 half of it.
 */
export interface Flicker {
  /** Below 1/8 cycle a frame: motion, light. */
  readonly slow: number;
  /** From 1/8 to 1/4. */
  readonly middle: number;
  /** From 1/4 to 1/2, which is from one frame to the next: what is seen as flicker. */
  readonly fast: number;
}

export type FlickerBand = keyof Flicker;

/** The first of the 8 frequencies of a window in each band, in sixteenths of a cycle a frame. */
const BANDS: readonly (readonly [FlickerBand, from: number, to: number])[] = [
  ['slow', 1, 1],
  ['middle', 2, 3],
  ['fast', 4, 8],
];
const FREQUENCIES = FLICKER_WINDOW_FRAMES / 2;

/** Mean power of a pixel in each band, in squared levels of 8 bits: all bands of white noise are its variance. */
export type FlickerPowers = Readonly<Record<FlickerBand, number>>;

/** Takes the frames of a video in order, and holds the last sixteen. */
export interface FlickerMeter {
  /** @throws FrameloomError bad-shape where frames differ in size */
  add(image: Image): void;
  /** Null of fewer than sixteen frames. */
  result(): FlickerPowers | null;
}

/**
 * What each of the window's frames weighs in the cosine and the sine of each frequency: Hann's window, the mean
 * taken off, and scaled so that the squares are powers.
 */
function kernelOf(): Float64Array {
  const size = FLICKER_WINDOW_FRAMES;
  const window = Array.from(
    { length: size },
    (_, n) => Math.sin((Math.PI * (n + 0.5)) / size) ** 2,
  );
  const weight = window.reduce((sum, w) => sum + w, 0);
  const energy = window.reduce((sum, w) => sum + w * w, 0);
  const kernel = new Float64Array(size * 2 * FREQUENCIES);
  for (let k = 1; k <= FREQUENCIES; k += 1) {
    // Each but the highest frequency stands for its mirror image too.
    const scale = Math.sqrt((k === FREQUENCIES ? 1 : 2) / (size * energy));
    for (const [part, wave] of [Math.cos, Math.sin].entries()) {
      const row = Array.from({ length: size }, (_, n) => wave((2 * Math.PI * k * n) / size));
      const mean = row.reduce((sum, value, n) => sum + window[n]! * value, 0) / weight;
      row.forEach((value, n) => {
        kernel[(2 * (k - 1) + part) * size + n] = scale * window[n]! * (value - mean);
      });
    }
  }
  return kernel;
}
const KERNEL = kernelOf();

/** Mean power of the pixels at each frequency; `frames` holds the window's, from `oldest` on in a ring. */
function spectrumOf(frames: readonly Uint8Array[], oldest: number): Float64Array {
  const size = FLICKER_WINDOW_FRAMES;
  const powers = new Float64Array(FREQUENCIES);
  const pixels = frames[0]!.length;
  const inOrder = Array.from({ length: size }, (_, n) => frames[(oldest + n) % size]!);
  const values = new Float64Array(size);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    let still = true;
    for (let n = 0; n < size; n += 1) {
      values[n] = inOrder[n]![pixel]!;
      still &&= values[n] === values[0];
    }
    // Most pixels of many videos; their power is none.
    if (still) continue;
    for (let row = 0; row < 2 * FREQUENCIES; row += 1) {
      let sum = 0;
      for (let n = 0; n < size; n += 1) sum += KERNEL[row * size + n]! * values[n]!;
      powers[row >> 1]! += sum * sum;
    }
  }
  return powers.map((power) => power / pixels);
}

/** Measures how a video changes with time, by frequency, on grey frames. */
export function createFlickerMeter(): FlickerMeter {
  const ring: Uint8Array[] = [];
  const sums = new Float64Array(FREQUENCIES);
  let windows = 0;
  let frames = 0;
  return {
    add(image) {
      const grey = greyBytes(image);
      if (ring.length > 0 && ring[0]!.length !== grey.length) {
        throw new FrameloomError(
          'bad-shape',
          `frame ${frames} has ${grey.length} pixels, the first one ${ring[0]!.length}`,
        );
      }
      ring[frames % FLICKER_WINDOW_FRAMES] = grey;
      frames += 1;
      if (frames < FLICKER_WINDOW_FRAMES || frames % HOP_FRAMES !== 0) return;
      spectrumOf(ring, frames % FLICKER_WINDOW_FRAMES).forEach((power, i) => (sums[i]! += power));
      windows += 1;
    },
    result() {
      if (windows === 0) return null;
      const power = (from: number, to: number): number =>
        sums.subarray(from - 1, to).reduce((sum, one) => sum + one, 0) / windows;
      return Object.fromEntries(
        BANDS.map(([band, from, to]) => [band, power(from, to)]),
      ) as FlickerPowers;
    },
  };
}

/** Half a level of 8 bits, as noise over all frequencies: what nobody sees. */
const UNSEEN_POWER = 0.5 ** 2 / FREQUENCIES;

/**
 * One video's power over another's in each band. What cannot be seen is added to both: beside a still picture, which
 * has no power at all, rounding would be infinitely much.
 */
export function flickerRatio(generated: FlickerPowers, real: FlickerPowers): Flicker {
  return Object.fromEntries(
    BANDS.map(([band, from, to]) => {
      const unseen = UNSEEN_POWER * (to - from + 1);
      return [band, 10 * Math.log10((generated[band] + unseen) / (real[band] + unseen))];
    }),
  ) as unknown as Flicker;
}
