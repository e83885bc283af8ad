import * as tf from '@tensorflow/tfjs-core';
import { sizeOf, type NamedArrays, type Parameters, type ParameterSpec } from './parameters.js';

const EPSILON = 1e-12;

/** The weight with each output channel's numbers of length `gain`. */
function scaled(weight: tf.Tensor, gain: tf.Tensor, axis: number): tf.Tensor {
  const axes = weight.shape.map((_, i) => i).filter((i) => i !== axis);
  const shape = weight.shape.map((size, i) => (i === axis ? size : 1));
  const squares = tf.sum(tf.square(weight), axes, true);
  const factor = tf.mul(tf.reshape(gain, shape), tf.rsqrt(tf.add(squares, EPSILON)));
  return tf.mul(weight, factor);
}

/**
 * Weight normalization (Salimans & Kingma 2016, arXiv 1602.07868): of each output channel the length of its
 * weights is a parameter of its own, the gain, and what they are trained for is the direction. Unlike a
 * normalization of activations it does not depend on what else is in the picture: a generator makes of a
 * crop what it makes of the frame, colours are not averaged away, and generating needs no moments.
 *
 * @param parameters by name, with gains; differentiable
 * @returns the weights as layers read them; gains are used up
 */
export function normalizeWeights(
  specs: readonly ParameterSpec[],
  parameters: Parameters,
): Parameters {
  const gains = specs.flatMap(({ name, gainOf }) => (gainOf ? [{ name, ...gainOf }] : []));
  const usedUp = new Set(gains.map(({ name }) => name));
  return {
    ...Object.fromEntries(Object.entries(parameters).filter(([name]) => !usedUp.has(name))),
    ...Object.fromEntries(
      gains.map(({ name, weight, axis }) => [
        weight,
        scaled(parameters[weight]!, parameters[name]!, axis),
      ]),
    ),
  };
}

/** The length of each output channel's weights. */
export function lengthsOf({ shape, data }: NamedArrays[string], axis: number): NamedArrays[string] {
  const outputs = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const squares = new Float64Array(outputs);
  data.forEach((value, i) => (squares[Math.floor(i / inner) % outputs]! += value * value));
  return { shape: [outputs], data: Float32Array.from(squares, Math.sqrt) };
}

/** Weights as layers read them, with gains that leave them as they are: what {@link normalizeWeights} makes them of. */
export const withGains = (specs: readonly ParameterSpec[], weights: NamedArrays): NamedArrays => ({
  ...weights,
  ...Object.fromEntries(
    specs.flatMap(({ name, gainOf }) =>
      gainOf ? [[name, lengthsOf(weights[gainOf.weight]!, gainOf.axis)]] : [],
    ),
  ),
});
