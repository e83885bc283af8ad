import type { Logger } from '../../base/log.js';
import { throwIfCancelled } from '../../base/cancel.js';
import { isExported, type AnyModel } from '../models/model.js';
import type { Synthesizer } from './synthesizer.js';

export interface SynthesizerOptions {
  /** Seed of the noise, where the generator takes any; the training's unless given. */
  readonly seed?: number | undefined;
  /** Told which backend of TensorFlow.js a run's model is run on, where that is chosen here. */
  readonly log?: Logger | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A trained model as one call a frame, with a history of its own: `await next(condition)` gives the
 * next frame as rgb24 bytes. `dispose()` at the end.
 *
 * A run's model is run by TensorFlow.js, which is loaded here, on the best backend there is unless
 * `useBackend` has chosen one; an exported file by ONNX Runtime, without TensorFlow.
 * @throws FrameloomError backend; cancelled
 */
export async function createSynthesizer(
  model: AnyModel,
  options: SynthesizerOptions = {},
): Promise<Synthesizer> {
  const { seed = model.seed, log, signal } = options;
  throwIfCancelled(signal, 'opening the model');
  if (isExported(model)) return model.open(seed, model.style);
  const [{ useBackend }, { createTensorFlowSynthesizer }] = await Promise.all([
    import('../../backend/index.js'),
    import('./tensorflow.js'),
  ]);
  await useBackend(log ? { log } : {});
  throwIfCancelled(signal, 'opening the model');
  return createTensorFlowSynthesizer({ ...model, ...model.data.size, seed });
}
