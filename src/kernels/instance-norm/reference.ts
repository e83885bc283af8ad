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

/**
 * The gradients of `instanceNormGradReference` in its inputs dy, x and gamma, for gradient penalties.
 * `mean` and `variance` are functions of x, whose gradient carries theirs.
 *
 * @param cotangents of dx, dgamma and dbeta
 */
export function instanceNormSecondOrder(
  cotangents: readonly [dx: tf.Tensor, dgamma: tf.Tensor, dbeta: tf.Tensor],
  [dy, x, gamma]: readonly [dy: tf.Tensor, x: tf.Tensor, gamma: tf.Tensor],
  epsilon: number,
): { dy: tf.Tensor; x: tf.Tensor; gamma: tf.Tensor } {
  const [c, cGamma, cBeta] = cotangents;
  const average = (value: tf.Tensor): tf.Tensor => tf.mean(value, SPATIAL, true);
  const { mean, variance } = tf.moments(x, SPATIAL, true);
  const inverse = tf.rsqrt(tf.add(variance, epsilon));
  const xHat = tf.mul(tf.sub(x, mean), inverse);
  const along = (value: tf.Tensor): tf.Tensor => average(tf.mul(value, xHat));
  // dx̂/dx is inverse·project: what is left of a change when the mean and x̂ itself are taken out.
  const project = (value: tf.Tensor): tf.Tensor =>
    tf.sub(tf.sub(value, average(value)), tf.mul(xHat, along(value)));
  const g = tf.mul(dy, gamma);
  const [projectedC, projectedG] = [project(c), project(g)];
  // dx = inverse·project(g) as a function of x: through the deviation, then through x̂.
  const product = average(tf.mul(c, projectedG));
  const throughDeviation = tf.mul(product, xHat);
  const throughXHat = tf.add(tf.mul(along(g), projectedC), tf.mul(along(c), projectedG));
  const square = tf.square(inverse);
  return {
    dy: tf.addN([
      tf.mul(tf.mul(gamma, inverse), projectedC),
      tf.mul(cGamma, xHat),
      tf.add(tf.zerosLike(dy), cBeta),
    ]),
    x: tf.sub(
      tf.mul(inverse, project(tf.mul(cGamma, dy))),
      tf.mul(square, tf.add(throughDeviation, throughXHat)),
    ),
    gamma: tf.sum(tf.mul(tf.mul(c, inverse), project(dy)), [0, 1, 2]),
  };
}
