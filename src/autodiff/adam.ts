import * as tf from '@tensorflow/tfjs-core';

/** Adam's running moments, flat like the parameters. */
export interface AdamState {
  readonly mean: tf.Tensor1D;
  readonly square: tf.Tensor1D;
}

/** What changes from update to update; as tensors where a recorded step takes them as inputs. */
export interface AdamRate {
  /** The learning rate with the bias correction in it. */
  readonly rate: tf.Scalar | number;
  /** ε, scaled to match. */
  readonly epsilon: tf.Scalar | number;
}

export interface AdamDecay {
  readonly beta1: number;
  readonly beta2: number;
}

const EPSILON = 1e-8;

/** @param updates made before this one */
export function adamRate(
  learningRate: number,
  { beta1, beta2 }: AdamDecay,
  updates: number,
): { rate: number; epsilon: number } {
  const correction2 = Math.sqrt(1 - beta2 ** (updates + 1));
  const rate = (learningRate * correction2) / (1 - beta1 ** (updates + 1));
  return { rate, epsilon: EPSILON * correction2 };
}

/**
 * One update of Adam (Kingma & Ba 2015, algorithm 1) of a whole network in one pass. The step size
 * carries the bias correction, with ε scaled to match, which leaves the update as published.
 *
 * @returns new tensors; the caller disposes of the old ones
 */
export function adamUpdate(
  parameters: tf.Tensor1D,
  gradient: tf.Tensor1D,
  state: AdamState,
  { beta1, beta2, rate, epsilon }: AdamDecay & AdamRate,
): { parameters: tf.Tensor1D; state: AdamState } {
  const [next, mean, square] = tf.tidy(() => {
    const newMean = tf.add(state.mean, tf.mul(tf.sub(gradient, state.mean), 1 - beta1));
    const newSquare = tf.add(
      state.square,
      tf.mul(tf.sub(tf.square(gradient), state.square), 1 - beta2),
    );
    const step = tf.div(newMean, tf.add(tf.sqrt(newSquare), epsilon));
    return [tf.sub(parameters, tf.mul(step, rate)), newMean, newSquare];
  }) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
  return { parameters: next, state: { mean, square } };
}

/** An exponential moving average: `average + (value − average)·share`, a new tensor. */
export function averageUpdate(
  average: tf.Tensor1D,
  value: tf.Tensor1D,
  share: tf.Scalar | number,
): tf.Tensor1D {
  return tf.tidy(() => tf.add(average, tf.mul(tf.sub(value, average), share)));
}
