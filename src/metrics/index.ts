export {
  createMeanImage,
  createNearestCondition,
  type MeanImage,
  type NearestCondition,
  type NearestConditionOptions,
} from './baselines.js';
export {
  createRolloutComparison,
  createRolloutMeasure,
  evaluateRollout,
  motionRatio,
  type RolloutComparison,
  type RolloutDrift,
  type RolloutMeasure,
  type RolloutMeasureOptions,
  type RolloutMeasures,
} from './evaluate-rollout.js';
export { checker, checkerRatioOf } from './checker.js';
export { greyBytes, imageFromBytes, type Image, type ImageSize } from './image.js';
export {
  FARNEBACK_SETTINGS,
  openFlow,
  type FlowEstimator,
  type FlowField,
} from './optical-flow.js';
export { meanSquaredError, psnr, PSNR_CEILING_DECIBELS } from './psnr.js';
export { sharpness } from './sharpness.js';
export { ssim, SSIM_WINDOW_PIXELS } from './ssim.js';
export { tOF } from './t-of.js';
export { temporalDifference } from './temporal-difference.js';
export { visibleMask, warpImage, warpingError } from './warping-error.js';
