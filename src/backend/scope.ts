import * as tf from '@tensorflow/tfjs-core';

/**
 * `tf.tidy` for any structure of tensors: what `run` returns, at whatever depth of objects and
 * arrays, stays; every other tensor made on the way is disposed of.
 */
export function scoped<T>(run: () => T): T {
  return tf.tidy(run as () => tf.TensorContainer) as T;
}

/**
 * The values of a tensor that nobody needs afterwards: it is let go, also when reading fails. There is no other way to
 * read than to await: a card answers no sooner, and WebGPU not at all.
 */
export async function readOnce(tensor: tf.Tensor): Promise<Float32Array | Int32Array | Uint8Array> {
  try {
    return await tensor.data();
  } finally {
    tensor.dispose();
  }
}
