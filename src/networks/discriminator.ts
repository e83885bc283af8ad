import * as tf from '@tensorflow/tfjs-core';
import { assertShape } from '../base/shape.js';
import { blur, blurMacs } from '../kernels/index.js';
import { TOLD } from './acting.js';
import {
  convolution,
  normalization,
  rectifier,
  sequential,
  type Layer,
  type Size,
} from './layers.js';
import { ParameterLayout, type Parameters } from './parameters.js';
import { conditionInputsOf } from './transfer.js';

export interface PatchDiscriminatorOptions {
  readonly channels: number;
  readonly layers: number;
  readonly scales: number;
  readonly instanceNorm: boolean;
  /** Blurs before each stride. */
  readonly antiAlias: boolean;
  /** Of its inputs, the first so many are the condition's; none unless given. */
  readonly conditionChannels?: number;
  /** Numbers that it is told besides, of what was done in what it judges; none unless given. */
  readonly told?: number;
}

/** What one scale makes of its input. */
export interface Judgement {
  /** One number for each patch [N, h, w, 1]; larger is more real. */
  readonly logits: tf.Tensor4D;
  /** The layers' activations, shallow to deep, for feature matching. */
  readonly features: readonly tf.Tensor4D[];
  /** The logits that the same input has beside other actions; where those were given. */
  readonly otherLogits?: tf.Tensor4D;
}

/** What was done in a batch that is judged, [N, 1, 1, told] each. */
export interface JudgedActions {
  readonly actions: tf.Tensor4D;
  /** What was done elsewhere: what is judged beside it too, for the price of a product. */
  readonly others?: tf.Tensor4D | undefined;
}

export interface Discriminator {
  readonly layout: ParameterLayout;
  /**
   * Judges a batch at each scale, with weights as they are: spectral norm is applied before.
   * @param x [N, H, W, inputs]
   * @param done of a discriminator that is told
   * @throws FrameloomError bad-shape
   */
  judge(parameters: Parameters, x: tf.Tensor4D, done?: JudgedActions | null): Judgement[];
  /** Multiply-accumulates for one sample. */
  macs(size: Size): number;
}

const SLOPE = 0.2;
/** Features that what was done is told by. */
const TOLD_FEATURES = 32;

/** From what was done to a direction that the deepest features are held against. */
const telling = (name: string, told: number, deepest: number): Layer =>
  sequential([
    convolution(`${name}${TOLD}first`, 1, told, TOLD_FEATURES),
    rectifier(SLOPE),
    convolution(`${name}${TOLD}second`, 1, TOLD_FEATURES, deepest),
  ]);

/** The stages of one PatchGAN; each stage's output is a feature to match. */
function patchStages(
  name: string,
  inputs: number,
  options: PatchDiscriminatorOptions,
): { stages: Layer[]; logits: Layer; told: Layer | null } {
  const { channels, layers, instanceNorm, antiAlias, conditionChannels = 0, told = 0 } = options;
  const stage = (i: number, kernel: number, from: number, to: number, stride: number): Layer => {
    const norm = instanceNorm && i > 0;
    return sequential([
      convolution(`${name}.${i}`, kernel, from, to, {
        ...{ stride, bias: !norm, antiAlias },
        ...(i === 0 &&
          conditionChannels > 0 && {
            conditionInputs: conditionInputsOf(from, conditionChannels, from - conditionChannels),
          }),
      }),
      ...(norm ? [normalization(`${name}.${i}.norm`, to)] : []),
      rectifier(SLOPE),
    ]);
  };
  const widths = Array.from({ length: layers }, (_, i) => channels * 2 ** i);
  const strided = widths.map((width, i) => stage(i, 4, widths[i - 1] ?? inputs, width, 2));
  const deepest = widths.at(-1)!;
  return {
    stages: [...strided, stage(layers, 3, deepest, deepest, 1)],
    // One output channel: a 1×1 kernel, because CPU kernels crawl on wider ones with so few.
    logits: convolution(`${name}.logits`, 1, deepest, 1),
    told: told > 0 ? telling(name, told, deepest) : null,
  };
}

/**
 * A multi-scale PatchGAN (Isola et al. 2017; Wang et al. 2018, pix2pixHD): the same architecture,
 * with weights of its own, at 1, 1/2, 1/4 … of the input's size. One that is told what was done holds the features of each
 * patch against it by an inner product (Miyato & Koyama 2018, projection discriminator, arXiv 1802.05637): features are the
 * same whatever was done, so that a judgement beside other actions costs next to nothing.
 */
export function createDiscriminator(
  name: string,
  inputs: number,
  options: PatchDiscriminatorOptions,
): Discriminator {
  const scales = Array.from({ length: options.scales }, (_, i) =>
    patchStages(`${name}.scale${i}`, inputs, options),
  );
  const specs = scales.flatMap(({ stages, logits, told }) =>
    [...stages, logits, ...(told ? [told] : [])].flatMap((layer) => layer.specs),
  );
  // A window of one pixel takes every other one.
  const half = (x: tf.Tensor4D): tf.Tensor4D =>
    options.antiAlias ? tf.avgPool(blur(x, 1), 1, 2, 'valid') : tf.avgPool(x, 3, 2, 'same');
  return {
    layout: new ParameterLayout(specs),
    judge(parameters, x, done = null) {
      const { N } = assertShape(x, ['N', 'H', 'W', inputs], 'input of the discriminator');
      const { told: numbers = 0 } = options;
      if (numbers > 0) assertShape(done?.actions ?? { shape: [] }, [N!, 1, 1, numbers], 'actions');
      let scaled = x;
      return scales.map(({ stages, logits, told }, i) => {
        if (i > 0) scaled = half(scaled);
        const features: tf.Tensor4D[] = [];
        for (const layer of stages) {
          features.push(layer.apply(parameters, features.at(-1) ?? scaled));
        }
        const deepest = features.at(-1)!;
        const alone = logits.apply(parameters, deepest);
        if (!told) return { features, logits: alone };
        const beside = (actions: tf.Tensor4D): tf.Tensor4D =>
          tf.tidy(() => {
            const along = tf.mul(deepest, told.apply(parameters, actions));
            return tf.add(alone, tf.sum(along, 3, true));
          });
        return {
          features,
          logits: beside(done!.actions),
          ...(done!.others && { otherLogits: beside(done!.others) }),
        };
      });
    },
    macs(size) {
      return scales.reduce((sum, { stages, logits, told }, i) => {
        const own = {
          height: Math.ceil(size.height / 2 ** i),
          width: Math.ceil(size.width / 2 ** i),
        };
        const halving = options.antiAlias && i + 1 < scales.length ? blurMacs(own, 1) * inputs : 0;
        const { size: patches, macs } = sequential([...stages, logits]).cost(own);
        const deepest = options.channels * 2 ** (options.layers - 1);
        const telling = told
          ? told.cost({ height: 1, width: 1 }).macs + patches.height * patches.width * deepest
          : 0;
        return sum + macs + telling + halving;
      }, 0);
    },
  };
}
