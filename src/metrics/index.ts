export {
  createActionAgreement,
  type ActionAgreement,
  type ActionKind,
} from './action-agreement.js';
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
  type RolloutComparison,
  type RolloutMeasure,
  type RolloutMeasureOptions,
} from './evaluate-rollout.js';
export {
  intervalsOf,
  motionRatio,
  scoreOf,
  type FrameScores,
  type JudgedFrameScores,
  type RolloutDrift,
  type RolloutIntervals,
  type RolloutMeasures,
} from './rollout-measures.js';
export { blockLength, bootstrapInterval, type Interval } from './bootstrap.js';
export { COMPOSITE_BANDS, compositeScore, type ScoredFigures } from './composite.js';
export type { Faithfulness, MadeAndReal } from './faithfulness.js';
export {
  createFlickerMeter,
  FLICKER_WINDOW_FRAMES,
  flickerRatio,
  type Flicker,
  type FlickerBand,
  type FlickerMeter,
  type FlickerPowers,
} from './flicker.js';
export type { NetworkIntervals, NetworkMeasures } from './network-measures.js';
export type { Features } from './features.js';
export { frechetDistance } from './frechet-distance.js';
export { kernelDistance, type KernelDistance } from './kernel-distance.js';
export { resizeImage } from './resize.js';
export { createConditionAgreement, type ConditionAgreement } from './condition-agreement.js';
export { createConfusion, type Confusion } from './confusion.js';
export { checker, checkerRatioOf } from './checker.js';
export { greyBytes, imageFromBytes, type Image, type ImageSize } from './image.js';
export { obedienceOf, type Obedience, type Obeyed } from './obedience.js';
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
