import { useBackend } from '../backend/index.js';
import { createSynthesizer, type SynthesisModel, type Synthesizer } from '../synthesis/index.js';
import type { Context } from './context.js';

/** What runs a model. */
export interface Engine {
  /** One more recurrent state of the same model. */
  open(): Promise<Synthesizer> | Synthesizer;
}

/** Makes TensorFlow.js ready to run the model. */
export async function openEngine(model: SynthesisModel, context: Context): Promise<Engine> {
  await useBackend({ log: context.log });
  return { open: () => createSynthesizer(model) };
}
