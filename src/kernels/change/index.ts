import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../../base/error.js';
import { assertShape } from '../../base/shape.js';
import { channelsOf } from '../channels.js';
import { registerFused, runKernel, type KernelFunction } from '../native.js';

const FORWARD = 'FrameloomChange';
const IMAGE_CHANNELS = 3;

/**
 * How changes are looked for, in numbers that the exported graph has too. Differences are averaged over windows, so
 * that grain and an outline that comes and goes by a pixel are no change, and what moves is.
 */
export const CHANGE = {
  /** Sides of a window, pixels. */
  window: 8,
  /** From one window to the next, pixels. */
  stride: 4,
  /** Of the past, sides of the blocks whose differences are averaged with their signs, which takes the grain out. */
  block: 2,
  /** Mean differences of [−1, 1] up to which nothing has changed, and from which all has. */
  ofCondition: { from: 0.08, to: 0.2 },
  ofHistory: { from: 0.004, to: 0.01 },
  /** Changed shares of the picture up to which the camera stands, and from which it moves and all has changed. */
  ofPicture: { from: 0.25, to: 0.45 },
} as const;

interface Ramp {
  readonly from: number;
  readonly to: number;
}

const ramp = (x: tf.Tensor, { from, to }: Ramp): tf.Tensor =>
  tf.clipByValue(tf.mul(tf.sub(x, from), 1 / (to - from)), 0, 1);

/** Means over windows, of a picture so many times smaller, [N, H/4, W/4, 1]. */
const windows = (x: tf.Tensor, smaller: number): tf.Tensor =>
  tf.avgPool(x as tf.Tensor4D, CHANGE.window / smaller, CHANGE.stride / smaller, 'same');

const forward: KernelFunction = ([history, condition], { channels }) => {
  const { block } = CHANGE;
  const [, height, width] = history!.shape as [number, number, number, number];
  const past = history as tf.Tensor4D;
  const wanted = condition as tf.Tensor4D;
  const earlier = wanted.shape[3] - channels!;
  const moved: tf.Tensor4D = tf.sub(
    channelsOf(past, 0, IMAGE_CHANNELS),
    channelsOf(past, IMAGE_CHANNELS, IMAGE_CHANNELS),
  );
  const byBlocks = tf.mean(tf.abs(tf.avgPool(moved, block, block, 'valid')), 3, true);
  const asked = tf.abs(
    tf.sub(channelsOf(wanted, 0, earlier), channelsOf(wanted, channels!, earlier)),
  );
  const somewhere = tf.maximum(
    ramp(windows(byBlocks, block), CHANGE.ofHistory),
    ramp(windows(tf.max(asked, 3, true), 1), CHANGE.ofCondition),
  );
  const everywhere = ramp(tf.mean(somewhere, [1, 2], true), CHANGE.ofPicture);
  const changed: tf.Tensor4D = tf.maximum(somewhere, everywhere);
  return [tf.image.resizeBilinear(changed, [height, width], false, true)];
};

export function registerChange(): void {
  registerFused(
    FORWARD,
    ['history', 'condition'],
    (inputs, attributes) => tf.tidy(() => forward(inputs, attributes)),
    forward,
  );
}

/**
 * Where something has changed: 0 where neither the condition nor the last two frames did, 1 where one of them did, in
 * between at the borders and where it is little. 1 all over as soon as most of the picture changes: a camera that moves.
 * What video coders call conditional replenishment (Mounts 1969).
 *
 * @param history [N, H, W, 6] in [−1, 1], the last frame and the one before
 * @param condition [N, H, W, F·C] in [−1, 1], F frames, F ≥ 2, the oldest first
 * @param channels C, of one condition frame
 * @returns [N, H, W, 1] in [0, 1]; it has no gradient, nothing is trained through it
 * @throws FrameloomError bad-shape
 */
export function change(
  history: tf.Tensor4D,
  condition: tf.Tensor4D,
  channels: number,
): tf.Tensor4D {
  const { N, H, W } = assertShape(history, ['N', 'H', 'W', 6], 'history');
  const { F } = assertShape(condition, [N!, H!, W!, 'F'], 'condition');
  if (F! % channels !== 0 || F! < 2 * channels) {
    throw new FrameloomError(
      'bad-shape',
      `a condition of ${F} channels is not two frames or more of ${channels}`,
    );
  }
  return runKernel(FORWARD, { history, condition }, { channels })[0] as tf.Tensor4D;
}
