import * as tf from '@tensorflow/tfjs-core';
import { film } from './film.js';
import { convolution, rectifier, sequential, type Layer } from './layers.js';
import type { Parameters, ParameterSpec } from './parameters.js';

/** The parameters of what reads actions begin with this. */
const ACTIONS = 'actions.';
const ACTING = '.acting';
/** Of what a discriminator is told. */
export const TOLD = '.told.';

/** Whether a parameter is of what networks that are told actions have more than others. */
export const isOfActions = (name: string): boolean =>
  name.startsWith(ACTIONS) || name.includes(ACTING) || name.includes(TOLD);

/** Features that what was done is told by. */
export const ACTION_FEATURES = 32;

/**
 * What features are enlarged by at first. What they scale begins at 0, and in steps of Adam, which are of one size, gets as
 * far as they are large. With five times as large ones a square that keys move followed them sooner, with twelve no sooner.
 */
const FIRST_GAIN = 5;

/**
 * Numbers that a frame's actions are told by: each column, and 1, or all 0 where it is not known what was done. A key that
 * is not held and one of which nothing is known are not the same.
 */
export const actionNumbers = (columns: number): number => columns + 1;

/** From the actions of the last frames to features. */
export interface ActionEncoder {
  readonly specs: readonly ParameterSpec[];
  /** Numbers that it reads. */
  readonly inputs: number;
  /** @param actions [N, 1, 1, inputs]; @returns [N, 1, 1, ACTION_FEATURES] */
  encode(parameters: Parameters, actions: tf.Tensor4D): tf.Tensor4D;
  /** Multiply-accumulates of one sample, whatever the size of a frame. */
  readonly macs: number;
}

/**
 * A perceptron of two layers over the actions of the last frames.
 * @param columns told at each frame
 * @param frames whose actions are told, the current one included
 */
export function createActionEncoder(columns: number, frames: number): ActionEncoder {
  const inputs = actionNumbers(columns) * frames;
  const layers = sequential([
    convolution(`${ACTIONS}first`, 1, inputs, ACTION_FEATURES),
    rectifier(),
    convolution(`${ACTIONS}second`, 1, ACTION_FEATURES, ACTION_FEATURES, {
      deviation: FIRST_GAIN * Math.sqrt(2 / ACTION_FEATURES),
    }),
    rectifier(),
  ]);
  return {
    specs: layers.specs,
    inputs,
    encode: (parameters, actions) => layers.apply(parameters, actions),
    macs: layers.cost({ height: 1, width: 1 }).macs,
  };
}

/** Scales and shifts features as what was done says; begins as the identity, so that nothing is done by chance. */
export const acting = (name: string, channels: number): Layer =>
  film(`${name}${ACTING}`, 'actions', ACTION_FEATURES, channels, { constant: 0 });

/**
 * The actions of the last frames as an encoder reads them, oldest first; all 0 of frames that there are none of.
 * @param actions [N, T, numbers]
 * @param t the current frame
 * @param count frames that are told
 * @param first the first frame that may be read
 * @returns [N, 1, 1, count·numbers]
 */
export function actionsAt(
  actions: tf.Tensor3D,
  t: number,
  count: number,
  first: number,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [samples, , numbers] = actions.shape;
    const from = Math.max(first, t - count + 1);
    const there = tf.slice(actions, [0, from, 0], [-1, t - from + 1, -1]);
    const missing = count - (t - from + 1);
    const all =
      missing === 0 ? there : tf.concat([tf.zeros([samples, missing, numbers]), there], 1);
    return tf.reshape(all, [samples, 1, 1, count * numbers]);
  });
}
