import {
  adding,
  convolution,
  normalization,
  rectifier,
  sequential,
  upConvolution,
  type ConvolutionOptions,
  type Layer,
} from './layers.js';

/** What keeps a generator's features at one deviation. */
export type Normalization = 'weights' | 'instance';

/** The layers of a generator, normalized one way or the other. */
export interface NormalizedLayers {
  /** 3×3; `after` comes behind it. */
  convolution(
    name: string,
    inputs: number,
    outputs: number,
    options?: NormalizedConvolution,
  ): Layer;
  /** Doubles height and width; `after` comes behind it. */
  upConvolution(name: string, inputs: number, outputs: number): Layer;
  /** What normalizes the features of a convolution; nothing where weights are. */
  after(name: string, channels: number): readonly Layer[];
  /**
   * x + what two convolutions make of it (He et al. 2016).
   * @param between what comes behind the first of them, once normalized, and before its rectifier
   */
  residualBlock(name: string, channels: number, between: readonly Layer[]): Layer;
}

export interface NormalizedConvolution extends Pick<
  ConvolutionOptions,
  'stride' | 'conditionInputs'
> {
  /** What normalized weights come to at first, of what keeps the deviation. */
  readonly gain?: number;
}

/** What a residual block adds at first, beside what it is given (Zhang et al. 2019, Fixup, arXiv 1901.09321). */
const RESIDUAL_GAIN = 0.3;

function residualBlockOf(
  layers: Pick<NormalizedLayers, 'convolution' | 'after'>,
  name: string,
  channels: number,
  between: readonly Layer[],
): Layer {
  const part = (number: 1 | 2, gain: number): Layer[] => [
    layers.convolution(`${name}.conv${number}`, channels, channels, { gain }),
    ...layers.after(`${name}.norm${number}`, channels),
  ];
  return adding(sequential([...part(1, 1), ...between, rectifier(), ...part(2, RESIDUAL_GAIN)]));
}

const byWeights: NormalizedLayers = {
  convolution: (name, inputs, outputs, options = {}) =>
    convolution(name, 3, inputs, outputs, { gain: 1, ...options }),
  upConvolution: (name, inputs, outputs) => upConvolution(name, inputs, outputs, true),
  after: () => [],
  residualBlock: (name, channels, between) => residualBlockOf(byWeights, name, channels, between),
};

const byInstance: NormalizedLayers = {
  convolution: (name, inputs, outputs, { stride, conditionInputs } = {}) =>
    convolution(name, 3, inputs, outputs, {
      bias: false,
      ...(stride !== undefined && { stride }),
      ...(conditionInputs && { conditionInputs }),
    }),
  upConvolution: (name, inputs, outputs) => upConvolution(name, inputs, outputs, false),
  after: (name, channels) => [normalization(name, channels)],
  residualBlock: (name, channels, between) => residualBlockOf(byInstance, name, channels, between),
};

export const normalizedLayers = (by: Normalization): NormalizedLayers =>
  by === 'weights' ? byWeights : byInstance;
