import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../base/error.js';
import { assertShape } from '../base/shape.js';
import { enlarge, warp } from '../kernels/index.js';
import {
  convolution,
  normalization,
  rectifier,
  residualBlocks,
  sequential,
  upConvolution,
  type Layer,
  type Size,
} from './layers.js';
import { GENERATOR_PRESETS, type GeneratorOptions } from './options.js';
import { ParameterLayout, type Parameters } from './parameters.js';
import { BLOCK, depthToSpace, spaceToDepthLayer } from './pixel-shuffle.js';

const IMAGE_CHANNELS = 3;
/** Height and width must divide by this: the encoders halve twice. */
export const GENERATOR_MULTIPLE = 4;

export interface GeneratorInput {
  /** [N, H, W, conditionFrames·C], oldest first, the current frame's last; null without one. */
  readonly condition: tf.Tensor4D | null;
  /** [N, H, W, 3·historyFrames] in [−1, 1], newest first; zeros where there is none yet. */
  readonly history: tf.Tensor4D;
  /** False for a first frame: nothing to warp, the frame is the hallucinated image. */
  readonly hasHistory: boolean;
  /** [N, H/4, W/4, noiseChannels] standard normal; null when the generator takes none. */
  readonly noise: tf.Tensor4D | null;
}

export interface GeneratorOutput {
  /** m·raw + (1 − m)·warp(last, flow), [N, H, W, 3] in [−1, 1]. */
  readonly frame: tf.Tensor4D;
  /** The hallucinated image, [N, H, W, 3] in [−1, 1]. */
  readonly raw: tf.Tensor4D;
  /** [N, H, W, 2] pixels, from this frame back to the last one; null without flow or history. */
  readonly flow: tf.Tensor4D | null;
  /** [N, H, W, 1] in [0, 1], how much is hallucinated; null without flow or history. */
  readonly mask: tf.Tensor4D | null;
}

/** A generator's definition: its parameters' layout and pure functions of them. No state. */
export interface Generator {
  readonly layout: ParameterLayout;
  readonly options: GeneratorOptions;
  readonly conditionChannels: number;
  /**
   * One frame from its condition and history.
   * @throws FrameloomError bad-shape
   */
  step(parameters: Parameters, input: GeneratorInput): GeneratorOutput;
  /** Multiply-accumulates for one frame of one sample. */
  macs(size: Size): number;
}

const normalizedConvolution = (
  name: string,
  from: number,
  to: number,
  stride: number,
): readonly Layer[] => [
  convolution(name, 3, from, to, { stride, bias: false }),
  normalization(`${name}.norm`, to),
  rectifier(),
];

/** To a quarter of the resolution. The first halving is of pixels into channels. */
const encoder = (name: string, inputs: number, channels: number): Layer =>
  sequential([
    spaceToDepthLayer,
    ...normalizedConvolution(`${name}.stem`, inputs * 4, channels * 2, 1),
    ...normalizedConvolution(`${name}.down`, channels * 2, channels * 4, 2),
  ]);

/**
 * The temporally conditioned generator after vid2vid (Wang et al. 2018, arXiv 1808.06601): encoders
 * for condition and history, summed; residual blocks at a quarter of the resolution; a decoder to half
 * of it with heads for the hallucinated image, the mask and the flow. Unlike vid2vid no layer works at
 * full resolution: pixels are folded into channels and back (Shi et al. 2016), which halves the time
 * and memory of a step; image, mask and flow share one decoder, and the flow, which is smooth, is
 * predicted at half of the resolution and enlarged.
 *
 * @param conditionChannels channels of one condition frame, 0 for a pipeline without condition
 * @throws FrameloomError bad-option when nothing would drive the first frame
 */
