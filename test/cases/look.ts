// What comes out: of decoding, by the grey of its frames, and of files that were written, by another
// program's eyes.
import type { Readable } from 'node:stream';
import { lastValueFrom, tap, toArray } from 'rxjs';
import { createLogger, type Logger } from '../../src/base/log.js';
import { isFrameloomError } from '../../src/base/error.js';
import { decodeFrames, type DecodeOptions, type Frame } from '../../src/video/index.js';
import { filterReport } from './make.js';

/** The mean of a frame's bytes of one channel. */
export function meanOf({ data, pixelFormat }: Frame, channel = 0): number {
  const channels = pixelFormat === 'rgb24' ? 3 : 1;
  let sum = 0;
  for (let i = channel; i < data.length; i += channels) sum += data[i]!;
  return (sum * channels) / data.length;
}

/** A logger that keeps what it is told. */
export function keepingLog(): { log: Logger; said: () => string; warnings: () => string } {
  const lines: { level: number; msg: string }[] = [];
  const log = createLogger({
    level: 'debug',
    json: true,
    write: (line) => lines.push(JSON.parse(line) as { level: number; msg: string }),
  });
  const text = (least: number): string =>
    lines
      .filter(({ level }) => level >= least)
      .map(({ msg }) => msg)
      .join('\n');
  return { log, said: () => text(0), warnings: () => text(40) };
}

export interface Decoded {
  readonly frames: Frame[];
  /** Mean of the first channel of each frame. */
  readonly greys: number[];
  readonly times: number[];
  readonly warnings: string;
  /** The line of the error that it ended with; empty where it did not. */
  readonly error: string;
}

/** Decodes to the end, or to the error. */
export async function decoded(
  source: string | Readable,
  options: DecodeOptions = {},
): Promise<Decoded> {
  const { log, warnings } = keepingLog();
  const frames: Frame[] = [];
  let error = '';
  try {
    const all = decodeFrames(source, { log, ...options });
    await lastValueFrom(
      all.pipe(
        tap((frame) => frames.push(frame)),
        toArray(),
      ),
    );
  } catch (thrown) {
    if (!isFrameloomError(thrown)) throw thrown;
    error = thrown.toLine();
  }
  return {
    frames,
    greys: frames.map((frame) => meanOf(frame)),
    times: frames.map(({ timeSeconds }) => timeSeconds),
    warnings: warnings(),
    error,
  };
}

/** The largest distance between two lists; infinite where one is longer. */
export function furthest(list: readonly number[], other: readonly number[]): number {
  if (list.length !== other.length) return Infinity;
  return list.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
}

/** The numbers of those that are nearest to each value. */
export function nearest(values: readonly number[], known: readonly number[]): number[] {
  return values.map((value) => {
    let best = 0;
    known.forEach((one, i) => {
      if (Math.abs(one - value) < Math.abs(known[best]! - value)) best = i;
    });
    return best;
  });
}

/** Times as they count from the first. */
export const fromFirst = (times: readonly number[]): number[] =>
  times.map((time) => time - times[0]!);

export interface Shown {
  readonly count: number;
  /** Grey of each frame, 0 to 255 as displayed. */
  readonly greys: number[];
  /** When each is shown, on the file's clock. */
  readonly times: number[];
}

const PICTURES = [
  ...['-map', '0:v:0', '-vsync', 'passthrough'],
  ...['-vf', 'scale=out_range=pc,format=gray,showinfo', '-f', 'null', '-'],
] as const;
const SOUND = [
  ...['-map', '0:a:0', '-af', 'aformat=sample_fmts=flt:channel_layouts=mono,ashowinfo'],
  ...['-f', 'f32le', 'pipe:1'],
] as const;

/** What a player shows of a written file, and when. */
export async function shown(path: string): Promise<Shown> {
  return shownIn((await filterReport('-copyts', '-i', path, ...PICTURES)).report);
}

function shownIn(report: string): Shown {
  const greys: number[] = [];
  const times: number[] = [];
  const [, num, den] = /config in time_base: (\d+)\/(\d+)/.exec(report) ?? [];
  for (const line of report.split('\n')) {
    // Its seconds have six digits only.
    const tick = /\bpts:\s*(-?\d+)/.exec(line)?.[1];
    const grey = /\bmean:\[(\d+)/.exec(line)?.[1];
    if (tick === undefined || grey === undefined) continue;
    times.push((Number(tick) * Number(num)) / Number(den));
    greys.push(Number(grey));
  }
  return { count: times.length, greys, times };
}

/** A sample louder than this after so long a silence is a click. */
const LOUD = 0.1;
const SILENCE_SECONDS = 0.2;

export interface Played extends Shown {
  /** When the picture turns white, on the file's clock. */
  readonly flashes: number[];
  /** When sound begins after silence, on the file's clock. */
  readonly clicks: number[];
  /** Streams of sound. */
  readonly sounds: number;
}

/** What a player shows and plays of a file. */
export async function played(path: string): Promise<Played> {
  const { report, bytes } = await filterReport('-copyts', '-i', path, ...PICTURES, ...SOUND);
  const [input = ''] = report.split(/^Output #/m);
  const made = shownIn(report);
  const { greys, times } = made;
  return {
    ...made,
    flashes: times.filter((_, i) => greys[i]! > 128 && (i === 0 || greys[i - 1]! <= 128)),
    clicks: clicksIn(path, report, bytes),
    sounds: input.match(/^ +Stream #0:.*: Audio: /gm)?.length ?? 0,
  };
}

function clicksIn(path: string, report: string, bytes: Buffer): number[] {
  const rate = Number(/\brate:(\d+)/.exec(report)?.[1]);
  const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const found: number[] = [];
  let at = 0;
  let loudest = -Infinity;
  for (const line of report.split('\n')) {
    const start = Number(/\bpts_time:\s*(\S+)/.exec(line)?.[1]);
    const count = Number(/\bnb_samples:(\d+)/.exec(line)?.[1]);
    if (Number.isNaN(start) || Number.isNaN(count)) continue;
    for (let i = 0; i < count; i += 1) {
      if (Math.abs(samples[at + i]!) < LOUD) continue;
      const time = start + i / rate;
      if (time - loudest > SILENCE_SECONDS) found.push(time);
      loudest = time;
    }
    at += count;
  }
  if (at !== samples.length) throw new Error(`${path}: ${samples.length} samples, told of ${at}`);
  return found;
}
