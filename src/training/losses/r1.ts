import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../../autodiff/index.js';

/** Relative size of the finite step, measured against the images' range. */
const RELATIVE_STEP = 1e-2;

/**
 * The gradient of R1 (Mescheder et al. 2018), γ/2·E‖∇ₓ D(x)‖², in the discriminator's parameters.
 *
 * TensorFlow.js's second-order gradients are silently wrong through several ops, so the Hessian
 * product is a central difference of first-order ones: with v = ∇ₓ ΣD(x) held constant, the
 * gradient is γ/N·∂/∂ε ∇_θ ΣD(x + εv) at ε = 0. Exact where D is piecewise linear and the step
 * crosses no kink.
 *
 * @param score the sum of D's logits (mean over patches, sum over the batch); a pure function
 * @param x real input [N, H, W, C] in [−1, 1]
 * @returns the penalty itself and its gradient in `parameters`
 */
export function r1Gradient(
  score: (parameters: tf.Tensor1D, x: tf.Tensor4D) => tf.Scalar,
  parameters: tf.Tensor1D,
  x: tf.Tensor4D,
  gamma: number,
): { penalty: tf.Scalar; gradient: tf.Tensor1D } {
  return tf.tidy(() => {
    const slope = valueAndGradients(() => score(parameters, x), [x]).gradients[0] as tf.Tensor4D;
    const squared = tf.sum(tf.square(slope));
    const penalty: tf.Scalar = tf.mul(squared, gamma / (2 * x.shape[0]));
    const largest = tf.maximum(tf.max(tf.abs(slope)), 1e-20);
    const step = tf.div(RELATIVE_STEP, largest);
    const move = tf.mul(slope, step);
    const gradientAt = (input: tf.Tensor4D): tf.Tensor =>
      valueAndGradients(() => score(parameters, input), [parameters]).gradients[0]!;
    const difference = tf.sub(gradientAt(tf.add(x, move)), gradientAt(tf.sub(x, move)));
    const gradient = tf.mul(tf.div(difference, tf.mul(step, 2)), gamma / x.shape[0]);
    return { penalty, gradient: gradient as tf.Tensor1D };
  });
}
