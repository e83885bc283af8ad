import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../base/error.js';
import { foldTime } from '../networks/index.js';
import { framesOf, type RealSide } from './judged-parts.js';
import type { LossOptions } from './options.js';

/**
 * Refuses to weigh what nothing asks for.
 * @throws FrameloomError bad-option
 */
export function assertMovingFits({
  losses: { moving, reconstruction, rawReconstruction, warp },
}: {
  readonly losses: Pick<LossOptions, 'moving' | 'reconstruction' | 'rawReconstruction' | 'warp'>;
}): void {
  if (moving === 0 || reconstruction + rawReconstruction + warp > 0) return;
  throw new FrameloomError(
    'bad-option',
    'none of the losses in which what moves counts more is weighed',
    {
      path: 'losses.moving',
      hint: 'set it to 0, or losses.reconstruction, losses.rawReconstruction or losses.warp above 0',
    },
  );
}

/** Of colours from −1 to 1, a change that is motion and none of what a lossy codec does to a picture that stands still. */
const CHANGED = 0.15;

/**
 * What each pixel counts in the losses of colours: 1, and `moving` more where the real frame differs from the one before
 * in any channel. In a game nine tenths of the picture stand still; to L1, whose gradient is as long for a difference of a grey
 * level as for one of a fox and grass, they are nine tenths of what there is to learn.
 *
 * @param target [N, H, W, C] in [−1, 1]
 * @param previous the real frames before them, of the same shape
 * @returns [N, H, W, 1], to be a constant; undefined where all pixels count alike
 */
export function pixelWeights(
  { moving }: Pick<LossOptions, 'moving'>,
  target: tf.Tensor4D,
  previous: tf.Tensor4D | undefined,
): tf.Tensor4D | undefined {
  if (moving === 0 || !previous) return undefined;
  return tf.tidy(() => {
    const change = tf.max(tf.abs(tf.sub(target, previous)), 3, true);
    const moves = tf.cast(tf.greater(change, CHANGED), 'float32');
    return tf.add<tf.Tensor4D>(tf.mul(moves, moving), 1);
  });
}

/**
 * The real frames before those that a rollout has to match, by time, [N, T, H, W, 3]. Of a window that begins with its
 * rollout the first is its own: nothing says what moves in it.
 */
export function previousFrames(real: RealSide): tf.Tensor5D {
  const total = real.window.shape[1];
  const frames = framesOf(real);
  const slice = (from: number, count: number): tf.Tensor5D =>
    tf.slice(real.window, [0, from, 0, 0, 0], [-1, count, -1, -1, -1]);
  if (total > frames) return slice(total - frames - 1, frames);
  return frames === 1
    ? slice(0, 1)
    : tf.tidy(() => tf.concat([slice(0, 1), slice(0, frames - 1)], 1));
}

/** The same, folded into the batch, where pixels do not count alike. */
export const previousWhere = (
  { moving }: Pick<LossOptions, 'moving'>,
  real: RealSide,
): { readonly previous?: tf.Tensor4D } =>
  moving === 0 ? {} : { previous: foldTime(previousFrames(real)) };
