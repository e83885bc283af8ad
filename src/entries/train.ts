/** Training, data sets, evaluation and measures. It loads TensorFlow.js's own code when imported. */
export { memoryFigures, useBackend } from '../backend/index.js';
export { FrameloomError, isFrameloomError } from '../base/error.js';
export { createLogger } from '../base/log.js';
export { formatRational, parseRational, rational } from '../base/rational.js';
export {
  bytesToTensor,
  conditionToTensor,
  dataOptions,
  frameToTensor,
  openCondition,
  openDataset,
  tensorToBytes,
  tensorToFrame,
} from '../clips/index.js';
export { exportGenerator } from '../export/index.js';
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
export { loadPipeline, parsePipeline, pipelineToYaml } from '../pipeline/load.js';
export { openModel } from '../pipeline/open-model.js';
export { evaluateHeldOut } from '../synthesis/index.js';
export { openRun, startRun } from '../training/run/run-folder.js';
export { train } from '../training/trainer.js';
export type * from './types.js';
