import * as tf from '@tensorflow/tfjs-core';
import { assertShape } from '../../base/shape.js';
import { registerFused, runKernel, type KernelFunction } from '../native.js';

const FORWARD = 'FrameloomPlace';

/** Whole steps from −1 at the first of so many to 1 at the last; −1 where it is the only one. */
function line(size: number): tf.Tensor1D {
  const step = size > 1 ? 2 / (size - 1) : 0;
  return tf.sub(tf.mul(tf.range(0, size), step), 1);
}

const forward: KernelFunction = ([x, weight]) =>
  tf.tidy(() => {
    const [, height, width, channels] = x!.shape as [number, number, number, number];
    const [ofColumns, ofRows] = tf.split(weight as tf.Tensor2D, 2, 0) as [tf.Tensor, tf.Tensor];
    const along = (places: tf.Tensor1D, shape: [number, number], own: tf.Tensor): tf.Tensor =>
      tf.mul(tf.reshape(places, [1, ...shape, 1]), tf.reshape(own, [1, 1, 1, channels]));
    return [
      tf.add(
        tf.add(x!, along(line(width), [1, width], ofColumns)),
        along(line(height), [height, 1], ofRows),
      ),
    ];
  });

/** Each channel's dy by the columns and by the rows that it lies in, [2, C]. */
function weightGradient(dy: tf.Tensor): tf.Tensor {
  const [, height, width] = dy.shape as [number, number, number, number];
  const byPlace = (size: number, others: number[]): tf.Tensor =>
    tf.matMul(tf.reshape<tf.Rank.R2>(line(size), [1, size]), tf.sum<tf.Tensor2D>(dy, others));
  return tf.concat([byPlace(width, [0, 1]), byPlace(height, [0, 2])], 0);
}

export function registerPlace(): void {
  registerFused(FORWARD, ['x', 'weight'], forward, forward);
  tf.registerGradient({
    kernelName: FORWARD,
    inputsToSave: [],
    gradFunc: (dy) => ({
      x: () => dy as tf.Tensor,
      weight: () => tf.tidy(() => weightGradient(dy as tf.Tensor)),
    }),
  });
}

/**
 * Adds to each channel a share of the pixel's column and one of its row, which run from −1 at the first to 1 at
 * the last: what a convolution makes of two channels that hold them (CoordConv, Liu et al. 2018, arXiv
 * 1807.03247).
 *
 * @param x [N, H, W, C]
 * @param weight [2, C], of columns and of rows
 * @param within [N, 4], where these are a part of something larger: what its first and its last column are there, and
 *   its first and its last row
 * @returns [N, H, W, C]
 * @throws FrameloomError bad-shape
 */
export function place(
  x: tf.Tensor4D,
  weight: tf.Tensor2D,
  within: tf.Tensor2D | null = null,
): tf.Tensor4D {
  const { N, C } = assertShape(x, ['N', 'H', 'W', 'C'], 'x');
  assertShape(weight, [2, C!], 'weight');
  if (within === null) return runKernel(FORWARD, { x, weight })[0] as tf.Tensor4D;
  assertShape(within, [N!, 4], 'within');
  return placeWithin(x, weight, within);
}

/** Even steps from one column of `within` to the next one, for each sample, [N, size]. */
function lineWithin(within: tf.Tensor2D, column: number, size: number): tf.Tensor2D {
  const [first, last] = [column, column + 1].map((at) => tf.slice(within, [0, at], [-1, 1])) as [
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  const shares = tf.mul(tf.range(0, size), 1 / Math.max(1, size - 1));
  return tf.add(first, tf.mul(tf.sub(last, first), tf.reshape(shares, [1, size])));
}

function placeWithin(x: tf.Tensor4D, weight: tf.Tensor2D, within: tf.Tensor2D): tf.Tensor4D {
  const [samples, height, width, channels] = x.shape;
  return tf.tidy(() => {
    const along = (line: tf.Tensor2D, shape: [number, number], row: number): tf.Tensor =>
      tf.mul(
        tf.reshape(line, [samples, ...shape, 1]),
        tf.reshape(tf.slice(weight, [row, 0], [1, channels]), [1, 1, 1, channels]),
      );
    const byColumns = along(lineWithin(within, 0, width), [1, width], 0);
    return tf.add(tf.add(x, byColumns), along(lineWithin(within, 2, height), [height, 1], 1));
  });
}
