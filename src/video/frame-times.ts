import { rationalToNumber, type Rational } from '../base/rational.js';
import type { TimesAhead } from './container-clock.js';
import type { VideoInfo } from './types.js';

/**
 * Times closer than this are one: a decoder that guesses them gives some twice, and muxers put frames of
 * one time a tick apart.
 */
const SMALLEST_GAP_SECONDS = 5e-4;

/** To a millionth of a second, as ffprobe tells times: sums of fractions are a little off. */
export const microseconds = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;

/** Seconds from each time to the next. */
export const gapsOf = (times: Float64Array): Float64Array =>
  times.subarray(1).map((time, i) => time - times[i]!);

/** What a source that was counted tells beforehand of the times of its frames. */
export function timesAhead({ frameTimes, durationSeconds }: VideoInfo): TimesAhead {
  if (!frameTimes) return {};
  const longest = gapsOf(frameTimes).reduce((most, gap) => Math.max(most, gap), 0);
  const last = frameTimes.at(-1) ?? 0;
  return {
    longestPauseSeconds: longest,
    lastFrameSeconds: durationSeconds === null ? undefined : Math.max(0, durationSeconds - last),
  };
}

/**
 * When frames are shown, from what ffmpeg says of each. Times only go up: where one does not (a clock that
 * begins anew, a packet without a time), the frame is taken to come one usual gap after the last.
 */
export class FrameTimes {
  readonly #usualGap: number;
  readonly #smallestGap: number;
  #first: number | undefined;
  #last: number | undefined;
  #shift = 0;

  /** @param fps the source's usual rate */
  constructor(fps: Rational) {
    this.#usualGap = 1 / rationalToNumber(fps);
    this.#smallestGap = Math.min(SMALLEST_GAP_SECONDS, this.#usualGap / 4);
  }

  /** Seconds after the first frame that was asked about. */
  next(seconds: number): number {
    this.#first ??= seconds;
    let time = microseconds(seconds - this.#first + this.#shift);
    if (this.#last !== undefined && !(time > this.#last + this.#smallestGap)) {
      const right = this.#last + this.#usualGap;
      // What follows is counted from here on, so that a clock that was set back stays set forward.
      if (this.#last - time > this.#usualGap) this.#shift += right - time;
      time = right;
    }
    this.#last = time;
    return time;
  }
}
