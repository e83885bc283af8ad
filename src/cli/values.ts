import { InvalidArgumentError } from 'commander';
import { parseRational, type Rational } from '../base/rational.js';
import { FrameloomError, isFrameloomError } from '../base/error.js';
import type { Shard } from '../synthesis/index.js';

/** Most variations of a clip that one call makes. */
const MOST_SEEDS = 1_000_000;

/** @throws InvalidArgumentError unless it is a whole number from 0 */
export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is not a whole number.`);
}

/** @throws InvalidArgumentError unless it is a whole number from 1 */
export function countingNumber(text: string): number {
  const value = wholeNumber(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError(`"${text}" is not a number from 1.`);
}

/** Less says nothing of a drift, and more takes hours. */
const LONG_ROLLOUT = { least: 100, most: 100_000 };

/** @throws InvalidArgumentError unless it is a number of frames that shows whether a rollout drifts */
export function longRolloutFrames(text: string): number {
  const { least, most } = LONG_ROLLOUT;
  const value = wholeNumber(text);
  if (value >= least && value <= most) return value;
  throw new InvalidArgumentError(`"${text}" is not a number of frames from ${least} to ${most}.`);
}

/** More help nobody: encoders cut them off, and each takes memory. */
const MOST_THREADS = 256;

/** @throws InvalidArgumentError unless it is a number of threads */
export function threadCount(text: string): number {
  const value = countingNumber(text);
  if (value <= MOST_THREADS) return value;
  throw new InvalidArgumentError(`"${text}" is not a number of threads from 1 to ${MOST_THREADS}.`);
}

/** @throws InvalidArgumentError unless it is a quality such as 18 or 18.5 */
export function crfNumber(text: string): number {
  if (/^\d{1,2}(\.\d{1,4})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is not a quality such as 18 or 18.5.`);
}

/**
 * Reads a time such as 12.5, 1:30 or 1:02:03.25, in seconds.
 * @throws InvalidArgumentError unless it is one
 */
export function momentSeconds(text: string): number {
  const match = /^(?:(?:(\d{1,4}):)?(\d{1,6}):)?(\d{1,9}(?:\.\d{1,9})?)$/.exec(text);
  const [, hours = '0', minutes = '0', seconds = '0'] = match ?? [];
  const isClock = text.includes(':');
  // Of a clock only its first figure counts on beyond 59.
  const fits =
    !isClock || (Number(seconds) < 60 && (match?.[1] === undefined || Number(minutes) < 60));
  if (match && fits) return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  throw new InvalidArgumentError(`"${text}" is not a time such as 12.5, 1:30 or 1:02:03.`);
}

/** The same, more than nothing. @throws InvalidArgumentError unless it is one */
export function lengthSeconds(text: string): number {
  const seconds = momentSeconds(text);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError(`"${text}" is not a time above 0.`);
}

/** @throws InvalidArgumentError unless it is a whole number from 1 to 100 */
export function qualityNumber(text: string): number {
  if (/^([1-9]\d?|100)$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is not a quality from 1 to 100.`);
}

/** Reads `none` or a number of frames. */
export function startCount(text: string): number {
  if (text === 'none') return 0;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is not "none" or a number of frames.`);
}

/** Reads `1..8`, `1-8`, `3,5,9` or a mixture: each seed once, in order. */
export function seedList(text: string): number[] {
  const seeds = new Set<number>();
  for (const part of text.split(',')) {
    const [, from = '', to = from] =
      /^(\d{1,15})(?:(?:\.\.|-)(\d{1,15}))?$/.exec(part.trim()) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (from === '' || last < first || last - first + seeds.size >= MOST_SEEDS) {
      throw new InvalidArgumentError(`"${text}" is not a list of seeds such as 1..8 or 3,5,9.`);
    }
    for (let seed = first; seed <= last; seed += 1) seeds.add(seed);
  }
  return [...seeds];
}

/** Reads `2/8`. */
export function shardChoice(text: string): Shard {
  const [, index = '0', count = '0'] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (shard.index >= 1 && shard.index <= shard.count) return shard;
  throw new InvalidArgumentError(`"${text}" is not a shard such as 2/8, from 1/8 to 8/8.`);
}

/** Reads `640x360`. */
export function pixelSize(text: string): { width: number; height: number } {
  const [, width = '', height = ''] = /^(\d{1,5})x(\d{1,5})$/.exec(text) ?? [];
  if (Number(width) > 0 && Number(height) > 0) {
    return { width: Number(width), height: Number(height) };
  }
  throw new InvalidArgumentError(`"${text}" is not a size such as 640x360.`);
}

/** Reads `8x4`: columns and rows. */
export function sheetShape(text: string): { columns: number; rows: number } {
  const [, columns = '', rows = ''] = /^(\d{1,4})x(\d{1,4})$/.exec(text) ?? [];
  if (Number(columns) > 0 && Number(rows) > 0) {
    return { columns: Number(columns), rows: Number(rows) };
  }
  throw new InvalidArgumentError(`"${text}" is not columns and rows such as 8x4.`);
}

/** Faster than any camera that films for longer than moments: more would fill a disk with repeats. */
const FASTEST = 10_000;

/** Reads `25` or `30000/1001`. */
export function frameRate(text: string): Rational {
  try {
    const rate = parseRational(text);
    if (rate.num / rate.den <= FASTEST) return rate;
    throw new FrameloomError('bad-option', `"${text}" is more than ${FASTEST} frames a second`);
  } catch (error) {
    throw new InvalidArgumentError(isFrameloomError(error) ? `${error.toLine()}.` : String(error));
  }
}

/** @throws InvalidArgumentError unless it is a port: 0 to 65535 */
export function portNumber(text: string): number {
  const value = wholeNumber(text);
  if (value <= 65_535) return value;
  throw new InvalidArgumentError(`"${text}" is not a port from 0 to 65535.`);
}

/** Reads one of ffmpeg's pixel formats, such as yuv420p. */
export function pixelFormatName(text: string): string {
  if (/^[a-z][a-z0-9]*$/.test(text)) return text;
  throw new InvalidArgumentError(`"${text}" is not a pixel format such as rgb24 or yuv420p.`);
}

/** Reads `latest`, `best` or a step's number. */
export function snapshotChoice(text: string): 'latest' | 'best' | number {
  if (text === 'latest' || text === 'best') return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is not latest, best or the number of a step.`);
}

/** @throws InvalidArgumentError unless it is a number above 0 */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError(`"${text}" is not a number above 0.`);
  }
  return value;
}
