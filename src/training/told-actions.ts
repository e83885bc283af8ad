import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../base/error.js';
import type { RandomStream } from '../base/random.js';
import { ownShare, WHOLE } from '../base/share.js';
import type { DataOptions, Window } from '../clips/index.js';
import type { RolloutInput } from './rollout.js';

/**
 * What was done in a step's windows as a generator is told it: each column, then 1. Of a share of the windows nothing is
 * known, and all of it is 0: so it also learns how the world goes on by itself, and a world that is played may be left alone.
 * @param windows what was done in them, and what in others, [N, T, columns] each
 * @param dropFraction probability of a window to be told nothing
 * @param share of the windows of all processes, of each of which that is drawn
 * @returns [N, T, columns + 1] each, the caller's
 */
export function toldActions(
  windows: Pick<Window, 'actions' | 'otherActions'>,
  dropFraction: number,
  random: RandomStream,
  share = WHOLE,
): Pick<RolloutInput, 'actions' | 'otherActions'> {
  const { actions, otherActions } = windows;
  if (!actions) return {};
  return tf.tidy(() => {
    const [samples, frames] = actions.shape;
    const all = Array.from(
      { length: samples * share.size },
      () => +(random.uniform() >= dropFraction),
    );
    const known = [...ownShare(all, share)];
    const told = (own: tf.Tensor3D): tf.Tensor3D =>
      tf.mul(
        tf.concat([own, tf.ones([samples, frames, 1])], 2),
        tf.tensor3d(known, [samples, 1, 1]),
      );
    // Of a window that is told nothing others are told nothing too, which is the same.
    return { actions: told(actions), ...(otherActions && { otherActions: told(otherActions) }) };
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
