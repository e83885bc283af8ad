import { resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import type { ConditionLayout, DataOptions } from '../../clips/index.js';
import type { Generator } from '../../networks/index.js';
import type { ClipStyle } from '../../networks/clip-styles.js';
import type { ExportedModel } from './exported-model.js';

/** A generator with weights: what evaluates, samples and generates. */
export interface TrainedGenerator {
  readonly generator: Generator;
  /** The averaged weights, one number for each of `generator.layout.size`. */
  readonly weights: Float32Array | tf.Tensor1D;
  readonly seed: number;
  /** The look that frames are made in, styleChannels numbers in [−1, 1]; none of a generator that is told none. */
  readonly style?: Float32Array | undefined;
}

/** All that generating needs of a training: the generator, its size, and the rule for conditions. */
export interface SynthesisModel extends TrainedGenerator {
  readonly data: DataOptions;
  readonly layout: ConditionLayout;
  /** Steps the weights were trained. */
  readonly step: number;
  /** The looks of the clips that it was trained on; left out of a generator that is told none. */
  readonly styles?: readonly ClipStyle[] | undefined;
}

/** A generator for either engine: a run's for TensorFlow.js, an exported file for ONNX Runtime. */
export type AnyModel = SynthesisModel | ExportedModel;

/** Whether the model is an exported file. */
export const isExported = (model: AnyModel): model is ExportedModel => 'info' in model;

/** The rule for conditions, at the size that frames are made in. */
export function dataOf(model: AnyModel): DataOptions {
  if (!isExported(model)) return model.data;
  const { width, height } = model;
  return { ...model.data, size: { width, height } };
}

/** Files that a model is made of, as far as it says: an exported one's own, its palette. */
export function filesRead(model: AnyModel, baseFolder: string): string[] {
  const { condition } = dataOf(model);
  const palette =
    typeof condition === 'object' && 'palette' in condition && typeof condition.palette === 'string'
      ? [resolve(baseFolder, condition.palette)]
      : [];
  return [...(isExported(model) ? [model.path] : []), ...palette];
}

/** What the generator remembers, and the noise that it takes. */
export function memoryOf(model: AnyModel): {
  readonly historyFrames: number;
  readonly conditionFrames: number;
  readonly noiseChannels: number;
} {
  return isExported(model) ? model.info.generator : model.generator.options;
}
