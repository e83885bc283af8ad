import * as tf from '@tensorflow/tfjs-core';
import { runNativeOp, type KernelFunction } from '../native.js';

const attributes = (epsilon: number) => ({
  epsilon: { float: epsilon },
  data_format: { text: 'NHWC' },
  is_training: { bool: true },
});
const TYPES = ['T', 'U'];

const split = (batched: tf.Tensor): tf.Tensor[] => tf.split(batched, batched.shape[0]);

/**
 * Batch norm of a batch of one is instance norm, and TensorFlow's is one pass; a larger batch goes
 * sample by sample. What it keeps of its moments is opaque: the CPU keeps the variance, CUDA its
 * reciprocal root, and the gradient op of each device wants its own.
 */
export const instanceNormFused: KernelFunction = ([x, gamma, beta], { epsilon }) =>
  tf.tidy(() => {
    const empty = tf.tensor1d([], 'float32');
    const run = (sample: tf.Tensor): tf.Tensor[] => {
      const outputs = runNativeOp(
        'FusedBatchNormV3',
        [sample, gamma!, beta!, empty, empty],
        6,
        { ...attributes(epsilon!), exponential_avg_factor: { float: 1 } },
        TYPES,
      );
      return [outputs[0]!, outputs[3]!, outputs[4]!];
    };
    // [C] for a batch of one and [N, C] for more: a recorded step has hundreds of norms, and would
    // have a reshape for each of their moments.
    if (x!.shape[0] === 1) return run(x!);
    const parts = split(x!).map(run);
    const column = (i: number): tf.Tensor[] => parts.map((part) => part[i]!);
    return [tf.concat(column(0)), tf.stack(column(1)), tf.stack(column(2))];
  });

export const instanceNormGradFused: KernelFunction = (
  [dy, x, gamma, mean, variance],
  { epsilon },
) =>
  tf.tidy(() => {
    // What the forward pass keeps besides its moments is for other types than float32. A scalar says
    // that there is none: of an empty vector CUDA's kernel would read.
    const none = tf.scalar(0);
    const run = (dyOne: tf.Tensor, xOne: tf.Tensor, m: tf.Tensor, v: tf.Tensor): tf.Tensor[] =>
      runNativeOp(
        'FusedBatchNormGradV3',
        [dyOne, xOne, gamma!, m, v, none],
        5,
        attributes(epsilon!),
        TYPES,
      ).slice(0, 3);
    if (x!.shape[0] === 1) return run(dy!, x!, mean!, variance!);
    const xs = split(x!);
    const means = tf.unstack(mean!);
    const variances = tf.unstack(variance!);
    const parts = split(dy!).map((dyOne, i) => run(dyOne, xs[i]!, means[i]!, variances[i]!));
    const column = (i: number): tf.Tensor[] => parts.map((part) => part[i]!);
    return [tf.concat(column(0)), tf.addN(column(1)), tf.addN(column(2))];
  });
