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

/** Squared norms at the frames: of what the discriminators ask for, and of what holds frames to the real ones. */
const [JUDGES, FAITHFUL] = ['pull.judges', 'pull.faithful'];

/**
 * How hard the discriminators pull at the generated frames beside the reconstruction: the norm of the gradient
 * of what they ask for (adversarial and feature matching) over that of what holds frames to the real ones, the inverse
 * of VQGAN's adaptive weight (Esser et al. 2021), which looks at the last layer instead. For L1 alone nothing is
 * differentiated, its gradient is known; where detail is weighed too its gradient is taken once more. What is left of
 * the whole is theirs.
 * @param gradients of the generator's whole loss in the frames, by time
 * @param losses the weights of what holds frames to the real ones
 * @returns the squares of both norms, of the judges' alone where nothing else is weighed: where processes train
 *   together means can be taken of them, and {@link withPull} makes of those what one process of all windows would see
 */
export function judgesPull(
  gradients: readonly tf.Tensor4D[],
  out: RolledOut,
  real: RealSide,
  losses: FaithfulLosses,
  runner: Runner,
): LossTerms {
  const squared = (gradient: tf.Tensor): tf.Scalar => tf.sum(tf.square(gradient));
  if (!isFaithful(losses)) {
    const own = numbered('gradient', gradients);
    return runner.call('gradient of judges', own, (tensors) =>
      tf.tidy(() => ({
        [JUDGES]: squared(foldFrames(ordered('gradient', tensors) as tf.Tensor4D[])),
      })),
    );
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
      return { [JUDGES]: squared(tf.sub(whole, faithful)), [FAITHFUL]: squared(faithful) };
    }),
  );
}

/**
 * A step's signals with how hard the judges pull instead of the squares that {@link judgesPull} found.
 * @param processes whose means the signals are. Each takes the mean over its own windows, so its gradients are that many
 *   times those of one process with all of them
 * @returns `PULL`, or `GRADIENT` where nothing holds frames to the real ones, and all the others as they are
 */
export function withPull(signals: LossTerms, processes: number): LossTerms {
  const { [JUDGES]: judges, [FAITHFUL]: faithful, ...others } = signals;
  if (judges === undefined) return others;
  if (faithful === undefined) {
    return { ...others, [GRADIENT]: tf.sqrt(tf.div(judges, processes)) };
  }
  // Frames that are right to the last bit have no gradient to compare with.
  return { ...others, [PULL]: tf.div(tf.sqrt(judges), tf.add(tf.sqrt(faithful), 1e-12)) };
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
