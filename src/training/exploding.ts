import * as tf from '@tensorflow/tfjs-core';
import { sumOf, type LossTerms } from './micro-batch.js';

/** A gradient of zeros is not divided by its norm. */
const SHORTEST = 1e-30;

/**
 * The factor that shortens a gradient which explodes to a norm as large as its loss (Pascanu et al. 2013): 1 for
 * one of at most `times` the loss, which leaves it as it is to the bit. Beside the loss, because both grow with its
 * weights; in most steps of most trainings a gradient is half to twenty times as long.
 *
 * Through many frames gradients may grow without bound, and by other powers of ten from step to step. Adam
 * remembers the square of the longest for a thousand steps, and takes next to none meanwhile: so would it one
 * that was shortened to no more than what is allowed.
 */
export const shortening = (gradient: tf.Tensor1D, loss: tf.Scalar, times: tf.Scalar): tf.Scalar =>
  tf.tidy(() => {
    const norm = tf.maximum(tf.norm(gradient), SHORTEST);
    const short = tf.minimum(1, tf.div(loss, norm));
    // Beside a loss of 0 nothing is long.
    const isLong = tf.logicalAnd(tf.greater(norm, tf.mul(loss, times)), tf.greater(loss, 0));
    return tf.where(isLong, short, tf.onesLike(short)) as tf.Scalar;
  });

const OF_GENERATOR = 'generator/';

/** Of all terms of the generator's loss, each by its size: a hinge loss may be below 0. */
export const sizeOfLoss = (terms: LossTerms): tf.Scalar =>
  tf.tidy(() => {
    const own = Object.entries(terms).filter(([name]) => name.startsWith(OF_GENERATOR));
    return sumOf(Object.fromEntries(own.map(([name, term]) => [name, tf.abs(term)])));
  });

/** How many times its loss a gradient is long, as numbers; 0 beside a loss of 0. */
export function timesItsLoss(norm: number, terms: Readonly<Record<string, number>>): number {
  const loss = Object.entries(terms).reduce(
    (sum, [name, term]) => sum + (name.startsWith(OF_GENERATOR) ? Math.abs(term) : 0),
    0,
  );
  return loss === 0 ? 0 : norm / loss;
}
