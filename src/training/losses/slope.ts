import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../../autodiff/index.js';

/**
 * A judge's slope at its input, γ/2·E‖∇ₓ Σₚ Dₚ(x)‖² / P: the sum runs over the P patches of all scales that
 * the judge makes of one input. R1 (Mescheder et al. 2018) where x is real, R2 where it is generated.
 *
 * P divides once. Patches that see different pixels have slopes that add up in their squares, so this is
 * the mean of what Mescheder's penalty is for each patch as a judge of its own, and gamma means the same
 * for frames of any size and for any number of scales. The slope of the patches' mean would be P times
 * weaker; where patches overlap, as they do, their slopes partly add up, and it is a few times stronger.
 *
 * To be called on a tape, in the judge's weights: it is a gradient of a gradient, which TensorFlow.js
 * gets silently wrong through ops that save their output, such as tanh and sigmoid, and refuses where an
 * op's gradient has none. The discriminators are made of ops that have an exact one: convolution, and
 * what `src/kernels` registers. Central differences of the first-order gradient are no way round: each
 * leaky ReLU whose kink the step crosses adds its whole jump, divided by the step.
 *
 * @param judge the logits of each scale [N, h, w, 1]; a pure function
 * @param x what is judged [N, H, W, C]
 */
export function slopePenalty(
  judge: (x: tf.Tensor4D) => readonly tf.Tensor4D[],
  x: tf.Tensor4D,
  gamma: number,
): tf.Scalar {
  const samples = x.shape[0];
  let patches = 0;
  const { gradients } = valueAndGradients(() => {
    const logits = judge(x);
    patches = logits.reduce((sum, { size }) => sum + size / samples, 0);
    return tf.addN(logits.map((own) => tf.sum<tf.Scalar>(own)));
  }, [x]);
  return tf.mul(tf.sum(tf.square(gradients[0]!)), gamma / (2 * samples * patches));
}

/** What input is moved by to see how steep a judge is there. */
export interface Nudge {
  /** Standard normal, of the input's shape. */
  readonly noise: tf.Tensor4D;
  /** Standard deviation that the noise is given, in the input's units. */
  readonly sigma: number;
}

/**
 * The same without a gradient of a gradient (APT, Lin et al. 2025, arXiv 2501.08316):
 * λ·E(Dₚ(x + σn) − Dₚ(x))² over patches and samples, n standard normal. For small σ its mean over n is
 * λσ²·E‖∇ₓ Dₚ(x)‖², the squared slope of each patch by itself, so λ = γ/(2σ²) makes it γ/2 of that: what
 * {@link slopePenalty} is where patches see different pixels, and less by what slopes add up to where they
 * overlap.
 *
 * First order: it costs a pass over moved input, on any kind of tape and through any differentiable op.
 *
 * @param judge the logits of each scale [N, h, w, 1]; a pure function
 * @param x what is judged [N, H, W, C]
 */
export function approximateSlopePenalty(
  judge: (x: tf.Tensor4D) => readonly tf.Tensor4D[],
  x: tf.Tensor4D,
  gamma: number,
  { noise, sigma }: Nudge,
): tf.Scalar {
  const moved = judge(tf.add(x, tf.mul(noise, sigma)));
  const rises = judge(x).map((own, scale) => tf.square(tf.sub(moved[scale]!, own)));
  const patches = rises.reduce((sum, { size }) => sum + size, 0);
  const total = tf.addN(rises.map((own) => tf.sum<tf.Scalar>(own)));
  return tf.mul(total, gamma / (2 * sigma * sigma * patches));
}
