import * as tf from '@tensorflow/tfjs-core';
import { registerFused, runKernel, runNativeOp, type KernelFunction } from '../native.js';

const FORWARD = 'FrameloomGatherRows';

const TYPES = {
  Tparams: { type: 'float32' },
  Tindices: { type: 'int32' },
  Taxis: { type: 'int32' },
} as const;

// TensorFlow.js's own gather reads the indices back to check each in JavaScript, which costs more
// than the gather and on a GPU waits for the card.
const native: KernelFunction = ([table, indices]) =>
  tf.tidy(() => runNativeOp('GatherV2', [table!, indices!, tf.scalar(0, 'int32')], 1, TYPES, []));

const reference: KernelFunction = ([table, indices]) => [tf.gather(table!, indices as tf.Tensor1D)];

export function registerGatherRows(): void {
  registerFused(FORWARD, ['table', 'indices'], native, reference);
}

/**
 * Rows of a table by number. It has no gradient of its own: it is a part of ops that have.
 * @param table [R, C] float32
 * @param indices [K] int32, each in [0, R)
 * @returns [K, C]
 */
export function gatherRows(table: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D {
  return runKernel(FORWARD, { table, indices })[0] as tf.Tensor2D;
}
