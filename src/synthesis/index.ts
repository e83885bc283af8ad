export { generateVideo, type GenerateVideoOptions } from './generate-video.js';
export {
  evaluateHeldOut,
  sampleRows,
  type Evaluation,
  type EvaluationOptions,
  type EvaluationRow,
} from './held-out.js';
export type { SynthesisModel } from './model.js';
export { generate, withCondition, type GenerateOptions } from './operators.js';
export type { Picture } from './pictures.js';
export { createSynthesizer, type Synthesizer, type SynthesizerOptions } from './synthesizer.js';
export type { TrainedGenerator } from './trained.js';
