import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { formatRational, rationalToNumber, type Rational } from '../../base/rational.js';
import { SMALLEST_SIDE } from '../../clips/options.js';
import type { VideoInfo } from '../../video/index.js';
import { memoryOf, type AnyModel } from '../models/model.js';

/**
 * What can be said of an input before any of its frames is read.
 * @param startFrames real frames that are to be gone on from
 * @throws FrameloomError bad-input where it is too small; bad-option where it holds no real frames, or nothing goes on
 *   from them
 */
export function checkInput(info: VideoInfo, model: AnyModel, startFrames: number): void {
  const where = info.path === null ? {} : { path: info.path };
  // As in training: out of so few pixels comes no condition that was ever trained.
  if (info.width < SMALLEST_SIDE || info.height < SMALLEST_SIDE) {
    throw new FrameloomError(
      'bad-input',
      `${info.path ?? 'the stream'} is ${info.width}x${info.height} pixels, too small to generate from`,
      { ...where, hint: `both sides need at least ${SMALLEST_SIDE} pixels` },
    );
  }
  if (startFrames === 0) return;
  const hint = `use ${asGiven('--start-frames none', 'startFrames: 0')}`;
  if (model.layout.kind === 'paired') {
    throw new FrameloomError(
      'bad-option',
      'a paired condition video holds no real frames to start from',
      { ...where, hint },
    );
  }
  if (memoryOf(model).historyFrames === 0) {
    throw new FrameloomError(
      'bad-option',
      'this generator has no memory: it goes on from no real frames',
      { ...where, hint },
    );
  }
}

/** Rates this far apart make the same motion look different. */
const SAME_MOTION = 0.02;

/** A generator that was trained at another rate makes things move faster or slower than they did. */
export function warnOfRate(trained: Rational | undefined, info: VideoInfo, log: Logger): void {
  if (!trained) return;
  const ratio = rationalToNumber(info.fps) / rationalToNumber(trained);
  if (Math.abs(ratio - 1) <= SAME_MOTION) return;
  log.warn(
    `${info.path ?? 'the stream'} has ${formatRational(info.fps)} frames a second, the training had ${formatRational(trained)}: every frame is made, and things may move otherwise; ${asGiven('--fps', 'fps:')} ${formatRational(trained)} resamples it`,
  );
}

/** Frames that will be made; null where the input does not tell. */
export function totalFrames(info: VideoInfo, fps: Rational | undefined): number | null {
  if (fps === undefined) return info.frameCount;
  const seconds = info.durationSeconds;
  return seconds === null ? null : Math.max(1, Math.round(seconds * rationalToNumber(fps)));
}
