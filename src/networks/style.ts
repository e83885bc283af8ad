import * as tf from '@tensorflow/tfjs-core';
import { film } from './film.js';
import { convolution, rectifier, sequential, type Layer, type Size } from './layers.js';
import { normalizedLayers } from './normalized.js';
import type { Parameters, ParameterSpec } from './parameters.js';

/** The encoder's parameters begin with this. What only takes codes, as an exported file, holds none of them. */
export const STYLE_ENCODER = 'style.';

const STYLING = '.styling';

/** Whether a parameter is of what a generator that is told looks has more than one that is not. */
export const isOfLooks = (name: string): boolean =>
  name.startsWith(STYLE_ENCODER) || name.includes(STYLING);

const PICTURE_CHANNELS = 3;
/** Features after each halving. */
const [FEW, MORE] = [16, 32];
/** What a look changes at first: enough for the encoder to have a gradient in the first step. */
const FIRST_DEVIATION = 0.1;

/** From a picture to the numbers that its look is told by. */
export interface StyleEncoder {
  readonly specs: readonly ParameterSpec[];
  readonly channels: number;
  /** @param looks [N, h, w, 3] in [−1, 1]; @returns [N, 1, 1, channels] in [−1, 1] */
  encode(parameters: Parameters, looks: tf.Tensor4D): tf.Tensor4D;
  /** Multiply-accumulates for one picture of this size. */
  macs(size: Size): number;
}

/**
 * An encoder of a picture's look, after BicycleGAN's (Zhu et al. 2017, arXiv 1711.11586) and SPADE's (Park et al. 2019):
 * convolutions that halve three times, then the mean over all places, so that what is where cannot be told by the few
 * numbers that are left. They are no distribution but a point, bounded by a tanh: a weight on the divergence from a normal
 * one draws all looks together in the first minutes, before the generator has learned what they are good for. Weights
 * are normalized and not activations, which would take away just the colours that are asked for.
 */
export function createStyleEncoder(channels: number): StyleEncoder {
  const layers = normalizedLayers('weights');
  const halving = (name: string, inputs: number, outputs: number): Layer[] => [
    layers.convolution(`${STYLE_ENCODER}${name}`, inputs, outputs, { stride: 2 }),
    rectifier(),
  ];
  const features = sequential([
    ...halving('half', PICTURE_CHANNELS, FEW),
    ...halving('quarter', FEW, MORE),
    ...halving('eighth', MORE, MORE),
  ]);
  const code = convolution(`${STYLE_ENCODER}code`, 1, MORE, channels);
  return {
    specs: [...features.specs, ...code.specs],
    channels,
    encode: (parameters, looks) =>
      tf.tidy(() => {
        const means = tf.mean<tf.Tensor4D>(features.apply(parameters, looks), [1, 2], true);
        return tf.tanh(code.apply(parameters, means));
      }),
    macs: (size) => features.cost(size).macs + MORE * channels,
  };
}

/** Scales and shifts features as the look says. */
export const styling = (name: string, styleChannels: number, channels: number): Layer =>
  film(`${name}${STYLING}`, 'style', styleChannels, channels, { deviation: FIRST_DEVIATION });
