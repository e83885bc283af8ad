import type { DataOptions } from '../clips/index.js';
import type { SynthesisModel } from './model.js';
import type { OnnxModel } from './onnx-model.js';
import { createOnnxSynthesizer } from './onnx-synthesizer.js';
import { createSynthesizer, type Synthesizer } from './synthesizer.js';

/** A generator for either engine: a run's for TensorFlow.js, an exported file for ONNX Runtime. */
export type AnyModel = SynthesisModel | OnnxModel;

const isOnnx = (model: AnyModel): model is OnnxModel => 'runtime' in model;

/** The rule for conditions, at the size that frames are made in. */
export function dataOf(model: AnyModel): DataOptions {
  if (!isOnnx(model)) return model.data;
  const { width, height } = model;
  return { ...model.data, size: { width, height } };
}

/** What the generator remembers, and the noise that it takes. */
export function memoryOf(model: AnyModel): {
  readonly historyFrames: number;
  readonly conditionFrames: number;
  readonly noiseChannels: number;
} {
  return isOnnx(model) ? model.info.generator : model.generator.options;
}

/**
 * A recurrent state of the model, on its engine; for a run's model `useBackend` must have been
 * called.
 * @param seed of the noise; the training's unless given
 */
export function openSynthesizer(model: AnyModel, seed: number = model.seed): Synthesizer {
  return isOnnx(model)
    ? createOnnxSynthesizer(model, { seed })
    : createSynthesizer({ ...model, ...model.data.size, seed });
}
