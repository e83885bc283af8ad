import * as tf from '@tensorflow/tfjs-core';
import { numbered, ordered } from '../backend/graph/index.js';
import { FrameloomError } from '../base/error.js';
import { foldFrames } from '../networks/index.js';
import { adder, type JudgedPart } from './judged-parts.js';
import { l1 } from './losses/reconstruction.js';
import type { LossTerms } from './micro-batch.js';
import type { LossOptions } from './options.js';
import type { RolledOut } from './rollout.js';

/** The shortest way there and back. */
const FEWEST_FRAMES = 3;

/** Frames of a rollout there and back that is at most so long; the frame in its middle is there once. */
export const thereAndBack = (frames: number): number => frames - (1 - (frames % 2));

/** Whether a step goes there and back: in none of those, as often, that are to tell how hard the discriminators pull. */
export const isThereAndBack = (
  { pingPong, pingPongEverySteps: every }: LossOptions,
  step: number,
  frames: number,
): boolean => pingPong > 0 && frames >= FEWEST_FRAMES && (step + 2) % every === 0;

/**
 * Refuses the loss where no rollout could go there and back, or the way would not matter.
 * @throws FrameloomError bad-option
 */
export function assertPingPongFits({
  losses,
  training: { frames },
  generator: { historyFrames },
}: {
  readonly losses: Pick<LossOptions, 'pingPong'>;
  readonly training: { readonly frames: number };
  readonly generator: { readonly historyFrames: number };
}): void {
  if (losses.pingPong === 0) return;
  const path = 'losses.pingPong';
  if (historyFrames === 0) {
    throw new FrameloomError(
      'bad-option',
      'a generator without memory makes the same frames there and back',
      { path, hint: 'set it to 0, or raise generator.historyFrames' },
    );
  }
  if (frames >= FEWEST_FRAMES) return;
  throw new FrameloomError('bad-option', `rollouts of ${frames} frames cannot go there and back`, {
    path,
    hint: `set it to 0, or training.frames to ${FEWEST_FRAMES} at least`,
  });
}

/**
 * What is there for each frame of a window, then the same backwards without the last, [N, T, …].
 * @param before entries in front, which are not gone back to
 */
export const mirrored = (x: tf.Tensor5D, before: number): tf.Tensor5D =>
  tf.tidy(() => {
    const way = tf.slice(x, [0, before, 0, 0, 0], [-1, x.shape[1] - 1 - before, -1, -1, -1]);
    return tf.concat([x, tf.reverse(way, 1)], 1);
  });

/**
 * The ping-pong loss (Chu et al. 2020, TecoGAN): a frame that is made on the way there has to be the one of the same time
 * on the way back (L1), so that what a rollout piles up as it goes, which going back has to take away again, costs
 * something. Both are changed for it.
 */
export function pingPongPart(
  { frames }: Pick<RolledOut, 'frames'>,
  losses: LossOptions,
): JudgedPart {
  const turn = (frames.length - 1) / 2;
  const made = {
    ...numbered('there', frames.slice(0, turn)),
    ...numbered('back', frames.slice(turn + 1).reverse()),
  };
  return {
    kind: 'ping-pong',
    tensors: made,
    losses: {
      generator: {
        xs: Object.keys(made),
        open: (tensors) => () => {
          const terms: LossTerms = {};
          const [there, back] = ['there', 'back'].map((way) =>
            foldFrames(ordered(way, tensors) as tf.Tensor4D[]),
          );
          const apart = (): tf.Scalar => l1(tf.sub(there!, back!), tf.zerosLike(there!));
          adder(terms)('ping_pong', losses.pingPong, 1, apart);
          return { terms };
        },
      },
    },
  };
}
