import { FrameloomError } from '../base/error.js';
import { parseRational, rational, rationalToNumber, type Rational } from '../base/rational.js';

/**
 * A frame rate as users write it.
 * @throws FrameloomError bad-option
 */
export function toRate(value: Rational | number | string): Rational {
  if (typeof value === 'object') return rational(value.num, value.den);
  if (typeof value === 'number' && !(value > 0 && Number.isFinite(value))) {
    throw new FrameloomError('bad-option', `${value} is not a frame rate`);
  }
  return parseRational(String(value));
}

/** ffmpeg's `30000/1001` or `0/0`; undefined when it is no rate. */
export function readRate(text: string | undefined): Rational | undefined {
  const match = /^(\d+)\/(\d+)$/.exec(text ?? '');
  const [num, den] = [Number(match?.[1]), Number(match?.[2])];
  return num > 0 && den > 0 ? rational(num, den) : undefined;
}

const near = (a: number, b: number, relative: number): boolean => Math.abs(a - b) <= relative * b;

/** The usual rate that a measured one stands for, if any is within 0.1 %. */
export function snapRate(framesPerSecond: number): Rational {
  const whole = Math.round(framesPerSecond);
  if (whole > 0 && near(framesPerSecond, whole, 5e-4)) return rational(whole);
  const up = Math.ceil(framesPerSecond);
  if (near(framesPerSecond, (up * 1000) / 1001, 5e-4)) return rational(up * 1000, 1001);
  return rational(Math.max(1, Math.round(framesPerSecond * 1000)), 1000);
}

export interface SourceRate {
  readonly fps: Rational;
  readonly variable: boolean;
}

/** The highest rate that a variable-rate source may be delivered at. */
const HIGHEST_USUAL_FPS = 120;

/**
 * The rate of a source from ffprobe's two: `real` is the lowest at which every timestamp can be
 * told, `average` frames over duration. They agree when the rate is constant; interlaced streams
 * give the field rate as `real`.
 */
export function sourceRate(
  real: Rational | undefined,
  average: Rational | undefined,
  interlaced: boolean,
): SourceRate {
  if (!average) return { fps: real ?? rational(25), variable: false };
  if (!real) return { fps: average, variable: false };
  const [r, a] = [rationalToNumber(real), rationalToNumber(average)];
  if (near(a, r, 1e-3)) return { fps: real, variable: false };
  if (interlaced && near(2 * a, r, 1e-3)) return { fps: average, variable: false };
  const usable = r >= a && r <= HIGHEST_USUAL_FPS && r <= 4 * a;
  return { fps: usable ? real : snapRate(a), variable: true };
}

/** A whole number of frames. @throws FrameloomError bad-option */
export function wholeFrames(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new FrameloomError('bad-option', `${name} is ${value}, not a whole number of frames`);
  }
  return value;
}

/** Seconds as frames at that rate. @throws FrameloomError bad-option */
export function secondsToFrames(seconds: number, fps: Rational, name: string): number {
  if (!Number.isFinite(seconds) || seconds < 0) {
    throw new FrameloomError('bad-option', `${name} is ${seconds}, not a time in seconds`);
  }
  return Math.round(seconds * rationalToNumber(fps));
}
