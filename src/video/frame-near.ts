import { rationalToNumber } from '../base/rational.js';
import { secondsToFrames } from './rate.js';
import type { VideoInfo } from './types.js';

/**
 * The frame of the source that is shown nearest to a time after the first.
 * @throws FrameloomError bad-option
 */
export function frameNear(info: VideoInfo, seconds: number, name = 'startSeconds'): number {
  const { frameTimes } = info;
  if (!frameTimes) return secondsToFrames(seconds, info.fps, name);
  if (!Number.isFinite(seconds) || seconds < 0) return secondsToFrames(seconds, info.fps, name);
  const after = frameTimes.findIndex((time) => time >= seconds);
  // Beyond the end frames are counted on at the usual rate, though there are none.
  if (after === -1) {
    const beyond = seconds - (frameTimes.at(-1) ?? 0);
    return frameTimes.length - 1 + Math.round(beyond * rationalToNumber(info.fps));
  }
  const before = Math.max(0, after - 1);
  return seconds - frameTimes[before]! < frameTimes[after]! - seconds ? before : after;
}
