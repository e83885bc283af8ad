// Inputs as people have them, made by ffmpeg when a test needs them. What makes them, and what looks
// at what came out, is the ffmpeg on PATH, whichever one is under test: an old one has not all
// encoders, and is no judge of itself.
import { spawn } from 'node:child_process';
import { constants, mkdtempSync } from 'node:fs';
import { access, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import { findFfmpeg } from '../../src/video/index.js';

export const WIDTH = 64;
export const HEIGHT = 36;

/** A folder for the inputs of a test file, removed after it; the path of a name in it. */
export function caseFolder(): (...name: string[]) => string {
  const folder = mkdtempSync(join(tmpdir(), 'frameloom-case-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return (...name) => join(folder, ...name);
}

async function onPath(program: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program);
    const fits = access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (folder !== '' && (await fits)) return path;
  }
  return undefined;
}

async function run(program: 'ffmpeg' | 'ffprobe', args: readonly string[], input?: Uint8Array) {
  const path = (await onPath(program)) ?? (await findFfmpeg())[`${program}Path`];
  const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  // A program that takes no more tells why by its exit.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = new Promise<number | null>((done, fail) =>
    child.on('error', fail).on('close', done),
  );
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), text(child.stderr)]);
  if ((await code) !== 0) throw new Error(`${program} ${args.join(' ')}:\n${stderr}`);
  return { stdout, stderr };
}

/** ffmpeg, which must succeed; its standard output. */
export async function ffmpeg(...args: readonly string[]): Promise<Buffer> {
  return (await run('ffmpeg', ['-v', 'error', '-y', ...args])).stdout;
}

/** The same with bytes on its standard input. */
export async function ffmpegOf(input: Uint8Array, ...args: readonly string[]): Promise<Buffer> {
  return (await run('ffmpeg', ['-v', 'error', '-y', ...args], input)).stdout;
}

/** ffmpeg's report of what its filters saw, and its standard output. */
export async function filterReport(
  ...args: readonly string[]
): Promise<{ report: string; bytes: Buffer }> {
  const { stdout, stderr } = await run('ffmpeg', ['-hide_banner', '-nostats', ...args]);
  return { report: stderr, bytes: stdout };
}

export async function ffprobe(...args: readonly string[]): Promise<string> {
  return (await run('ffprobe', ['-v', 'error', ...args])).stdout.toString();
}

/** `count` numbers, each of its place. */
export const series = (count: number, value: (k: number) => number): number[] =>
  Array.from({ length: count }, (_, k) => value(k));

/** The grey that is shown of a luma of limited range. */
export const shownOf = (luma: number): number => ((luma - 16) * 255) / 219;
/** The luma of limited range nearest to a grey. */
export const lumaOf = (grey: number): number => Math.round((grey * 219) / 255 + 16);

/** Flat yuv420p pictures of limited range, one a luma. */
export function flatPictures(lumas: readonly number[], width = WIDTH, height = HEIGHT): Buffer {
  return Buffer.concat(
    lumas.map((luma) => {
      const picture = Buffer.alloc((width * height * 3) / 2, 128);
      picture.fill(luma, 0, width * height);
      return picture;
    }),
  );
}

export interface FlatVideo {
  /** What frame k shows. */
  readonly lumas: readonly number[];
  readonly width?: number;
  readonly height?: number;
  /** Of frames of constant rate. Default 25. */
  readonly fps?: number | string;
  /** The time of frame `N` in ticks of 1/`ticks` of a second, as ffmpeg's expression. */
  readonly times?: { readonly ticks: number; readonly of: string };
  /** Further inputs, such as a sound. */
  readonly inputs?: readonly string[];
  /** Codec and container. */
  readonly options: readonly string[];
}

/** Makes a video of flat pictures, each told from the others by its grey. */
export async function flatVideo(path: string, video: FlatVideo): Promise<string> {
  const { options, ...pictures } = video;
  await flatVideos(pictures, [[path, options]]);
  return path;
}

/**
 * The same pictures as several files, by one ffmpeg: starting it takes longer than so few frames.
 * @param files path, codec and container of each
 */
export async function flatVideos(
  video: Omit<FlatVideo, 'options'>,
  files: readonly (readonly [path: string, options: readonly string[]])[],
): Promise<void> {
  const { lumas, width = WIDTH, height = HEIGHT, fps = 25, times, inputs = [] } = video;
  const timing = times
    ? [
        ...['-vf', `settb=1/${times.ticks},setpts='${times.of}'`, '-vsync', 'passthrough'],
        ...['-enc_time_base', `1/${times.ticks}`],
      ]
    : [];
  await ffmpegOf(
    flatPictures(lumas, width, height),
    ...['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`],
    ...['-framerate', String(fps), '-i', 'pipe:0', ...inputs],
    ...files.flatMap(([path, options]) => [...timing, '-pix_fmt', 'yuv420p', ...options, path]),
  );
}

/** H.264 that keeps flat pictures apart by a single level. */
export const X264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '4'] as const;

/** Repeats input options: a tone, or clicks of 10 ms at whole seconds from the first on. */
export const tone = (seconds: number): string[] => [
  ...['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`],
];
export const clicks = (seconds: number, everySeconds = 1, rate = 48_000): string[] => {
  const when = `lt(mod(t+0.00001,${everySeconds}),0.01)*gt(t,0.5)`;
  const source = `aevalsrc='if(${when},sin(2*PI*1000*t),0)':s=${rate}:d=${seconds}`;
  return ['-f', 'lavfi', '-i', source];
};
