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
      const perSample = [1, gamma!.size];
      return [outputs[0]!, tf.reshape(outputs[3]!, perSample), tf.reshape(outputs[4]!, perSample)];
    };
    if (x!.shape[0] === 1) return run(x!);
    const parts = split(x!).map(run);
    return [0, 1, 2].map((i) => tf.concat(parts.map((part) => part[i]!)));
  });

export const instanceNormGradFused: KernelFunction = (
  [dy, x, gamma, mean, variance],
  { epsilon },
) =>
  tf.tidy(() => {
    const empty = tf.tensor1d([], 'float32');
    const run = (dyOne: tf.Tensor, xOne: tf.Tensor, m: tf.Tensor, v: tf.Tensor): tf.Tensor[] =>
      runNativeOp(
        'FusedBatchNormGradV3',
        [dyOne, xOne, gamma!, tf.reshape(m, [-1]), tf.reshape(v, [-1]), empty],
        5,
        attributes(epsilon!),
        TYPES,
      ).slice(0, 3);
    if (x!.shape[0] === 1) return run(dy!, x!, mean!, variance!);
    const xs = split(x!);
    const means = split(mean!);
    const variances = split(variance!);
    const parts = split(dy!).map((dyOne, i) => run(dyOne, xs[i]!, means[i]!, variances[i]!));
    const column = (i: number): tf.Tensor[] => parts.map((part) => part[i]!);
    return [tf.concat(column(0)), tf.addN(column(1)), tf.addN(column(2))];
  });
