import * as tf from '@tensorflow/tfjs-core';
import { biasAdd, blur, blurMacs, instanceNorm, leakyRelu, place, relu } from '../kernels/index.js';
import type { Parameters, ParameterSpec } from './parameters.js';

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** What features are multiplied by, and what is added to them then, [N, H, W, C] each. */
export interface Modulation {
  readonly scale: tf.Tensor4D;
  readonly shift: tf.Tensor4D;
}

/** What a layer may read besides what it is given. */
export interface Beside {
  /**
   * [N, 4], where x is a part of a frame, of what is shown where in it that is: of the first and the last column and row
   * at half of the resolution, −1 to 1.
   */
  readonly places?: tf.Tensor2D | null | undefined;
  readonly modulation?: Modulation | null;
  /** [N, 1, 1, styleChannels] in [−1, 1], the look that is wanted. */
  readonly style?: tf.Tensor4D | undefined;
  /** [N, 1, 1, features] of what was done in the last frames. */
  readonly actions?: tf.Tensor4D | undefined;
}

/** A piece of a network: its parameters by name, a pure function of them, and what it costs. */
export interface Layer {
  readonly specs: readonly ParameterSpec[];
  apply(parameters: Parameters, x: tf.Tensor4D, beside?: Beside): tf.Tensor4D;
  /** Size of the output, and multiply-accumulates of one sample, for an input of this size. */
  cost(size: Size): { size: Size; macs: number };
}

export interface ConvolutionOptions {
  readonly stride?: number;
  /** Blurs what it is given, where its stride is 2 ({@link blur}). */
  readonly antiAlias?: boolean;
  /** False where something that is added, or an instance norm, makes it idle. */
  readonly bias?: boolean;
  /** Deviation of the initial weights; He et al. 2015's when left out. */
  readonly deviation?: number;
  /**
   * Normalizes the weights, with gains that are so much at first, in units of what keeps the deviation after a
   * rectifier.
   */
  readonly gain?: number;
  /** What all it makes is at first, whatever it is given: weights are 0, and the bias is this. */
  readonly constant?: number;
  /** Output channels that start alike, block by block. */
  readonly alike?: { readonly blocks: number; readonly channels: number };
  /** Which of the condition's channels each input is; null for others. */
  readonly conditionInputs?: readonly (number | null)[];
}

const weightName = (name: string): string => `${name}.weight`;

/** Of what places weigh at first, beside features of deviation 1. */
const PLACE_DEVIATION = 0.3;

const heDeviation = (fanIn: number): number => Math.sqrt(2 / fanIn);

/** The gains of a layer's normalized weights. */
const gains = (
  name: string,
  { outputs, axis, gain }: { outputs: number; axis: number; gain: number },
): ParameterSpec => ({
  name: `${name}.gain`,
  shape: [outputs],
  init: { constant: gain * Math.SQRT2 },
  gainOf: { weight: weightName(name), axis },
});

/** Convolution with zero padding that keeps the size (stride 1) or divides it, rounding up. */
export function convolution(
  name: string,
  kernel: number,
  inputs: number,
  outputs: number,
  options: ConvolutionOptions = {},
): Layer {
  const { stride = 1, bias = true, gain, constant } = options;
  const isBlurred = options.antiAlias === true && stride === 2;
  const deviation = options.deviation ?? heDeviation(kernel * kernel * inputs);
  return {
    specs: [
      {
        name: weightName(name),
        shape: [kernel, kernel, inputs, outputs],
        init:
          constant === undefined
            ? { normal: deviation, ...(options.alike && { alike: options.alike }) }
            : { constant: 0 },
        ...(options.conditionInputs && { conditionInputs: options.conditionInputs }),
      },
      ...(gain === undefined ? [] : [gains(name, { outputs, axis: 3, gain })]),
      ...(bias
        ? [{ name: `${name}.bias`, shape: [outputs], init: { constant: constant ?? 0 } }]
        : []),
    ],
    apply(parameters, x) {
      const weight = parameters[weightName(name)] as tf.Tensor4D;
      const y = isBlurred
        ? tf.conv2d(blur(x, kernel), weight, stride, 'valid')
        : tf.conv2d(x, weight, stride, 'same');
      return bias ? biasAdd(y, parameters[`${name}.bias`] as tf.Tensor1D) : y;
    },
    cost({ height, width }) {
      const size = { height: Math.ceil(height / stride), width: Math.ceil(width / stride) };
      const own = size.height * size.width * kernel * kernel * inputs * outputs;
      const blurring = isBlurred ? blurMacs({ height, width }, kernel) * inputs : 0;
      return { size, macs: own + blurring };
    },
  };
}

