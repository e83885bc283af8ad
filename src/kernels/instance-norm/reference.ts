import * as tf from '@tensorflow/tfjs-core';
import type { KernelFunction } from '../native.js';

const SPATIAL = [1, 2];

/**
 * y = γ·(x − mean)/√(variance + ε) + β, each over height and width of one sample and channel; and
 * the mean and variance [N, C] that the gradient needs again.
 */
export const instanceNormReference: KernelFunction = ([x, gamma, beta], { epsilon }) => {
  const { mean, variance } = tf.moments(x!, SPATIAL, true);
  const xHat = tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, epsilon!)));
  return [
    tf.add(tf.mul(xHat, gamma!), beta!),
    tf.squeeze(mean, SPATIAL),
    tf.squeeze(variance, SPATIAL),
  ];
};

/** The three gradients, in closed form. */
export const instanceNormGradReference: KernelFunction = (
  [dy, x, gamma, mean, variance],
  { epsilon },
) => {
  const [samples, channels] = mean!.shape as [number, number];
  const perSample = (value: tf.Tensor): tf.Tensor => tf.reshape(value, [samples, 1, 1, channels]);
  const inverse = tf.rsqrt(tf.add(perSample(variance!), epsilon!));
  const xHat = tf.mul(tf.sub(x!, perSample(mean!)), inverse);
  const dxHat = tf.mul(dy!, gamma!);
  const dx = tf.mul(
    inverse,
    tf.sub(
      tf.sub(dxHat, tf.mean(dxHat, SPATIAL, true)),
      tf.mul(xHat, tf.mean(tf.mul(dxHat, xHat), SPATIAL, true)),
    ),
  );
  return [dx, tf.sum(tf.mul(dy!, xHat), [0, 1, 2]), tf.sum(dy!, [0, 1, 2])];
};
