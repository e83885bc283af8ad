import * as tf from '@tensorflow/tfjs-core';

/** Mean absolute difference of two tensors of one shape. */
export const l1 = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.mean(tf.abs(tf.sub(a, b)));

/**
 * Feature matching (Wang et al. 2018, pix2pixHD): mean absolute difference of the discriminator's
 * activations for generated and for real input, averaged over layers and scales.
 *
 * @param generated features of each scale, shallow to deep
 * @param real the same of the real input; constants
 */
export function featureMatching(
  generated: readonly (readonly tf.Tensor[])[],
  real: readonly (readonly tf.Tensor[])[],
): tf.Scalar {
  const terms = generated.flatMap((features, scale) =>
    features.map((feature, layer) => l1(feature, real[scale]![layer]!)),
  );
  return tf.div(tf.addN(terms), terms.length);
}

/**
 * Anisotropic total variation: mean |∂x| + mean |∂y| of a flow field.
 * @param flow [N, H, W, 2], pixels
 */
export function flowSmoothness(flow: tf.Tensor4D): tf.Scalar {
  const [, height, width] = flow.shape;
  const right = tf.slice(flow, [0, 0, 1, 0], [-1, -1, width - 1, -1]);
  const left = tf.slice(flow, [0, 0, 0, 0], [-1, -1, width - 1, -1]);
  const lower = tf.slice(flow, [0, 1, 0, 0], [-1, height - 1, -1, -1]);
  const upper = tf.slice(flow, [0, 0, 0, 0], [-1, height - 1, -1, -1]);
  return tf.add(l1(right, left), l1(lower, upper));
}
