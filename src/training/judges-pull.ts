import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../autodiff/index.js';
import { numbered, ordered, type Runner } from '../backend/graph/index.js';
import { foldFrames } from '../networks/index.js';
import { addFaithful, hasDetail, isFaithful, type FaithfulLosses } from './faithful.js';
import { adder, type RealSide } from './judged-parts.js';
import { sumOf, type LossTerms } from './micro-batch.js';
import { pixelWeights, previousWhere } from './moving.js';
import type { RolledOut } from './rollout.js';
import { GRADIENT, PULL } from './signals.js';

/**
 * How hard the discriminators pull at the generated frames beside the reconstruction: the norm of the gradient
 * of what they ask for (adversarial and feature matching) over that of what holds frames to the real ones, the inverse
 * of VQGAN's adaptive weight (Esser et al. 2021), which looks at the last layer instead. For L1 alone nothing is
 * differentiated, its gradient is known; where detail is weighed too its gradient is taken once more. What is left of
 * the whole is theirs.
 * @param gradients of the generator's whole loss in the frames, by time
 * @param losses the weights of what holds frames to the real ones
 * @returns a scalar by its name: `PULL`, or `GRADIENT` where nothing does
 */
export function judgesPull(
  gradients: readonly tf.Tensor4D[],
  out: RolledOut,
  real: RealSide,
  losses: FaithfulLosses,
  runner: Runner,
): LossTerms {
  if (!isFaithful(losses)) {
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
    ...previousWhere(losses, real),
  };
  return runner.call('pull of judges', tensors, (own) =>
    tf.tidy(() => {
      const whole = foldFrames(ordered('gradient', own) as tf.Tensor4D[]);
      const frames = foldFrames(ordered('frame', own) as tf.Tensor4D[]);
      const target = own.target as tf.Tensor4D;
      const pixels = pixelWeights(losses, target, own.previous as tf.Tensor4D | undefined);
      const faithful = faithfulGradient(frames, target, losses, pixels);
      const judges = tf.sub(whole, faithful);
      // Frames that are right to the last bit have no gradient to compare with.
      return { [PULL]: tf.div(tf.norm(judges), tf.add(tf.norm(faithful), 1e-12)) };
    }),
  );
}

/** What holds frames to the real ones asks of them, [N·T, H, W, 3]. */
function faithfulGradient(
  frames: tf.Tensor4D,
  target: tf.Tensor4D,
  losses: FaithfulLosses,
  pixels: tf.Tensor4D | undefined,
): tf.Tensor {
  const sign = tf.sign(tf.sub(frames, target));
  const weighed = pixels ? tf.mul(sign, pixels) : sign;
  const reconstruction = tf.mul(weighed, losses.reconstruction / frames.size);
  if (!hasDetail(losses)) return reconstruction;
  const { gradients } = valueAndGradients(() => {
    const terms: LossTerms = {};
    addFaithful(adder(terms), { ...losses, reconstruction: 0 }, 1, frames, target);
    return sumOf(terms);
  }, [frames]);
  return tf.add(reconstruction, gradients[0]!);
}
