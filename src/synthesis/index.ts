export { runBatch, type BatchEvent, type BatchOptions, type BatchSummary } from './batch/batch.js';
export {
  generateVideo,
  type GenerateVideoOptions,
  type OutputChoice,
} from './video/generate-video.js';
export {
  evaluateHeldOut,
  sampleRows,
  type Evaluation,
  type EvaluationOptions,
  type EvaluationRow,
} from './evaluate/held-out.js';
export { openFaithfulness } from './evaluate/faithfulness.js';
export { openNetworks } from './evaluate/networks/networks.js';
export {
  openObedience,
  SharedInverseDynamics,
  type ObedienceContext,
  type ObedienceJudge,
  type ObeyingFrame,
} from './evaluate/obedience.js';
export type { FaithfulnessContext, FaithfulnessJudge } from './evaluate/faithfulness-judge.js';
export { memoryOf, type AnyModel } from './models/model.js';
export type { ExportedModel } from './models/exported-model.js';
export { modelFingerprint } from './batch/fingerprint.js';
export { createSynthesizer, type SynthesizerOptions } from './engines/open.js';
export type { LatencyFigures } from './engines/latency.js';
export type { SynthesisModel } from './models/model.js';
export { openOnnxModel, type OnnxModel, type OpenOnnxOptions } from './engines/onnx/model.js';
export { openThreadedModel, type OpenThreadedOptions } from './engines/thread/model.js';
export { createOnnxSynthesizer } from './engines/onnx/synthesizer.js';
export { generate, type GenerateOptions } from './video/generate.js';
export {
  generateFrames,
  withCondition,
  type ConditionFramesOptions,
  type GenerateFramesOptions,
} from './video/operators.js';
export type { Picture } from './evaluate/pictures.js';
export { sampleFrames, type SampleOptions } from './sample/sample.js';
export { writeSheet, type SheetShape } from './sample/sheet.js';
export type {
  DetailedFrame,
  NextOptions,
  Synthesizer,
  SynthesizerState,
} from './engines/synthesizer.js';
export {
  isTemplate,
  jobsOfShard,
  outputFolder,
  planBatch,
  shardOf,
  type BatchJob,
  type Shard,
} from './batch/template.js';
export type { TrainedGenerator } from './models/model.js';
