import * as tf from '@tensorflow/tfjs-core';
import { runInOrder } from '../backend/graph/index.js';
import { FrameloomError } from '../base/error.js';
import { change, channelsOf, enlarge, warp } from '../kernels/index.js';
import { acting, createActionEncoder } from './acting.js';
import {
  actionsBlock,
  addingBlock,
  agedBy,
  embeddedBy,
  firstBlock,
  GENERATOR_MULTIPLE,
  IMAGE_CHANNELS,
  layerBlock,
  modulationLayers,
  skipBlock,
  styleBlock,
  toldBlock,
  type GeneratorBlock,
  type GeneratorTensors,
  type SkipLayers,
} from './generator-blocks.js';
import { agesOf, assertDriven, assertModulated, holdsStill } from './generator-checks.js';
import {
  convolution,
  modulating,
  placing,
  rectifier,
  sequential,
  type ConvolutionOptions,
  type Layer,
  type Size,
} from './layers.js';
import { normalizedLayers, type NormalizedLayers } from './normalized.js';
import { GENERATOR_PRESETS, type GeneratorOptions } from './options.js';
import { ParameterLayout, type Parameters } from './parameters.js';
import { BLOCK, depthToSpace, spaceToDepthLayer } from './pixel-shuffle.js';
import { createStyleEncoder, styling } from './style.js';
import { conditionInputsOf } from './transfer.js';
import { normalizeWeights } from './weight-norm.js';

export interface GeneratorInput extends GeneratorTensors {
  /** False for a first frame: nothing to warp, the frame is the hallucinated image. */
  readonly hasHistory: boolean;
}

export interface GeneratorOutput {
  /**
   * m·raw + (1 − m)·warp(last, flow), [N, H, W, 3] in [−1, 1]. Where what is still is held, so much of it as something
   * has changed: the last frame, to the bit, where nothing has, and there are flow and mask 0. With `exactCopies` the
   * flow is rounded before it moves anything.
   */
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
  /** Numbers that it is told of what was done at each frame; 0 where it is told nothing. */
  readonly actionColumns: number;
  /** Whether its features are normalized by what else is in the picture. */
  readonly isNormalizedByPicture: boolean;
  /** Whether its encoders are shown where in the picture each pixel lies. */
  readonly hasPositions: boolean;
  /** The weights as its layers read them, normalized; differentiable in `flat` [layout.size]. */
  weights(flat: tf.Tensor1D): Parameters;
  /**
   * One frame from its condition and history, as it is generated: what is still is held (`generator.holdStill`).
   * Training does without, by `blocks`: a frame that is held teaches nothing.
   * @param parameters as `weights` makes them
   * @throws FrameloomError bad-shape
   */
  step(parameters: Parameters, input: GeneratorInput): GeneratorOutput;
  /**
   * What `step` runs one after the other, before it holds what is still; the last block leaves the output,
   * `frame` and `raw`, and `flow` and `mask` where there are any. As many with history as without.
   */
  blocks(hasHistory: boolean): readonly GeneratorBlock[];
  /**
   * The looks of pictures, as `step` takes them.
   * @param parameters as `weights` makes them
   * @param looks [N, h, w, 3] in [−1, 1]
   * @returns [N, 1, 1, styleChannels] in [−1, 1]
   * @throws FrameloomError bad-call of a generator without `generator.styleChannels`
   */
  encodeStyle(parameters: Parameters, looks: tf.Tensor4D): tf.Tensor4D;
  /** Multiply-accumulates for one frame of one sample. */
  macs(size: Size): number;
}

/** What is not as smooth as what it is made of, with the gradient of that (straight through, Bengio et al. 2013, arXiv 1308.3432). */
const straightThrough = (x: tf.Tensor4D, made: (x: tf.Tensor4D) => tf.Tensor4D): tf.Tensor4D =>
  tf.customGrad((own) => ({
    value: tf.tidy(() => made(own as tf.Tensor4D)),
    gradFunc: (dy: tf.Tensor) => tf.clone(dy),
  }))(x) as tf.Tensor4D;

/** How far beyond 0 and 1 a mask is stretched before it is cut off there (the hard concrete of Louizos et al. 2018, arXiv 1712.01312). */
const STRETCH = 0.1;

/** A mask that reaches 0 and 1 where it is nearly sure. */
const reaching = (mask: tf.Tensor4D): tf.Tensor4D =>
  straightThrough(tf.sub(tf.mul(mask, 1 + 2 * STRETCH), STRETCH), (x) => tf.clipByValue(x, 0, 1));

/** How fast what is between two whole pixels goes from one to the other. */
const STEEP = 8;

