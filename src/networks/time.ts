import * as tf from '@tensorflow/tfjs-core';

/** [N, T, H, W, C] → [N·T, H, W, C]. */
export function foldTime(window: tf.Tensor5D): tf.Tensor4D {
  const [samples, frames, height, width, channels] = window.shape;
  return tf.reshape(window, [samples * frames, height, width, channels]);
}

/** T frames [N, H, W, C] → [N·T, H, W, C]. */
export const foldFrames = (frames: readonly tf.Tensor4D[]): tf.Tensor4D =>
  tf.tidy(() => foldTime(tf.stack([...frames], 1) as tf.Tensor5D));

/** [N·T, H, W, C] → [N, T, H, W, C]. */
export function unfoldTime(frames: tf.Tensor4D, samples: number): tf.Tensor5D {
  const [all, height, width, channels] = frames.shape;
  return tf.reshape(frames, [samples, all / samples, height, width, channels]);
}

/** Frame t of a window, [N, H, W, C]. */
export function frameAt(window: tf.Tensor5D, t: number): tf.Tensor4D {
  const [, , height, width, channels] = window.shape;
  return tf.reshape(tf.slice(window, [0, t, 0, 0, 0], [-1, 1, -1, -1, -1]), [
    -1,
    height,
    width,
    channels,
  ]);
}
