import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../base/error.js';
import type { RandomStream } from '../base/random.js';
import type { DataOptions } from '../clips/index.js';

/**
 * What was done in a step's windows as a generator is told it: each column, then 1. Of a share of the windows nothing is
 * known, and all of it is 0: so it also learns how the world goes on by itself, and a world that is played may be left alone.
 * @param actions [N, T, columns]
 * @param dropFraction probability of a window to be told nothing
 * @returns [N, T, columns + 1], the caller's
 */
export function toldActions(
  actions: tf.Tensor3D,
  dropFraction: number,
  random: RandomStream,
): tf.Tensor3D {
  return tf.tidy(() => {
    const [samples, frames] = actions.shape;
    const known = Array.from({ length: samples }, () => +(random.uniform() >= dropFraction));
    const whole = tf.concat([actions, tf.ones([samples, frames, 1])], 2);
    return tf.mul<tf.Tensor3D>(whole, tf.tensor3d(known, [samples, 1, 1]));
  });
}

/**
 * Refuses what cannot be beside actions.
 * @throws FrameloomError bad-option
 */
export function assertActionsFit({
  data: { actions },
  losses,
}: {
  readonly data: Pick<DataOptions, 'actions'>;
  readonly losses: { readonly pingPong: number };
}): void {
  if (!actions || losses.pingPong === 0) return;
  throw new FrameloomError(
    'bad-option',
    'what was done on the way there is not what was done on the way back',
    { path: 'losses.pingPong', hint: 'set it to 0 beside data.actions' },
  );
}
