/**
 * An exported generator, one call a frame, wherever ONNX Runtime runs: nothing of Node is imported.
 * The runtime is handed in: `openModel(bytes, ort)`.
 */
export {
  FrameloomError,
  isFrameloomError,
  type ErrorCode,
  type ErrorDetail,
} from '../base/error.js';
export type { ConditionLayout } from '../clips/types.js';
export type { ConditionKind } from '../clips/condition-options.js';
export type { OnnxRuntime } from '../export/feeds.js';
export type { ExportedInfo } from '../export/metadata.js';
export type { LatencyFigures } from '../synthesis/engines/latency.js';
export type {
  DetailedFrame,
  NextOptions,
  Synthesizer,
  SynthesizerState,
} from '../synthesis/engines/synthesizer.js';
export { openModel, type PlayModel, type PlayOptions } from '../synthesis/play.js';
