import * as tf from '@tensorflow/tfjs-core';
import type { Block } from '../backend/graph/index.js';
import { FrameloomError } from '../base/error.js';
import { assertShape } from '../base/shape.js';
import { channelsOf } from '../kernels/index.js';
import { convolution, type Layer, type Modulation, type Size } from './layers.js';
import type { Parameters } from './parameters.js';
import type { ActionEncoder } from './acting.js';
import type { StyleEncoder } from './style.js';

/** Of an RGB picture: a condition of more is of classes. */
export const IMAGE_CHANNELS = 3;

/** Height and width must divide by this: the encoders halve twice. */
export const GENERATOR_MULTIPLE = 4;

/** What a generator makes a frame from, besides its parameters. */
export interface GeneratorTensors {
  /** [N, H, W, conditionFrames·C], oldest first, the current frame's last; null without one. */
  readonly condition: tf.Tensor4D | null;
  /** [N, H, W, 3·historyFrames] in [−1, 1], newest first; zeros where there is none yet. Null without memory. */
  readonly history: tf.Tensor4D | null;
  /** [N, H/4, W/4, noiseChannels] standard normal; null when the generator takes none. */
  readonly noise: tf.Tensor4D | null;
  /** [N, 4] of {@link placesOf}, where frames are patches of larger ones and their pixels know their places. */
  readonly places?: tf.Tensor2D | null;
  /** [N, 1, 1, styleChannels] in [−1, 1], the look that is wanted; in training it is made of `looks`. */
  readonly style?: tf.Tensor4D | null;
  /** [N, h, w, 3] in [−1, 1], pictures of the look that is wanted, of any size; where `style` is not given. */
  readonly looks?: tf.Tensor4D | null;
  /**
   * [N, 1, 1, conditionFrames·(columns + 1)], what was done in the last frames, oldest first: each column and then 1, or
   * all 0 of a frame of which that is not known. Null where the generator is told none.
   */
  readonly actions?: tf.Tensor4D | null;
}

/** A piece of a generator: the last one leaves its output. */
export interface GeneratorBlock extends Block<GeneratorTensors> {
  /** What it reads of the generator's input. */
  readonly reads: readonly (keyof GeneratorTensors)[];
  /** Multiply-accumulates for one frame of this size, of one sample. */
  macs(size: Size): number;
}

/** The size that features have where frames are so many times as large. */
const shrunk = ({ height, width }: Size, scale: number): Size => ({
  height: height / scale,
  width: width / scale,
});

/** Names of what a layer reads: gains are used up before. */
const parametersOf = ({ specs }: Pick<Layer, 'specs'>): string[] =>
  specs.filter(({ gainOf }) => !gainOf).map(({ name }) => name);

const featuresOf = (before: Parameters): tf.Tensor4D => before.features as tf.Tensor4D;

/** The maps of a {@link Modulation}, made of the encoded condition. */
export type ModulationLayers = Readonly<Record<keyof Modulation, Layer>>;

/**
 * A map for all that is modulated, once a frame: two 1×1 convolutions of the encoded condition, which has seen its
 * surroundings. They begin as the identity.
 */
export const modulationLayers = (channels: number): ModulationLayers => ({
  scale: convolution('modulation.scale', 1, channels, channels, { constant: 1 }),
  shift: convolution('modulation.shift', 1, channels, channels, { constant: 0 }),
});

/** What an encoder's block makes besides its features, where there are maps to be made of them. */
const mapsOf = (
  maps: ModulationLayers | null,
  parameters: Parameters,
  encoded: tf.Tensor4D,
): Partial<Modulation> =>
  maps
    ? {
        scale: maps.scale.apply(parameters, encoded),
        shift: maps.shift.apply(parameters, encoded),
      }
    : {};

const layersOf = (layer: Layer, maps: ModulationLayers | null): Layer[] =>
  maps ? [layer, maps.scale, maps.shift] : [layer];

