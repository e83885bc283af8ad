/**
 * Frames as streams: RxJS with backpressure, and async iterables; and the operators that make
 * generated frames of them.
 */
export { FrameloomError, isFrameloomError } from '../base/error.js';
export { createLogger } from '../base/log.js';
export { formatRational, parseRational, rational } from '../base/rational.js';
export { generateFrames, withCondition } from '../synthesis/video/operators.js';
export { sampleFrames } from '../synthesis/sample/sample.js';
export {
  bothOpen,
  bytesPerPixel,
  currentDemand,
  decodeFrames,
  DemandGate,
  encodeFrames,
  findFfmpeg,
  fromFrames,
  iterateFrames,
  mapFrames,
  openVideo,
  probe,
  readFrames,
  teeFrames,
  withDemand,
  withoutDemand,
  writeFrames,
  zipFrames,
  type Demand,
  type FfmpegPrograms,
  type FrameBranch,
  type MapFramesOptions,
  type OpenedVideo,
} from '../video/index.js';
export type * from './types.js';
