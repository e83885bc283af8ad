import * as tf from '@tensorflow/tfjs-core';
import { prefixed, type NamedTensors } from '../backend/graph/index.js';
import type { RandomStream } from '../base/random.js';
import { foldTime, unfoldTime } from '../networks/index.js';

/** What may be done to the pictures that the discriminators see. */
export interface SightOptions {
  /** Standard deviation of a Gaussian blur in pixels; 0 for none. */
  readonly blurPixels: number;
  /** Probability of each augmentation by itself, 0 to 1. */
  readonly augmentation: number;
}

/**
 * How the discriminators see everything in one step: real and generated frames, and their conditions. All of
 * it is linear, so it is numbers that enter the step, and the step's graph is the same whatever they are.
 */
export interface Sight {
  /** [H, H]: row i of what is seen is Σⱼ rows[i, j] · row j of the picture. */
  readonly rows: Float32Array;
  /** [W, W], the same of columns. */
  readonly columns: Float32Array;
  /** [3, 3] and [3]: the colour c is seen as c · colours + shift. */
  readonly colours: Float32Array;
  readonly shift: Float32Array;
  /** [H, W]: 0 where nothing is seen, else 1. */
  readonly mask: Float32Array;
  /** Rows and columns of the condition, which is moved with the pictures but not blurred; null where none is. */
  readonly moved: { readonly rows: Float32Array; readonly columns: Float32Array } | null;
}

/** Most that a picture is moved by, as a share of its side (DiffAugment, Zhao et al. 2020). */
const MOST_MOVED = 1 / 8;
/** Side of the square that is cut out, as a share of the picture's. */
const CUT_OUT = 1 / 2;
/** Beyond so many deviations a Gaussian is left out. */
const TAILS = 3;

/** [size, size] of zeros but for what `weight` gives for row i and column j near i − by. */
function banded(size: number, by: number, sigma: number): Float32Array {
  const matrix = new Float32Array(size * size);
  const reach = Math.ceil(TAILS * sigma);
  for (let i = 0; i < size; i += 1) {
    const weights: [at: number, weight: number][] = [];
    for (let off = -reach; off <= reach; off += 1) {
      const at = i + off;
      if (at < 0 || at >= size) continue;
      weights.push([at, sigma === 0 ? 1 : Math.exp(-0.5 * (off / sigma) ** 2)]);
    }
    // At the border what is there counts for all.
    const sum = weights.reduce((total, [, weight]) => total + weight, 0);
    for (const [at, weight] of weights) {
      const from = at - by;
      if (from >= 0 && from < size) matrix[i * size + from] = weight / sum;
    }
  }
  return matrix;
}

/** Rows of the mean colour: what a picture without saturation is. */
const GREY = 1 / 3;

/**
 * Draws how one step is seen: blurred (StyleGAN3, Karras et al. 2021), and with the probability of
 * `augmentation` each moved by up to an eighth, in other colours (brightness ± 0.5 of the range of 2, saturation
 * and contrast), and with half of it cut out (DiffAugment, Zhao et al. 2020; with a probability below one it
 * does not leak into what is generated, ADA, Karras et al. 2020).
 * @returns null where the step is seen as it is
 */
export function drawSight(
  random: RandomStream,
  { blurPixels, augmentation }: SightOptions,
  { height, width }: { readonly height: number; readonly width: number },
): Sight | null {
  // As many numbers whatever is drawn, so that one augmentation does not choose another.
  const [move, colour, cut] = [0, 1, 2].map(() => random.uniform() < augmentation);
  const between = (low: number, high: number): number => low + (high - low) * random.uniform();
  const shiftOf = (size: number): number =>
    Math.round(between(-MOST_MOVED * size, MOST_MOVED * size));
  const [down, right] = [shiftOf(height), shiftOf(width)];
  const [brightness, saturation, contrast] = [between(-0.5, 0.5), between(0, 2), between(0.5, 1.5)];
  const [cutRow, cutColumn] = [between(0, height), between(0, width)];
  if (blurPixels === 0 && !move && !colour && !cut) return null;

  const [byRows, byColumns] = move ? [down, right] : [0, 0];
  const colours = new Float32Array(9).map((_, i) => {
    const own = i % 4 === 0 ? 1 : 0;
    return colour ? contrast * (saturation * own + (1 - saturation) * GREY) : own;
  });
  const mask = new Float32Array(height * width).fill(1);
  if (cut) {
    const within = (at: number, centre: number, size: number): boolean =>
      Math.abs(at + 0.5 - centre) < (CUT_OUT * size) / 2;
    mask.forEach((_, i) => {
      const [row, column] = [Math.floor(i / width), i % width];
      if (within(row, cutRow, height) && within(column, cutColumn, width)) mask[i] = 0;
    });
  }
  return {
    rows: banded(height, byRows, blurPixels),
    columns: banded(width, byColumns, blurPixels),
    colours,
    shift: new Float32Array(3).fill(colour ? brightness : 0),
    mask,
    moved:
      move || cut
        ? { rows: banded(height, byRows, 0), columns: banded(width, byColumns, 0) }
        : null,
  };
}

