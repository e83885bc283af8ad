import * as tf from '@tensorflow/tfjs-core';

/**
 * Mean absolute difference from a constant. TensorFlow.js's own gradient of `abs` is ten ops; here
 * it is the sign of the difference. Both sides are in memory anyway, so the difference is not kept but
 * taken again, the other way round lest a recorded graph merge the two.
 *
 * @param x [k·N, …]
 * @param target [N, …], compared with each of the k parts; gets no gradient
 * @param weights what each difference is multiplied by before the mean is taken, of a shape that spreads over the
 *   target's; gets no gradient, and all are 1 unless given
 */
export function l1(x: tf.Tensor, target: tf.Tensor, weights?: tf.Tensor): tf.Scalar {
  const op = tf.customGrad((...args) => {
    const [value, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    const parts = (all: tf.Tensor): tf.Tensor =>
      all.size === target.size
        ? tf.reshape(all, target.shape)
        : tf.reshape(all, [all.size / target.size, ...target.shape]);
    save([value, target, ...(weights ? [weights] : [])]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor => {
      const [own, constant, factors] = saved as [tf.Tensor, tf.Tensor, tf.Tensor | undefined];
      const downhill = tf.sign(tf.sub(constant, parts(own)));
      const slope = factors ? tf.mul(downhill, factors) : downhill;
      return tf.reshape(tf.mul(slope, tf.div(dy, -own.size)), own.shape);
    };
    const mean = (): tf.Tensor => {
      const apart = tf.abs(tf.sub(parts(value), target));
      return tf.mean(weights ? tf.mul(apart, weights) : apart);
    };
    return { value: tf.tidy(mean), gradFunc };
  });
  return op(x) as tf.Scalar;
}

/**
 * Feature matching (Wang et al. 2018, pix2pixHD): mean absolute difference of the discriminator's
 * activations for generated and for real input, averaged over layers and scales.
 *
 * @param generated features of each scale, shallow to deep
 * @param real the same of the real input; constants, matched by each of several generated batches
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
 * Mean absolute difference between neighbours along an axis. Like `l1`, it takes the differences again
 * for the gradient; TensorFlow.js's own would bring whole tensors of ones and zeros into a recording.
 */
function variation(x: tf.Tensor4D, axis: 1 | 2): tf.Scalar {
  const last = x.shape[axis] - 1;
  const size = x.shape.map((length, i) => (i === axis ? last : length));
  const from = (y: tf.Tensor, start: number): tf.Tensor =>
    tf.slice(
      y,
      size.map((_, i) => (i === axis ? start : 0)),
      size,
    );
  const behind = (y: tf.Tensor, before: number): tf.Tensor =>
    tf.pad(
      y,
      size.map((_, i) => (i === axis ? [before, 1 - before] : [0, 0])),
    );
  const op = tf.customGrad((...args) => {
    const [value, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    save([value]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor => {
      const falls = tf.sign(tf.sub(from(saved[0]!, 0), from(saved[0]!, 1)));
      const share = tf.mul(falls, tf.div(dy, falls.size));
      return tf.sub(behind(share, 0), behind(share, 1));
    };
    const rises = (): tf.Tensor => tf.sub(from(value, 1), from(value, 0));
    return { value: tf.tidy(() => tf.mean(tf.abs(rises()))), gradFunc };
  });
  return op(x) as tf.Scalar;
}

/**
 * Anisotropic total variation: mean |∂x| + mean |∂y| of a flow field.
 * @param flow [N, H, W, 2], pixels
 */
export const flowSmoothness = (flow: tf.Tensor4D): tf.Scalar =>
  tf.add(variation(flow, 2), variation(flow, 1));
