import * as tf from '@tensorflow/tfjs-core';

/**
 * `tf.tidy` for any structure of tensors: what `run` returns, at whatever depth of objects and
 * arrays, stays; every other tensor made on the way is disposed of.
 */
export function scoped<T>(run: () => T): T {
  return tf.tidy(run as () => tf.TensorContainer) as T;
}