/** Multiply-accumulates of an encoder, and of the maps that are made of its features. */
function encoderMacs(layer: Layer, maps: ModulationLayers | null, given: Size): number {
  const { size, macs } = layer.cost(given);
  return macs + (maps ? maps.scale.cost(size).macs + maps.shift.cost(size).macs : 0);
}

/**
 * A layer from features to features.
 * @param scale sides of a frame by those of the features that it begins with
 */
export const layerBlock = (layer: Layer, scale: number): GeneratorBlock => ({
  parameters: parametersOf(layer),
  reads: [],
  macs: (size) => layer.cost(shrunk(size, scale)).macs,
  run: (parameters, before) => ({ features: layer.apply(parameters, featuresOf(before)) }),
});

/**
 * A layer from features to features that is told what was made before it: how it is modulated, the look, what was done.
 * @param passesOn what of it a block after this one is told, too
 */
export const toldBlock = (
  layer: Layer,
  scale: number,
  passesOn: { readonly modulation: boolean; readonly told: boolean },
): GeneratorBlock => ({
  ...layerBlock(layer, scale),
  run(parameters, before) {
    const modulation = before.scale
      ? ({ scale: before.scale, shift: before.shift } as Modulation)
      : null;
    const style = before.style as tf.Tensor4D | undefined;
    const actions = before.actions as tf.Tensor4D | undefined;
    return {
      features: layer.apply(parameters, featuresOf(before), { modulation, style, actions }),
      ...(passesOn.modulation && modulation),
      ...(passesOn.told && style && { style }),
      ...(passesOn.told && actions && { actions }),
    };
  },
});

/** The look that is wanted, beside what there is: as it is given, or of a picture that has it. */
export const styleBlock = (encoder: StyleEncoder): GeneratorBlock => ({
  parameters: parametersOf(encoder),
  reads: ['style', 'looks'],
  macs: (size) => encoder.macs(size),
  run(parameters, before, { style, looks }) {
    const [samples] = featuresOf(before).shape;
    if (style) {
      assertShape(style, [samples, 1, 1, encoder.channels], 'style');
      return { ...before, style: tf.clone(style) };
    }
    assertShape(looks ?? { shape: [] }, [samples, 'H', 'W', 3], 'looks');
    return { ...before, style: encoder.encode(parameters, looks!) };
  },
});

/** What was done, beside what there is. */
export const actionsBlock = (encoder: ActionEncoder): GeneratorBlock => ({
  parameters: parametersOf(encoder),
  reads: ['actions'],
  macs: () => encoder.macs,
  run(parameters, before, { actions }) {
    const [samples] = featuresOf(before).shape;
    assertShape(actions ?? { shape: [] }, [samples, 1, 1, encoder.inputs], 'actions');
    return { ...before, actions: encoder.encode(parameters, actions!) };
  },
});

/**
 * The features that a frame begins with: those of the history, or of the condition where there is no memory.
 * @param maps what else is made of them; null for nothing
 */
export const firstBlock = (
  layer: Layer,
  name: 'history' | 'condition',
  channels: number,
  maps: ModulationLayers | null,
): GeneratorBlock => ({
  parameters: layersOf(layer, maps).flatMap(parametersOf),
  reads: [name, 'places'],
  macs: (size) => encoderMacs(layer, maps, size),
  run(parameters, _, input) {
    const x = input[name];
    const { H, W } = assertShape(x ?? { shape: [] }, ['N', 'H', 'W', channels], name);
    if (H! % GENERATOR_MULTIPLE !== 0 || W! % GENERATOR_MULTIPLE !== 0) {
      throw new FrameloomError('bad-shape', `frames of ${W}×${H} do not divide by 4`, {
        hint: 'choose a width and a height that are multiples of 4',
      });
    }
    const features = layer.apply(parameters, x!, { places: input.places });
    return { features, ...mapsOf(maps, parameters, features) };
  },
});