export function createGenerator(options: GeneratorOptions, conditionChannels: number): Generator {
  const preset = GENERATOR_PRESETS[options.preset];
  const channels = options.channels ?? preset.channels;
  const deep = channels * 4;
  const { historyFrames, conditionFrames, noiseChannels, flow: hasFlow, flowScalePixels } = options;
  if (conditionChannels < 0 || !Number.isInteger(conditionChannels)) {
    throw new FrameloomError('bad-option', `a condition cannot have ${conditionChannels} channels`);
  }

  const conditionEncoder =
    conditionChannels > 0
      ? encoder('condition', conditionChannels * conditionFrames, channels)
      : null;
  const historyEncoder = encoder('history', IMAGE_CHANNELS * historyFrames, channels);
  const noiseMixer = noiseChannels > 0 ? convolution('noise', 1, noiseChannels, deep) : null;
  const trunk = residualBlocks('trunk', deep, options.residualBlocks ?? preset.residualBlocks);
  const decoder = sequential([
    residualBlocks('image', deep, options.branchBlocks ?? preset.branchBlocks),
    upConvolution('decoder.up', deep, channels * 2),
    normalization('decoder.up.norm', channels * 2),
    rectifier(),
  ]);
  // One convolution for all heads: a kernel of a few output channels takes as long as of sixteen.
  const pictureChannels = BLOCK * BLOCK * (IMAGE_CHANNELS + (hasFlow ? 1 : 0));
  // The pixels of a block start alike (ICNR, Aitken et al. 2017, arXiv 1707.02937): else the first
  // pictures are a checker that takes hundreds of steps to unlearn.
  const heads = convolution('heads', 3, channels * 2, pictureChannels + (hasFlow ? 2 : 0), {
    deviation: 0.02,
    alike: { blocks: BLOCK * BLOCK, channels: pictureChannels / (BLOCK * BLOCK) },
  });
  const parts = [conditionEncoder, historyEncoder, noiseMixer, trunk, decoder, heads];
  const layers = parts.filter((layer) => layer !== null);

  function encode(parameters: Parameters, input: GeneratorInput): tf.Tensor4D {
    const features = [historyEncoder.apply(parameters, input.history)];
    if (conditionEncoder) features.push(conditionEncoder.apply(parameters, input.condition!));
    if (noiseMixer) features.push(noiseMixer.apply(parameters, input.noise!));
    return features.reduce((sum, feature) => tf.add(sum, feature));
  }

  return {
    layout: new ParameterLayout(layers.flatMap((layer) => layer.specs)),
    options,
    conditionChannels,
    step(parameters, input) {
      checkInput(input, options, conditionChannels);
      const composes = hasFlow && input.hasHistory;
      const outputs = tf.tidy(() => {
        const features = trunk.apply(parameters, encode(parameters, input));
        const made = heads.apply(parameters, decoder.apply(parameters, features));
        const picture = depthToSpace(channelsOf(made, 0, pictureChannels));
        const raw = tf.tanh(channelsOf(picture, 0, IMAGE_CHANNELS));
        if (!composes) return [raw];
        const mask = tf.sigmoid(channelsOf(picture, IMAGE_CHANNELS, 1));
        const coarse = channelsOf(made, pictureChannels, 2);
        const flow: tf.Tensor4D = tf.mul(enlarge(coarse), flowScalePixels);
        const warped = warp(channelsOf(input.history, 0, IMAGE_CHANNELS), flow);
        const frame: tf.Tensor4D = tf.add(warped, tf.mul(mask, tf.sub(raw, warped)));
        return [raw, frame, flow, mask];
      });
      const [raw, frame, flow, mask] = outputs as [tf.Tensor4D, ...(tf.Tensor4D | undefined)[]];
      return { raw, frame: frame ?? raw, flow: flow ?? null, mask: mask ?? null };
    },
    macs(size) {
      const quarter = { height: size.height / 4, width: size.width / 4 };
      const full = [conditionEncoder, historyEncoder].filter((layer) => layer !== null);
      const coarse = [noiseMixer, trunk, decoder].filter((layer) => layer !== null);
      return (
        full.reduce((sum, layer) => sum + layer.cost(size).macs, 0) +
        coarse.reduce((sum, layer) => sum + layer.cost(quarter).macs, 0) +
        heads.cost({ height: size.height / 2, width: size.width / 2 }).macs
      );
    },
  };
}

function channelsOf(x: tf.Tensor4D, from: number, count: number): tf.Tensor4D {
  return tf.slice(x, [0, 0, 0, from], [-1, -1, -1, count]);
}

function checkInput(
  input: GeneratorInput,
  options: GeneratorOptions,
  conditionChannels: number,
): void {
  const historyChannels = IMAGE_CHANNELS * options.historyFrames;
  const { N, H, W } = assertShape(input.history, ['N', 'H', 'W', historyChannels], 'history');
  const height = H!;
  const width = W!;
  if (height % GENERATOR_MULTIPLE !== 0 || width % GENERATOR_MULTIPLE !== 0) {
    throw new FrameloomError('bad-shape', `frames of ${width}×${height} do not divide by 4`, {
      hint: 'choose a width and a height that are multiples of 4',
    });
  }
  if (conditionChannels > 0) {
    const expected = conditionChannels * options.conditionFrames;
    assertShape(input.condition ?? { shape: [] }, [N!, height, width, expected], 'condition');
  }
  if (options.noiseChannels > 0) {
    assertShape(
      input.noise ?? { shape: [] },
      [N!, height / 4, width / 4, options.noiseChannels],
      'noise',
    );
  }
}
