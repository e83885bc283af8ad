import * as tf from '@tensorflow/tfjs-core';
import type { Layer } from './layers.js';

/** Pixels to a side of what becomes channels. */
export const BLOCK = 2;

/**
 * Each 2×2 block of pixels as channels of one, [N, H, W, C] → [N, H/2, W/2, 4C]. Of reshapes and
 * transposes, because TensorFlow.js has no gradient for its own op.
 */
export function spaceToDepth(x: tf.Tensor4D): tf.Tensor4D {
  const [samples, height, width, channels] = x.shape;
  const rows = height / BLOCK;
  const columns = width / BLOCK;
  return tf.tidy(() => {
    const blocks = tf.reshape(x, [samples, rows, BLOCK, columns, BLOCK, channels]);
    const together = tf.transpose(blocks, [0, 1, 3, 2, 4, 5]);
    return tf.reshape(together, [samples, rows, columns, BLOCK * BLOCK * channels]);
  });
}

/** The inverse of `spaceToDepth` (Shi et al. 2016, ESPCN), [N, H, W, 4C] → [N, 2H, 2W, C]. */
export function depthToSpace(x: tf.Tensor4D): tf.Tensor4D {
  const [samples, rows, columns, deep] = x.shape;
  const channels = deep / (BLOCK * BLOCK);
  return tf.tidy(() => {
    const blocks = tf.reshape(x, [samples, rows, columns, BLOCK, BLOCK, channels]);
    const spread = tf.transpose(blocks, [0, 1, 3, 2, 4, 5]);
    return tf.reshape(spread, [samples, rows * BLOCK, columns * BLOCK, channels]);
  });
}

export const spaceToDepthLayer: Layer = {
  specs: [],
  apply: (_, x) => spaceToDepth(x),
  cost: ({ height, width }) => ({
    size: { height: height / BLOCK, width: width / BLOCK },
    macs: 0,
  }),
};
