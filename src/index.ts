/**
 * Frameloom as a library: video frames as RxJS streams, and the GANs that make them. Importing it
 * loads no TensorFlow; `useBackend` does.
 */
export { memoryFigures, useBackend, type BackendReport } from './backend/index.js';
export { FrameloomError, isFrameloomError, type ErrorCode } from './base/error.js';
export { createLogger, type Logger } from './base/log.js';
export { formatRational, parseRational, rational, type Rational } from './base/rational.js';
export { openDataset, type Dataset, type DatasetReport } from './clips/index.js';
export { exportGenerator, type ExportOptions, type ExportResult } from './export/index.js';
export {
  openFlow,
  psnr,
  sharpness,
  ssim,
  temporalDifference,
  tOF,
  warpingError,
  type Image,
  type RolloutMeasures,
} from './metrics/index.js';
export { loadPipeline, parsePipeline } from './pipeline/load.js';
export { openRunModel, type RunModel } from './pipeline/run-model.js';
export type { Pipeline } from './pipeline/schema.js';
export {
  createOnnxSynthesizer,
  createSynthesizer,
  evaluateHeldOut,
  generate,
  generateVideo,
  openOnnxModel,
  openThreadedModel,
  planBatch,
  runBatch,
  sampleFrames,
  withCondition,
  type BatchEvent,
  type Evaluation,
  type SynthesisModel,
  type Synthesizer,
} from './synthesis/index.js';
export { startRun, type Run } from './training/run/run-folder.js';
export { train, type TrainProgress, type TrainResult } from './training/trainer.js';
export {
  decodeFrames,
  encodeFrames,
  mapFrames,
  probe,
  zipFrames,
  type DecodeOptions,
  type CarryOptions,
  type EncodeOptions,
  type EncodeResult,
  type Frame,
  type VideoInfo,
} from './video/index.js';
