export { openDataset } from './dataset.js';
export {
  dataOptions,
  divisionProblem,
  patchProblem,
  pixelShare,
  SIZE_MULTIPLE,
  sizeDividedBy,
  SMALLEST_SIDE,
  windowSize,
  type DataInput,
  type DataOptions,
  windowPixels,
  type WindowPixels,
  type WindowSizes,
} from './options.js';
export {
  conditionOptions,
  paletteOptions,
  type ConditionKind,
  type ConditionOptions,
  type Palette,
} from './condition-options.js';
export {
  bytesToTensor,
  conditionToTensor,
  frameToTensor,
  labelsToTensor,
  tensorToBytes,
  tensorToFrame,
  valuesToBytes,
} from './frame-tensor.js';
export {
  openCondition,
  type ConditionContext,
  type ConditionSource,
  type ConditionStream,
} from './condition.js';
export { conditionLayout, derivedFiltergraph } from './condition-plan.js';
export type { BrokenClip } from './broken.js';
export { findSceneCuts, SceneMeter } from './scene-cut.js';
export type { FrameSpan } from './split.js';
export type { Patch } from './patch.js';
export type { Augmentation } from './augment.js';
export { estimateOffset, type ActionOffset } from './action-offset.js';
export { actionOptions, type ActionOptions } from './action-options.js';
export { actionColumns } from './actions.js';
export { windowOriginSchema } from './origin.js';
export type {
  ActionColumn,
  ActionColumnReport,
  ActionsReport,
  ClipReport,
  ConditionLayout,
  Dataset,
  DatasetContext,
  DatasetReport,
  FrameRange,
  HeldOutSegment,
  KeyframeReport,
  LabelShare,
  Motion,
  MotionEstimator,
  OpeningProgress,
  Window,
  WindowFeed,
  WindowOrigin,
  WindowRequest,
} from './types.js';
