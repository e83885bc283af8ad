export { runBatch, type BatchEvent, type BatchOptions, type BatchSummary } from './batch.js';
export { generateVideo, type GenerateVideoOptions, type OutputChoice } from './generate-video.js';
export {
  evaluateHeldOut,
  sampleRows,
  type Evaluation,
  type EvaluationOptions,
  type EvaluationRow,
} from './held-out.js';
export { memoryOf, type AnyModel } from './any-model.js';
export type { ExportedModel } from './exported-model.js';
export { openSynthesizer } from './open-synthesizer.js';
export { modelFingerprint } from './fingerprint.js';
export { createSynthesizer, type InteractiveSynthesizer } from './interactive.js';
export { withLatency, type LatencyFigures, type TimedSynthesizer } from './latency.js';
export type { SynthesisModel } from './model.js';
export { openOnnxModel, type OnnxModel, type OpenOnnxOptions } from './onnx-model.js';
export { openThreadedModel, type OpenThreadedOptions } from './threaded-model.js';
export { createOnnxSynthesizer, type OnnxSynthesizerOptions } from './onnx-synthesizer.js';
export { generate, withCondition, type GenerateOptions } from './operators.js';
export type { Picture } from './pictures.js';
export { sampleFrames, type SampleOptions } from './sample.js';
export { writeSheet, type SheetShape } from './sheet.js';
export type { Synthesizer, SynthesizerOptions, SynthesizerState } from './synthesizer.js';
export {
  isTemplate,
  jobsOfShard,
  outputFolder,
  planBatch,
  shardOf,
  type BatchJob,
  type Shard,
} from './template.js';
export type { TrainedGenerator } from './trained.js';
