import { isExported, type AnyModel } from '../models/model.js';
import { createSynthesizer, type Synthesizer } from './synthesizer.js';

/**
 * A recurrent state of the model, on its engine; for a run's model `useBackend` must have been
 * called. It loads TensorFlow.js: who needs it for exported files alone asks them.
 * @param seed of the noise; the training's unless given
 */
export function openSynthesizer(model: AnyModel, seed: number = model.seed): Synthesizer {
  return isExported(model)
    ? model.open(seed)
    : createSynthesizer({ ...model, ...model.data.size, seed });
}
