import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../../autodiff/index.js';

/**
 * R1 (Mescheder et al. 2018), γ/2·E‖∇ₓ D(x)‖², and its gradient in the discriminator's parameters.
 *
 * A gradient of a gradient, which TensorFlow.js gets silently wrong through ops that save their
 * output, such as tanh and sigmoid, and refuses where an op's gradient has none. The discriminators
 * are made of ops that have an exact one: convolution, and what `src/kernels` registers. Central
 * differences of the first-order gradient are no way round: each leaky ReLU whose kink the step
 * crosses adds its whole jump, divided by the step.
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
    const penaltyOf = (): tf.Scalar => {
      const slope = valueAndGradients(() => score(parameters, x), [x]).gradients[0]!;
      return tf.mul(tf.sum(tf.square(slope)), gamma / (2 * x.shape[0]));
    };
    const { value, gradients } = valueAndGradients(penaltyOf, [parameters]);
    return { penalty: value, gradient: gradients[0] as tf.Tensor1D };
  });
}
