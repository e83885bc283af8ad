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
export type { Colour, ActionColumn, ConditionLayout } from '../clips/types.js';
export type { ConditionKind, ConditionOptions } from '../clips/condition-options.js';
export type { OnnxRuntime } from '../export/feeds.js';
export type { FloatType } from '../export/graph.js';
export type { ExportedCondition } from '../export/metadata-fields.js';
export type { ExportedInfo, FixedSize } from '../export/metadata.js';
export type { ExportTarget } from '../export/targets.js';
export type { ClipStyle } from '../networks/clip-styles.js';
export type { LatencyFigures } from '../synthesis/engines/latency.js';
export type {
  DetailedFrame,
  NextOptions,
  Synthesizer,
  SynthesizerState,
} from '../synthesis/engines/synthesizer.js';
export type { GivenActions } from '../synthesis/engines/told-actions.js';
export type { SizeChoice } from '../synthesis/models/run-size.js';
export {
  openCheckedModel,
  type CheckedModel,
  type CheckedOptions,
  type PlayDevice,
} from '../play/open-checked.js';
export type { PlayClock } from '../play/clock.js';
export { openModel, type PlayModel, type PlayOptions } from '../play/open-model.js';
export type { PlayableModel } from '../play/playable.js';
export type { PlayedFrame, Player, PlayerOptions, PlayFigures } from '../play/player-types.js';
export { createPlayer } from '../play/player.js';
export { toRgba } from '../play/rgba.js';