/**
 * Transposed convolution 3×3 that doubles height and width, as vid2vid's decoder has.
 * @param byWeights normalizes its weights and gives it a bias; else a normalization has to follow
 */
export function upConvolution(
  name: string,
  inputs: number,
  outputs: number,
  byWeights: boolean,
): Layer {
  const kernel = 3;
  return {
    specs: [
      {
        name: weightName(name),
        shape: [kernel, kernel, outputs, inputs],
        // Each output is reached by a quarter of the kernel.
        init: { normal: heDeviation((kernel * kernel * inputs) / 4) },
      },
      ...(byWeights
        ? [
            // A channel's length is that of all of the kernel, twice as long as of a quarter.
            gains(name, { outputs, axis: 2, gain: 2 }),
            { name: `${name}.bias`, shape: [outputs], init: { constant: 0 } },
          ]
        : []),
    ],
    apply(parameters, x) {
      const [samples, height, width] = x.shape;
      const weight = parameters[weightName(name)] as tf.Tensor4D;
      const size: [number, number, number, number] = [samples, height * 2, width * 2, outputs];
      const y = tf.conv2dTranspose(x, weight, size, 2, 'same');
      return byWeights ? biasAdd(y, parameters[`${name}.bias`] as tf.Tensor1D) : y;
    },
    cost: ({ height, width }) => ({
      size: { height: height * 2, width: width * 2 },
      macs: height * width * kernel * kernel * inputs * outputs,
    }),
  };
}

/**
 * Adds to each channel something of its own for the pixel's column and row: of what looks alike in the
 * condition, sky is above and road below.
 */
export const placing = (name: string, channels: number): Layer => ({
  specs: [{ name: weightName(name), shape: [2, channels], init: { normal: PLACE_DEVIATION } }],
  apply: (parameters, x, beside) =>
    place(x, parameters[weightName(name)] as tf.Tensor2D, beside?.places ?? null),
  cost: (size) => ({ size, macs: size.height * size.width * 2 * channels }),
});

/**
 * Features times a map plus another: what is where in the condition keeps its say in layers that would wash it out
 * (SPADE, Park et al. 2019, arXiv 1903.07291).
 */
export const modulating: Layer = {
  specs: [],
  apply(_, x, beside) {
    const maps = beside?.modulation;
    if (!maps) throw new Error('a layer that is modulated was given no modulation');
    return tf.tidy(() => tf.add(tf.mul(x, maps.scale), maps.shift));
  },
  cost: (size) => ({ size, macs: 0 }),
};

/** Instance normalization with its own scale and shift. */
export function normalization(name: string, channels: number): Layer {
  return {
    specs: [
      { name: `${name}.gamma`, shape: [channels], init: { constant: 1 } },
      { name: `${name}.beta`, shape: [channels], init: { constant: 0 } },
    ],
    apply: (parameters, x) =>
      instanceNorm(
        x,
        parameters[`${name}.gamma`] as tf.Tensor1D,
        parameters[`${name}.beta`] as tf.Tensor1D,
      ),
    cost: (size) => ({ size, macs: 0 }),
  };
}

export const rectifier = (slope = 0): Layer => ({
  specs: [],
  apply: (_, x) => (slope === 0 ? relu(x) : leakyRelu(x, slope)),
  cost: (size) => ({ size, macs: 0 }),
});

/** One after the other. What is between two layers is let go as soon as nothing needs it. */
export function sequential(layers: readonly Layer[]): Layer {
  return {
    specs: layers.flatMap((layer) => layer.specs),
    apply: (parameters, x, beside) =>
      tf.tidy(() => layers.reduce((value, layer) => layer.apply(parameters, value, beside), x)),
    cost: (size) =>
      layers.reduce(
        (sum, layer) => {
          const next = layer.cost(sum.size);
          return { size: next.size, macs: sum.macs + next.macs };
        },
        { size, macs: 0 },
      ),
  };
}

/** x + what a layer makes of it. */
export const adding = (body: Layer): Layer => ({
  specs: body.specs,
  apply: (parameters, x, beside) => tf.tidy(() => tf.add(x, body.apply(parameters, x, beside))),
  cost: (size) => body.cost(size),
});
