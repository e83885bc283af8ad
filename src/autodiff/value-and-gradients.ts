import * as tf from '@tensorflow/tfjs-core';

/**
 * A scalar and its gradients, zeros for what it does not depend on (`tf.valueAndGrads` throws
 * there).
 */
export function valueAndGradients(
  f: () => tf.Scalar,
  xs: readonly tf.Tensor[],
): { value: tf.Scalar; gradients: tf.Tensor[] } {
  const { value, grads } = tf.engine().gradients(f, [...xs], undefined, true);
  const found: readonly (tf.Tensor | undefined)[] = grads;
  return { value, gradients: found.map((grad, i) => grad ?? tf.zerosLike(xs[i]!)) };
}