/**
 * The features of another input, added to those there are.
 * @param maps what else is made of them alone; null for nothing
 */
export const addingBlock = (
  layer: Layer,
  name: 'condition' | 'noise',
  channels: number,
  maps: ModulationLayers | null,
): GeneratorBlock => ({
  parameters: layersOf(layer, maps).flatMap(parametersOf),
  reads: name === 'condition' ? [name, 'places'] : [name],
  macs: (size) =>
    encoderMacs(layer, maps, name === 'condition' ? size : shrunk(size, GENERATOR_MULTIPLE)),
  run(parameters, before, input) {
    const features = featuresOf(before);
    const scale = name === 'condition' ? GENERATOR_MULTIPLE : 1;
    const [samples, height, width] = features.shape;
    const x = input[name];
    assertShape(x ?? { shape: [] }, [samples, height * scale, width * scale, channels], name);
    const own = layer.apply(parameters, x!, { places: input.places });
    // What an encoder before it has made goes on to who reads it.
    return { ...before, features: tf.add(features, own), ...mapsOf(maps, parameters, own) };
  },
});

/** Condition frames as they are given: how many, of how many channels each. */
export interface ConditionFrames {
  readonly channels: number;
  readonly count: number;
}

/**
 * A layer over condition frames that are each embedded first, pixel by pixel, all by the same numbers.
 * @param embedding null where they are read as they are
 */
export function embeddedBy(
  embedding: Layer | null,
  { channels, count }: ConditionFrames,
  layer: Layer,
): Layer {
  if (!embedding) return layer;
  return {
    specs: [...embedding.specs, ...layer.specs],
    apply: (parameters, x, beside) =>
      tf.tidy(() => {
        const frames = Array.from({ length: count }, (_, i) =>
          embedding.apply(parameters, channelsOf(x, i * channels, channels)),
        );
        return layer.apply(parameters, count === 1 ? frames[0]! : tf.concat(frames, 3), beside);
      }),
    cost(size) {
      const own = layer.cost(size);
      return { ...own, macs: own.macs + count * embedding.cost(size).macs };
    },
  };
}

/**
 * A layer that sees some frames of the past.
 * @param ages how many frames ago they were, from 1 on; null for all
 */
export function agedBy(ages: readonly number[] | null, layer: Layer): Layer {
  if (!ages) return layer;
  return {
    ...layer,
    apply: (parameters, x, beside) =>
      tf.tidy(() => {
        const frames = ages.map((age) => channelsOf(x, (age - 1) * IMAGE_CHANNELS, IMAGE_CHANNELS));
        return layer.apply(
          parameters,
          frames.length === 1 ? frames[0]! : tf.concat(frames, 3),
          beside,
        );
      }),
  };
}

/** What the decoder is shown past the coarse features. */
export interface SkipLayers {
  /** Of the last frames, to as many channels as the decoder has at half of the resolution. */
  readonly shown: Layer;
  /** Of both, one behind the other, to as many again. */
  readonly joined: Layer;
}

/**
 * The decoder's features beside the last frames as they were.
 * @param channels of the history
 */
export const skipBlock = ({ shown, joined }: SkipLayers, channels: number): GeneratorBlock => ({
  parameters: [shown, joined].flatMap(parametersOf),
  reads: ['history', 'places'],
  macs: (size) => {
    const { size: half, macs } = shown.cost(size);
    return macs + joined.cost(half).macs;
  },
  run(parameters, before, { history, places }) {
    assertShape(history ?? { shape: [] }, ['N', 'H', 'W', channels], 'history');
    const own = shown.apply(parameters, history!, { places });
    const both = tf.concat([featuresOf(before), own], 3);
    const style = before.style as tf.Tensor4D | undefined;
    const actions = before.actions as tf.Tensor4D | undefined;
    return { features: joined.apply(parameters, both, { style, actions }) };
  },
});
