import { resolve } from 'node:path';
import type { DataOptions } from '../clips/index.js';
import type { SynthesisModel } from './model.js';
import type { ExportedModel } from './exported-model.js';

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
