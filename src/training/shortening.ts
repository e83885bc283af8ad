import * as tf from '@tensorflow/tfjs-core';
import { sumOf, type LossTerms } from './micro-batch.js';

/**
 * How many times its loss the generator's gradient is long; 0 beside a loss of 0. Beside the loss, because both
 * grow with its weights: in most steps of most trainings it is half to twenty times.
 * @param terms of both sides' losses, each by its size: a hinge loss may be below 0
 */
export const timesItsLoss = (gradient: tf.Tensor1D, terms: LossTerms): tf.Scalar =>
  tf.tidy(() => {
    const own = Object.entries(terms).filter(([name]) => name.startsWith('generator/'));
    const loss = sumOf(Object.fromEntries(own.map(([name, term]) => [name, tf.abs(term)])));
    return tf.divNoNan(tf.norm(gradient), loss);
  });

/**
 * The factor that shortens a gradient which explodes to a norm as large as its loss (Pascanu et al. 2013): 1 for
 * one of at most `most` times the loss, which leaves it as it is to the bit, and for one that is shorter than it.
 *
 * Through many frames gradients may grow without bound, and by other powers of ten from step to step. Adam
 * remembers the square of the longest for a thousand steps, and takes next to none meanwhile: so would it one
 * that was shortened to no more than what is allowed.
 */
export const shortening = (times: tf.Scalar, most: tf.Scalar): tf.Scalar =>
  tf.tidy(() => {
    const one = tf.onesLike(times);
    const isLong = tf.greater(times, tf.maximum(most, one));
    return tf.where(isLong, tf.div<tf.Scalar>(one, times), one);
  });
