import type { AnyModel } from '../models/model.js';
import type { Synthesizer } from './synthesizer.js';

/**
 * `openSynthesizer` for whoever can wait: TensorFlow.js's own code is loaded only where it is called,
 * which nobody does who brings a synthesizer along.
 */
export async function openSynthesizerLater(model: AnyModel, seed?: number): Promise<Synthesizer> {
  const { openSynthesizer } = await import('./open-synthesizer.js');
  return openSynthesizer(model, seed);
}
