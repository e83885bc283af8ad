/** The calls of `frameloom/video`, which look at what they are given first (`check-call.ts`). */
import * as operators from '../synthesis/video/operators.js';
import * as sampling from '../synthesis/sample/sample.js';
import * as video from '../video/index.js';
import { checked, checkedPromise } from './check-call.js';

/** What a source says of itself, without decoding. Rejects with FrameloomError. */
export const probe: typeof video.probe = checkedPromise('probe', video.probe);

/** Looks at a source and keeps it open, so that a pipe can be decoded afterwards. Rejects with FrameloomError. */
export const openVideo: typeof video.openVideo = checkedPromise('openVideo', video.openVideo);

/** The frames of a video as an async iterable; ffmpeg works as fast as they are taken. */
export const readFrames: typeof video.readFrames = checked('readFrames', video.readFrames);

/** The frames of a video as an Observable that knows of demand; it errors with FrameloomError. */
export const decodeFrames: typeof video.decodeFrames = checked('decodeFrames', video.decodeFrames);

/** A sink: writes every frame and emits one EncodeResult when the file is complete and in place. */
export const encodeFrames: typeof video.encodeFrames = checked('encodeFrames', video.encodeFrames);

/** Writes frames of any iterable or Observable as a video. Rejects with FrameloomError. */
export const writeFrames: typeof video.writeFrames = checkedPromise(
  'writeFrames',
  video.writeFrames,
);

/** Any iterable as an Observable that asks for a frame only when whatever comes behind it can take one. */
export const fromFrames: typeof video.fromFrames = checked('fromFrames', video.fromFrames);

/** An Observable as an async iterable; leaving the loop unsubscribes. */
export const iterateFrames: typeof video.iterateFrames = checked(
  'iterateFrames',
  video.iterateFrames,
);

/** The same frames several times over, an async iterable for each; to be consumed at the same time. */
export const teeFrames: typeof video.teeFrames = checked('teeFrames', video.teeFrames);

/** `concatMap` for work on frames that does not run ahead of who takes its results. */
export const mapFrames: typeof video.mapFrames = checked('mapFrames', video.mapFrames);

/** Condition frames in, generated frames out, each made from the ones before it. */
export const generateFrames: typeof operators.generateFrames = checked(
  'generateFrames',
  operators.generateFrames,
);

/** Frames in, the conditions that the model's pipeline makes of them out. */
export const withCondition: typeof operators.withCondition = checked(
  'withCondition',
  operators.withCondition,
);

/** Frames from nothing but noise, or from one picture, by a model without conditions. */
export const sampleFrames: typeof sampling.sampleFrames = checked(
  'sampleFrames',
  sampling.sampleFrames,
);