const SIGHT = 'sight.';

/** A sight as inputs of a step; none where there is none. */
export function packSight(
  sight: Sight | null,
  { height, width }: { readonly height: number; readonly width: number },
): NamedTensors {
  if (sight === null) return {};
  const { rows, columns, colours, shift, mask, moved } = sight;
  return prefixed(SIGHT, {
    rows: tf.tensor2d(rows, [height, height]),
    columns: tf.tensor2d(columns, [width, width]),
    colours: tf.tensor2d(colours, [3, 3]),
    shift: tf.tensor1d(shift),
    mask: tf.tensor3d(mask, [height, width, 1]),
    ...(moved && {
      movedRows: tf.tensor2d(moved.rows, [height, height]),
      movedColumns: tf.tensor2d(moved.columns, [width, width]),
    }),
  });
}

/** Those of a step's inputs, or of a part's, that are its sight. */
export const sightAmong = (tensors: NamedTensors): NamedTensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => name.startsWith(SIGHT)));

/** What decides which graph a step with such a sight is. */
export const sightKey = (sight: Sight | null): string =>
  sight === null ? 'as it is' : sight.moved ? 'moved' : 'blurred';

/** Rows and columns mixed by matrices, x [N, H, W, C]. */
function mixed(x: tf.Tensor4D, rows: tf.Tensor, columns: tf.Tensor): tf.Tensor4D {
  const [samples, height, width, channels] = x.shape;
  const byRows = tf.matMul(rows, tf.reshape(x, [samples, height, width * channels]));
  const each = tf.reshape(byRows, [samples * height, width, channels]);
  return tf.reshape(tf.matMul(columns, each), x.shape);
}

/**
 * Pictures as the discriminators see them.
 * @param x [N, H, W, 3·k], pictures side by side in the channels
 * @param tensors with the step's sight among them, if it has one
 */
export function seen(x: tf.Tensor4D, tensors: NamedTensors): tf.Tensor4D {
  const { [`${SIGHT}rows`]: rows, [`${SIGHT}columns`]: columns } = tensors;
  if (!rows || !columns) return x;
  const [samples, height, width, channels] = x.shape;
  const colours = tensors[`${SIGHT}colours`] as tf.Tensor2D;
  const pixels = tf.reshape<tf.Rank.R2>(mixed(x, rows, columns), [-1, 3]);
  const coloured = tf.add(tf.matMul(pixels, colours), tensors[`${SIGHT}shift`]!);
  const pictures = tf.reshape<tf.Rank.R4>(coloured, [samples, height, width, channels]);
  return tf.mul(pictures, tensors[`${SIGHT}mask`]!);
}

/** The same of frames by time, [N, T, H, W, 3]. */
export function seenWindow(window: tf.Tensor5D, tensors: NamedTensors): tf.Tensor5D {
  const frames = foldTime(window);
  const own = seen(frames, tensors);
  return own === frames ? window : unfoldTime(own, window.shape[0]);
}

/**
 * Their condition as the discriminators see it: moved and cut out as the pictures are, never blurred or
 * coloured, for it is no picture.
 * @param condition [N, H, W, C]
 */
export function seenCondition(condition: tf.Tensor4D, tensors: NamedTensors): tf.Tensor4D {
  const { [`${SIGHT}movedRows`]: rows, [`${SIGHT}movedColumns`]: columns } = tensors;
  if (!rows || !columns) return condition;
  return tf.mul(mixed(condition, rows, columns), tensors[`${SIGHT}mask`]!);
}
