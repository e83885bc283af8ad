import * as tf from '@tensorflow/tfjs-core';
import { biasAdd, instanceNorm, leakyRelu, relu } from '../kernels/index.js';
import type { Parameters, ParameterSpec } from './parameters.js';

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A piece of a network: its parameters by name, a pure function of them, and what it costs. */
export interface Layer {
  readonly specs: readonly ParameterSpec[];
  apply(parameters: Parameters, x: tf.Tensor4D): tf.Tensor4D;
  /** Size of the output, and multiply-accumulates of one sample, for an input of this size. */
  cost(size: Size): { size: Size; macs: number };
}

export interface ConvolutionOptions {
  readonly stride?: number;
  /** False where an instance norm follows, which would take the bias away again. */
  readonly bias?: boolean;
  /** Deviation of the initial weights; He et al. 2015's when left out. */
  readonly deviation?: number;
  /** Output channels that start alike, block by block. */
  readonly alike?: { readonly blocks: number; readonly channels: number };
  /** Which of the condition's channels each input is; null for others. */
  readonly conditionInputs?: readonly (number | null)[];
}

const weightName = (name: string): string => `${name}.weight`;

const heDeviation = (fanIn: number): number => Math.sqrt(2 / fanIn);

/** Convolution with zero padding that keeps the size (stride 1) or divides it, rounding up. */
export function convolution(
  name: string,
  kernel: number,
  inputs: number,
  outputs: number,
  options: ConvolutionOptions = {},
): Layer {
  const { stride = 1, bias = true } = options;
  const deviation = options.deviation ?? heDeviation(kernel * kernel * inputs);
  return {
    specs: [
      {
        name: weightName(name),
        shape: [kernel, kernel, inputs, outputs],
        init: { normal: deviation, ...(options.alike && { alike: options.alike }) },
        ...(options.conditionInputs && { conditionInputs: options.conditionInputs }),
      },
      ...(bias ? [{ name: `${name}.bias`, shape: [outputs], init: { constant: 0 } }] : []),
    ],
    apply(parameters, x) {
      const weight = parameters[weightName(name)] as tf.Tensor4D;
      const y = tf.conv2d(x, weight, stride, 'same');
      return bias ? biasAdd(y, parameters[`${name}.bias`] as tf.Tensor1D) : y;
    },
    cost({ height, width }) {
      const size = { height: Math.ceil(height / stride), width: Math.ceil(width / stride) };
      return { size, macs: size.height * size.width * kernel * kernel * inputs * outputs };
    },
  };
}

/** Transposed convolution 3×3 that doubles height and width, as vid2vid's decoder has. */
export function upConvolution(name: string, inputs: number, outputs: number): Layer {
  const kernel = 3;
  return {
    specs: [
      {
        name: weightName(name),
        shape: [kernel, kernel, outputs, inputs],
        // Each output is reached by a quarter of the kernel.
        init: { normal: heDeviation((kernel * kernel * inputs) / 4) },
      },
    ],
    apply(parameters, x) {
      const [samples, height, width] = x.shape;
      return tf.conv2dTranspose(
        x,
        parameters[weightName(name)] as tf.Tensor4D,
        [samples, height * 2, width * 2, outputs],
        2,
        'same',
      );
    },
    cost: ({ height, width }) => ({
      size: { height: height * 2, width: width * 2 },
      macs: height * width * kernel * kernel * inputs * outputs,
    }),
  };
}

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
    apply: (parameters, x) =>
      tf.tidy(() => layers.reduce((value, layer) => layer.apply(parameters, value), x)),
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

/** x + norm(conv(relu(norm(conv x)))) (He et al. 2016), 3×3, as pix2pixHD has it. */
export function residualBlock(name: string, channels: number): Layer {
  const body = sequential([
    convolution(`${name}.conv1`, 3, channels, channels, { bias: false }),
    normalization(`${name}.norm1`, channels),
    rectifier(),
    convolution(`${name}.conv2`, 3, channels, channels, { bias: false }),
    normalization(`${name}.norm2`, channels),
  ]);
  return {
    specs: body.specs,
    apply: (parameters, x) => tf.tidy(() => tf.add(x, body.apply(parameters, x))),
    cost: (size) => body.cost(size),
  };
}

export const residualBlocks = (name: string, channels: number, count: number): Layer[] =>
  Array.from({ length: count }, (_, i) => residualBlock(`${name}.${i}`, channels));