/**
 * Flow of whole pixels, but for what is within a sixteenth of the middle between two: there it goes from one to the other, so that
 * what two engines round off differently moves nothing by a whole pixel.
 */
const whole = (flow: tf.Tensor4D): tf.Tensor4D =>
  straightThrough(flow, (x) => {
    const low = tf.floor(x);
    const way = tf.sub(tf.mul(tf.sub(x, low), STEEP), (STEEP - 1) / 2);
    return tf.add(low, tf.clipByValue(way, 0, 1));
  });

/** Marks the inputs of a layer that are all the condition's own channels, `channels` of them again and again. */
const seeing = (inputs: number, channels: number): Pick<ConvolutionOptions, 'conditionInputs'> =>
  channels > 0 ? { conditionInputs: conditionInputsOf(inputs, channels) } : {};

/** How a generator's layers are made, where the options leave it open: more channels than a picture has are classes'. */
function layersFor(
  { normalization, positions }: GeneratorOptions,
  conditionChannels: number,
): { own: NormalizedLayers; isNormalizedByPicture: boolean; hasPositions: boolean } {
  const isOfClasses = conditionChannels > IMAGE_CHANNELS;
  const by = normalization === 'auto' ? (isOfClasses ? 'weights' : 'instance') : normalization;
  return {
    own: normalizedLayers(by),
    isNormalizedByPicture: by === 'instance',
    hasPositions: positions === 'auto' ? isOfClasses : positions,
  };
}

/** More channels of a condition than this, which classes have, are embedded in so many first. */
const EMBEDDED = 12;

/** To a quarter of the resolution. The first halving is of pixels into channels. */
const encoder = (
  layers: NormalizedLayers,
  { name, inputs, channels, hasPositions, conditionChannels = 0 }: EncoderShape,
): Layer => {
  const folded = inputs * BLOCK * BLOCK;
  const [half, quarter] = [channels * 2, channels * 4];
  return sequential([
    spaceToDepthLayer,
    layers.convolution(`${name}.stem`, folded, half, seeing(folded, conditionChannels)),
    ...(hasPositions ? [placing(`${name}.place`, half)] : []),
    ...layers.after(`${name}.stem.norm`, half),
    rectifier(),
    layers.convolution(`${name}.down`, half, quarter, { stride: 2 }),
    ...layers.after(`${name}.down.norm`, quarter),
    rectifier(),
  ]);
};

/** The last frames at half of the resolution, and what the decoder makes of its features beside them. */
const skipping = (
  layers: NormalizedLayers,
  { name, inputs, channels, hasPositions }: EncoderShape,
  told: (name: string, of: number) => Layer[],
): SkipLayers => {
  const folded = inputs * BLOCK * BLOCK;
  return {
    shown: sequential([
      spaceToDepthLayer,
      layers.convolution(`${name}.stem`, folded, channels),
      ...(hasPositions ? [placing(`${name}.place`, channels)] : []),
      ...layers.after(`${name}.stem.norm`, channels),
      rectifier(),
    ]),
    joined: sequential([
      layers.convolution(`${name}.join`, 2 * channels, channels),
      ...layers.after(`${name}.join.norm`, channels),
      ...told(`${name}.join`, channels),
      rectifier(),
    ]),
  };
};

interface EncoderShape {
  readonly name: string;
  readonly inputs: number;
  /** Of the generator; it ends with four times as many. */
  readonly channels: number;
  readonly hasPositions: boolean;
  /** Of each of the condition frames that it sees; 0 where it sees others. */
  readonly conditionChannels?: number;
}

/**
 * The temporally conditioned generator after vid2vid (Wang et al. 2018, arXiv 1808.06601): encoders
 * for condition and history, summed; residual blocks at a quarter of the resolution; a decoder to half
 * of it with heads for the hallucinated image, the mask and the flow. Unlike vid2vid no layer works at
 * full resolution: pixels are folded into channels and back (Shi et al. 2016), which halves the time and memory of
 * a step; image, mask and flow share one decoder, and the flow, which is smooth, is predicted at half of the resolution and enlarged. Of classes, whose
 * regions say by their features alone what they are, weights are normalized and not activations (Park et al. 2019,
 * SPADE, arXiv 1903.07291, say why), and pixels know where they lie ({@link placing}); of outlines and pictures
 * activations are normalized, which brings together what is far away. With `modulation` all residual blocks are
 * modulated by one map of the encoded condition (SPADE; one map for all is ours).
 *
 * @param conditionChannels channels of one condition frame, 0 for a pipeline without condition
 * @param actionColumns numbers that are told of what was done at each frame, 0 for none: they scale and shift features
 *   behind their normalization, as a look does, and change nothing at first
 * @throws FrameloomError bad-option when nothing would drive the first frame
 */
