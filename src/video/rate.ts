import { FrameloomError } from '../base/error.js';
import { parseRational, rational, rationalToNumber, type Rational } from '../base/rational.js';
import type { VideoInfo } from './types.js';

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

/** Whether a source is resampled where a rate is asked for: a constant one at its own has every frame taken. */
export const isResampled = (
  { fps, variableFrameRate }: Pick<VideoInfo, 'fps' | 'variableFrameRate'>,
  asked: Rational,
): boolean => variableFrameRate || asked.num !== fps.num || asked.den !== fps.den;

/** Of a single picture, which is shown for a frame of it. */
const USUAL_FPS = rational(25);

/**
 * The nominal rate of frames by what they say: of the first one, else what lies between the times of the
 * first two.
 * @throws FrameloomError bad-option where that says nothing
 */
export async function rateOfFrames(frames: {
  peekAt(count: number): Promise<readonly { timeSeconds: number; fps?: Rational | undefined }[]>;
}): Promise<Rational> {
  const [only] = await frames.peekAt(1);
  if (only?.fps) return toRate(only.fps);
  const [first, second] = await frames.peekAt(2);
  if (!first || !second) return USUAL_FPS;
  const gap = second.timeSeconds - first.timeSeconds;
  if (gap > 0 && Number.isFinite(gap)) return snapRate(1 / gap);
  throw new FrameloomError('bad-option', 'nothing says at what rate the frames are shown', {
    hint: 'give fps, or frames that carry fps or the times at which they are shown',
  });
}

/** ffmpeg's `30000/1001` or `0/0`; undefined when it is no rate. */
export function readRate(text: string | undefined): Rational | undefined {
  const match = /^(\d+)\/(\d+)$/.exec(text ?? '');
  const [num, den] = [Number(match?.[1]), Number(match?.[2])];
  return num > 0 && den > 0 ? rational(num, den) : undefined;
}

const near = (a: number, b: number, relative: number): boolean => Math.abs(a - b) <= relative * b;

/** The usual rate that a measured one stands for, if any is that near; a whole one and its NTSC form are a thousandth apart. */
export function snapRate(framesPerSecond: number, tolerance = 5e-4): Rational {
  const whole = Math.round(framesPerSecond);
  const [toWhole, toNtsc] = [whole, (Math.ceil(framesPerSecond - 0.001) * 1000) / 1001].map(
    (rate) => Math.abs(framesPerSecond / rate - 1),
  ) as [number, number];
  if (whole > 0 && toWhole <= tolerance && toWhole <= toNtsc) return rational(whole);
  if (toNtsc <= tolerance) return rational(Math.ceil(framesPerSecond - 0.001) * 1000, 1001);
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

/** Gaps this far from the mean are still of a constant rate: QuickTime rounds to 1/600 s, Matroska to 1/1000. */
const ROUNDING_SECONDS = 0.0018;
/** Rates of cameras and screens that a jittery one may stand for. */
const USUAL_RATES = [10, 12, 12.5, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 144, 240];

/**
 * The rate of a source from when its frames are shown, which is the only thing that is sure: what
 * headers claim may be the clock's resolution or a mean over pauses.
 *
 * @param gaps seconds from each frame to the next
 * @param claimed what the header says, taken where the gaps agree with it
 * @returns undefined when there are too few gaps to tell
 */
export function measuredRate(
  gaps: Float64Array,
  claimed: Rational | undefined,
): SourceRate | undefined {
  const sorted = gaps.filter((gap) => gap > 0).sort();
  // A little below the middle: of a source that runs half of the time at half of its rate, the rate.
  const usual = sorted[Math.floor((sorted.length - 1) * 0.45)];
  if (usual === undefined) return undefined;
  const meanOf = (some: Float64Array): number =>
    some.reduce((sum, gap) => sum + gap, 0) / some.length;
  // The mean of those around the usual gap: exact to far below the rounding of a single one.
  const alike = sorted.filter((gap) => Math.abs(gap - usual) <= 0.3 * usual);
  const mean = meanOf(alike);
  const even = (gap: number): boolean =>
    Math.abs(gap - mean) <= Math.max(ROUNDING_SECONDS, 0.02 * mean);
  const variable = !sorted.every(even) || sorted.length < gaps.length;
  // What is twice as long is a pause, or a frame that was dropped.
  const running = sorted.filter((gap) => gap < 1.9 * usual);
  if (!running.every(even)) {
    // A jittery clock: what is too short here was too long before.
    const perSecond = 1 / meanOf(running);
    const close = USUAL_RATES.find((rate) => near(perSecond, rate, 0.02));
    const fps = close === undefined ? snapRate(perSecond) : parseRational(String(close));
    return { fps, variable: true };
  }
  const perSecond = 1 / mean;
  // Of a few frames the rounding of the first and the last is more than a thousandth.
  const sure = Math.max(1e-3, ROUNDING_SECONDS / (mean * alike.length));
  const agrees = claimed && near(rationalToNumber(claimed), perSecond, sure);
  return { fps: agrees ? claimed : snapRate(perSecond, sure), variable };
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
