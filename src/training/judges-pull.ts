import * as tf from '@tensorflow/tfjs-core';
import { numbered, ordered, type Runner } from '../backend/graph/index.js';
import { foldFrames } from '../networks/index.js';
import type { RealSide } from './judged-parts.js';
import type { LossTerms } from './micro-batch.js';
import type { RolledOut } from './rollout.js';
import { GRADIENT, PULL } from './signals.js';

/**
 * How hard the discriminators pull at the generated frames beside the reconstruction: the norm of the gradient
 * of what they ask for (adversarial and feature matching) over that of the L1 reconstruction loss, the inverse
 * of VQGAN's adaptive weight (Esser et al. 2021), which looks at the last layer instead. Nothing is
 * differentiated for it: L1's gradient is known, and what is left of the whole is theirs.
 * @param gradients of the generator's whole loss in the frames, by time
 * @param weight of the reconstruction loss
 * @returns a scalar by its name: `PULL`, or `GRADIENT` without that loss
 */
export function judgesPull(
  gradients: readonly tf.Tensor4D[],
  out: RolledOut,
  real: RealSide,
  weight: number,
  runner: Runner,
): LossTerms {
  if (weight === 0) {
    const own = numbered('gradient', gradients);
    return runner.call('gradient of judges', own, (tensors) =>
      tf.tidy(() => ({
        [GRADIENT]: tf.norm(foldFrames(ordered('gradient', tensors) as tf.Tensor4D[])),
      })),
    ) as LossTerms;
  }
  const tensors = {
    ...numbered('gradient', gradients),
    ...numbered('frame', out.frames),
    target: real.frames,
  };
  return runner.call(`pull of judges beside ${weight}`, tensors, (own) =>
    tf.tidy(() => {
      const whole = foldFrames(ordered('gradient', own) as tf.Tensor4D[]);
      const frames = foldFrames(ordered('frame', own) as tf.Tensor4D[]);
      const sign = tf.sign(tf.sub(frames, own.target as tf.Tensor4D));
      const reconstruction = tf.mul(sign, weight / frames.size);
      const judges = tf.sub(whole, reconstruction);
      // Frames that are right to the last bit have no gradient to compare with.
      return { [PULL]: tf.div(tf.norm(judges), tf.add(tf.norm(reconstruction), 1e-12)) };
    }),
  );
}
