export { findFfmpeg, type FfmpegPrograms } from './ffmpeg-path.js';
export { probe } from './probe.js';
export { decodeFrames, readFrames } from './decode.js';
export { frameNear } from './frame-near.js';
export { knowsEachFrame } from './containers.js';
export { timesAhead } from './frame-times.js';
export { encodeFrames, encodeInSegments } from './encode.js';
export type { FilmProgress, SegmentFolder } from './film-progress.js';
export { isSegmentable } from './join-segments.js';
export { assertFree, assertHolds } from './output.js';
export { assertPixelFormat } from './pixel-format-names.js';
export { assertNotAnInput, KeptFiles } from './kept-files.js';
export { partOf, type PartOptions } from './part.js';
export { openVideo, type OpenedVideo, type OpenVideoOptions } from './open.js';
export { fromFrames, type FrameSource } from './from-frames.js';
export { iterateFrames } from './iterate-frames.js';
export { teeFrames, type FrameBranch } from './tee-frames.js';
export { writeFrames } from './write-frames.js';
export { mapFrames, type MapFramesOptions, zipFrames } from './operators.js';
export {
  bothOpen,
  currentDemand,
  type Demand,
  DemandGate,
  withDemand,
  withoutDemand,
} from './demand.js';
export {
  bytesPerPixel,
  channelsOf,
  frameBytes,
  isPixelFormat,
  PIXEL_FORMATS,
  PIXEL_LAYOUTS,
  type PixelFormat,
} from './pixel-format.js';
export { CODEC_FACTS, codecOf, crfOf, FORMAT_CODECS, presetOf } from './codecs.js';
export { formatOf, isPictureFormat, OUTPUT_FORMAT_NAMES } from './formats.js';
export { impurityOf } from './pure-filters.js';
export { toRate } from './rate.js';
export { runningProcesses } from './process.js';
export type {
  CarryOptions,
  ColourMatrix,
  DecodeOptions,
  EncodeOptions,
  EncodeResult,
  Fit,
  Frame,
  FrameShape,
  OnDamage,
  OutputFormatName,
  VideoCodec,
  ProbeOptions,
  RawInput,
  Rotation,
  SizeOptions,
  VideoColour,
  VideoInfo,
} from './types.js';
