import * as tf from '@tensorflow/tfjs-core';

/** `count` of a picture's channels, [N, H, W, C] to [N, H, W, count]. */
export const channelsOf = (x: tf.Tensor4D, from: number, count: number): tf.Tensor4D =>
  tf.slice(x, [0, 0, 0, from], [-1, -1, -1, count]);
