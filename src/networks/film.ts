import * as tf from '@tensorflow/tfjs-core';
import { channelsOf } from '../kernels/index.js';
import { convolution, type Beside, type ConvolutionOptions, type Layer } from './layers.js';

/**
 * Scales and shifts features channel by channel, as something that is told beside them says (FiLM, Perez et al. 2018,
 * arXiv 1709.07871). It has to come behind what normalizes them by the picture, which takes away whatever is the same at
 * all places.
 * @param told what says so, [N, 1, 1, inputs]
 * @param init of the factors and addends that it is made into, by one 1×1 convolution
 */
export function film(
  name: string,
  told: keyof Pick<Beside, 'style' | 'actions'>,
  inputs: number,
  channels: number,
  init: Pick<ConvolutionOptions, 'deviation' | 'constant'>,
): Layer {
  const factors = convolution(name, 1, inputs, 2 * channels, init);
  return {
    specs: factors.specs,
    apply: (parameters, x, beside) =>
      tf.tidy(() => {
        const both = factors.apply(parameters, beside![told]!);
        const [scale, shift] = [
          channelsOf(both, 0, channels),
          channelsOf(both, channels, channels),
        ];
        return tf.add(tf.add(x, tf.mul(x, scale)), shift);
      }),
    cost: (size) => ({
      size,
      macs: inputs * 2 * channels + size.height * size.width * channels,
    }),
  };
}
