/** Training, data sets, evaluation and measures. It loads TensorFlow.js's own code when imported. */
export { memoryFigures } from '../backend/index.js';
export { FrameloomError, isFrameloomError } from '../base/error.js';
export { createLogger } from '../base/log.js';
export { formatRational, parseRational, rational } from '../base/rational.js';
export {
  bytesToTensor,
  conditionToTensor,
  dataOptions,
  frameToTensor,
  openCondition,
  tensorToBytes,
  tensorToFrame,
} from '../clips/index.js';
export {
  createRolloutComparison,
  imageFromBytes,
  openFlow,
  psnr,
  sharpness,
  ssim,
  temporalDifference,
  tOF,
  warpingError,
} from '../metrics/index.js';
export { pipelineToYaml } from '../pipeline/load.js';
export {
  evaluateHeldOut,
  exportGenerator,
  joinGroup,
  loadPipeline,
  openDataset,
  openFaithfulness,
  openModel,
  openNetworks,
  openObedience,
  openOrigin,
  openRun,
  parsePipeline,
  startRun,
  train,
  useBackend,
} from './trainings.js';
export type * from './types.js';
