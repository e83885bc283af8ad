/**
 * Frames as streams: RxJS with backpressure, and async iterables; and the operators that make
 * generated frames of them.
 */
export { FrameloomError, isFrameloomError } from '../base/error.js';
export { createLogger } from '../base/log.js';
export { formatRational, parseRational, rational } from '../base/rational.js';
export {
  bothOpen,
  bytesPerPixel,
  currentDemand,
  DemandGate,
  findFfmpeg,
  withDemand,
  withoutDemand,
  zipFrames,
  type Demand,
  type FfmpegPrograms,
  type FrameBranch,
  type MapFramesOptions,
  type OpenedVideo,
  type OpenVideoOptions,
} from '../video/index.js';
export {
  decodeFrames,
  encodeFrames,
  fromFrames,
  generateFrames,
  iterateFrames,
  mapFrames,
  openVideo,
  probe,
  readFrames,
  sampleFrames,
  teeFrames,
  withCondition,
  writeFrames,
} from './streams.js';
export type * from './types.js';