export function createGenerator(
  options: GeneratorOptions,
  conditionChannels: number,
  actionColumns = 0,
): Generator {
  const preset = GENERATOR_PRESETS[options.preset];
  const channels = options.channels ?? preset.channels;
  const deep = channels * 4;
  const { historyFrames, conditionFrames, noiseChannels, flow: hasFlow, flowScalePixels } = options;
  if (conditionChannels < 0 || !Number.isInteger(conditionChannels)) {
    throw new FrameloomError('bad-option', `a condition cannot have ${conditionChannels} channels`);
  }

  const { own, isNormalizedByPicture, hasPositions } = layersFor(options, conditionChannels);
  const embedding =
    conditionChannels > EMBEDDED
      ? convolution('condition.embedding', 1, conditionChannels, EMBEDDED, {
          bias: false,
          // A class is one of its inputs.
          deviation: 1,
          ...seeing(conditionChannels, conditionChannels),
        })
      : null;
  const given = { channels: conditionChannels, count: conditionFrames };
  const embedded = embedding ? EMBEDDED : conditionChannels;
  /** Of what layers behind the embedding see, nothing is a channel of the condition any more. */
  const asGiven = embedding ? 0 : conditionChannels;
  const conditionEncoder =
    conditionChannels > 0
      ? embeddedBy(
          embedding,
          given,
          encoder(own, {
            ...{ name: 'condition', inputs: embedded * conditionFrames, channels, hasPositions },
            conditionChannels: asGiven,
          }),
        )
      : null;
  const historyChannels = IMAGE_CHANNELS * historyFrames;
  const ages = agesOf(options);
  const ofHistory = { inputs: IMAGE_CHANNELS * (ages?.length ?? historyFrames), hasPositions };
  const historyEncoder =
    historyFrames > 0
      ? agedBy(ages, encoder(own, { name: 'history', channels, ...ofHistory }))
      : null;
  assertDriven(options, conditionEncoder);
  const noiseMixer = noiseChannels > 0 ? convolution('noise', 1, noiseChannels, deep) : null;
  const modulation = options.modulation === 'condition' ? modulationLayers(deep) : null;
  const { styleChannels } = options;
  const style = styleChannels > 0 ? createStyleEncoder(styleChannels) : null;
  const acts = actionColumns > 0 ? createActionEncoder(actionColumns, conditionFrames) : null;
  const told = (name: string, of: number): Layer[] => [
    ...(style ? [styling(name, styleChannels, of)] : []),
    ...(acts ? [acting(name, of)] : []),
  ];
  const residualBlocks = (name: string, count: number): Layer[] =>
    Array.from({ length: count }, (_, i) =>
      own.residualBlock(`${name}.${i}`, deep, [
        ...(modulation ? [modulating] : []),
        ...told(`${name}.${i}`, deep),
      ]),
    );
  const residual = [
    ...residualBlocks('trunk', options.residualBlocks ?? preset.residualBlocks),
    ...residualBlocks('image', options.branchBlocks ?? preset.branchBlocks),
  ];
  assertModulated(options, conditionChannels, residual.length);
  const wide = channels * 2;
  const enlarging = sequential([
    own.upConvolution('decoder.up', deep, wide),
    ...own.after('decoder.up.norm', wide),
    ...told('decoder.up', wide),
    rectifier(),
  ]);
  const skip = options.skip
    ? skipping(own, { name: 'skip', channels: wide, ...ofHistory }, told)
    : null;
  const refining = skip && { ...skip, shown: agedBy(ages, skip.shown) };
  // One convolution for all heads: a kernel of a few output channels takes as long as of sixteen.
  const isFlowFine = hasFlow && options.exactCopies;
  const pixelChannels = IMAGE_CHANNELS + (hasFlow ? 1 : 0) + (isFlowFine ? 2 : 0);
  const pictureChannels = BLOCK * BLOCK * pixelChannels;
  const coarseChannels = hasFlow && !isFlowFine ? 2 : 0;
  // The pixels of a block start alike (ICNR, Aitken et al. 2017, arXiv 1707.02937): else the first
  // pictures are a checker that takes hundreds of steps to unlearn.
  const heads = convolution('heads', 3, wide, pictureChannels + coarseChannels, {
    deviation: 0.02,
    alike: { blocks: BLOCK * BLOCK, channels: pixelChannels },
  });
  const layers = [
    ...[conditionEncoder, historyEncoder, noiseMixer],
    ...(modulation ? [modulation.scale, modulation.shift] : []),
    ...[style, acts, ...residual, enlarging],
    ...(refining ? [refining.shown, refining.joined] : []),
    heads,
  ].filter((layer) => layer !== null);
  const layout = new ParameterLayout(layers.flatMap(({ specs }) => specs));

  /** From the heads' features to the frame. */
  const compose = (hasHistory: boolean): GeneratorBlock => ({
    parameters: [],
    reads: hasFlow && hasHistory ? ['history'] : [],
    macs: () => 0,
    run(_, { features }, { history }) {
      const made = features as tf.Tensor4D;
      const picture = depthToSpace(channelsOf(made, 0, pictureChannels));
      const raw = tf.tanh(channelsOf(picture, 0, IMAGE_CHANNELS));
      if (!hasFlow || !hasHistory) return { raw, frame: raw };
      const soft = tf.sigmoid(channelsOf(picture, IMAGE_CHANNELS, 1));
      const mask = isFlowFine ? reaching(soft) : soft;
      const unscaled = isFlowFine
        ? channelsOf(picture, IMAGE_CHANNELS + 1, 2)
        : enlarge(channelsOf(made, pictureChannels, 2));
      const flow: tf.Tensor4D = tf.mul(unscaled, flowScalePixels);
      const last = channelsOf(history!, 0, IMAGE_CHANNELS);
      const warped = warp(last, isFlowFine ? whole(flow) : flow);
      const frame: tf.Tensor4D = tf.add(warped, tf.mul(mask, tf.sub(raw, warped)));
      return { raw, frame, flow, mask };
    },
  });
  const seen = conditionChannels * conditionFrames;
  const blocks = (hasHistory: boolean): GeneratorBlock[] => [
    ...(historyEncoder ? [firstBlock(historyEncoder, 'history', historyChannels, null)] : []),
    ...(conditionEncoder
      ? [
          (historyEncoder ? addingBlock : firstBlock)(
            conditionEncoder,
            'condition',
            seen,
            modulation,
          ),
        ]
      : []),
    ...(noiseMixer ? [addingBlock(noiseMixer, 'noise', noiseChannels, null)] : []),
    ...(style ? [styleBlock(style)] : []),
    ...(acts ? [actionsBlock(acts)] : []),
    ...residual.map((layer, i) => {
      const passesOn = { modulation: i < residual.length - 1, told: true };
      return (modulation ?? style ?? acts)
        ? toldBlock(layer, GENERATOR_MULTIPLE, passesOn)
        : layerBlock(layer, GENERATOR_MULTIPLE);
    }),
    (style ?? acts)
      ? toldBlock(enlarging, GENERATOR_MULTIPLE, { modulation: false, told: refining !== null })
      : layerBlock(enlarging, GENERATOR_MULTIPLE),
    ...(refining ? [skipBlock(refining, historyChannels)] : []),
    layerBlock(heads, GENERATOR_MULTIPLE / 2),
    compose(hasHistory),
  ];

  const holds = holdsStill(options, conditionChannels, actionColumns);
  /**
   * What is made where something has changed, and elsewhere the last frame, which has not moved and of which nothing
   * is hallucinated.
   */
  const hold = (
    { frame, flow, mask }: Record<'frame' | 'flow' | 'mask', tf.Tensor4D>,
    history: tf.Tensor4D,
    condition: tf.Tensor4D,
  ): Record<'frame' | 'flow' | 'mask', tf.Tensor4D> =>
    tf.tidy(() => {
      const last = channelsOf(history, 0, IMAGE_CHANNELS);
      const newest = channelsOf(history, 0, 2 * IMAGE_CHANNELS);
      const changed = change(newest, condition, conditionChannels);
      return {
        frame: tf.add(last, tf.mul(changed, tf.sub(frame, last))),
        flow: tf.mul(flow, changed),
        mask: tf.mul(mask, changed),
      };
    });

  return {
    layout,
    options,
    conditionChannels,
    actionColumns,
    isNormalizedByPicture,
    hasPositions,
    weights: (flat) => tf.tidy(() => normalizeWeights(layout.specs, layout.unflatten(flat))),
    blocks,
    step(parameters, input) {
      const { history, condition, hasHistory } = input;
      const made = runInOrder(blocks(hasHistory), parameters, {}, input);
      const { raw, ...composed } = made as Record<'raw' | 'frame' | 'flow' | 'mask', tf.Tensor4D>;
      const { frame, flow = null, mask = null } = composed as Partial<typeof composed>;
      if (!holds || !hasHistory) return { raw, frame: frame!, flow, mask };
      const held = hold(composed, history!, condition!);
      tf.dispose(composed);
      return { raw, ...held };
    },
    encodeStyle(parameters, looks) {
      if (style) return style.encode(parameters, looks);
      throw new FrameloomError(
        'bad-call',
        'a generator without generator.styleChannels has no looks',
      );
    },
    macs: (size) => blocks(true).reduce((sum, block) => sum + block.macs(size), 0),
  };
}
