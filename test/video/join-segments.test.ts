import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { from, lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { encodeFrames, encodeInSegments } from '../../src/video/encode.js';
import { passThrough } from '../../src/video/command.js';
import { environmentFor, findFfmpeg } from '../../src/video/ffmpeg-path.js';
import type { FilmProgress, SegmentFolder } from '../../src/video/film-progress.js';
import { isSegmentable } from '../../src/video/join-segments.js';
import type { EncodeOptions, Frame } from '../../src/video/types.js';
import { covering } from '../covering.js';
import { keepingLog } from '../cases/look.js';
import { makeClip, scratchFolder } from '../video/make-clip.js';

const run = promisify(execFile);
/** What a program says. */
const say = (program: string, args: string[]) =>
  run(program, args, { env: environmentFor(program) });
const [WIDTH, HEIGHT] = [48, 32];
const expects = { width: WIDTH, height: HEIGHT, pixelFormat: 'rgb24' } as const;

/** Pictures that move, with the times that are given. */
function film(times: readonly number[]): Frame[] {
  return times.map((timeSeconds, index) => ({
    ...{ index, timeSeconds, width: WIDTH, height: HEIGHT, pixelFormat: 'rgb24' },
    data: Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH)];
      return 128 + 100 * Math.sin((x + 2 * index) / 5 + (i % 3)) * Math.cos((y - index) / 7);
    }),
  }));
}

const constant = (count: number, fps: number): number[] =>
  Array.from({ length: count }, (_, i) => i / fps);

/** Even, then far apart, then close together: what is decoded before what is shown differs at seams. */
const uneven = (count: number): number[] => {
  let time = 0;
  return Array.from({ length: count }, (_, i) => {
    const now = time;
    time += i < 11 ? 0.04 : i < 22 ? 0.31 : 0.0071;
    return now;
  });
};

async function segmentFolder(
  segmentFrames: number,
): Promise<SegmentFolder & { kept: FilmProgress[] }> {
  const folder = join(await mkdtemp(join(scratchFolder(), 'film-')), "it's: 100% #1? [a]");
  await mkdir(folder);
  const kept: FilmProgress[] = [];
  return {
    ...{ folder, segmentFrames, progress: null, kept },
    keep: (progress) => {
      kept.push(progress);
      return Promise.resolve();
    },
  };
}

interface Packet {
  readonly pts: number;
  readonly dts: number;
}

/** Every packet of the pictures, ticks of the container, as they lie in the file. */
async function packetsOf(path: string): Promise<Packet[]> {
  const { ffprobePath } = await findFfmpeg();
  const { stdout } = await say(ffprobePath, [
    ...['-v', 'error', '-select_streams', 'v:0', '-of', 'json', '-show_packets', path],
  ]);
  return (JSON.parse(stdout) as { packets: Packet[] }).packets;
}

const shownAt = (packets: readonly Packet[]): number[] =>
  packets.map(({ pts }) => pts).sort((a, b) => a - b);

/** What ffmpeg says while it decodes all of it, and hashes of the frames. */
async function decoded(path: string): Promise<{ complaints: string; pictures: string[] }> {
  const programs = await findFfmpeg();
  const { stdout, stderr } = await say(programs.ffmpegPath, [
    ...['-v', 'warning', '-i', path, '-map', '0:v:0', ...passThrough(programs)],
    ...['-f', 'framemd5', '-'],
  ]);
  const lines = stdout.split('\n').filter((line) => /^\d/.test(line));
  return { complaints: stderr.trim(), pictures: lines.map((line) => line.split(',').at(-1)!) };
}

/** All that the container and the codec say of the pictures. */
async function streamOf(path: string): Promise<unknown> {
  const { ffprobePath } = await findFfmpeg();
  const { stdout } = await say(ffprobePath, [
    ...['-v', 'error', '-select_streams', 'v:0', '-show_streams', '-of', 'json', path],
  ]);
  const [stream] = (JSON.parse(stdout) as { streams: Record<string, unknown>[] }).streams;
  // Bits differ: more key frames. Rates and durations are guessed from the last times of decoding.
  const guessed = /bit_rate|tags|extradata_size|frame_rate|duration/;
  return Object.fromEntries(Object.entries(stream!).filter(([name]) => !guessed.test(name)));
}

async function encode(
  path: string,
  frames: readonly Frame[],
  options: EncodeOptions,
  segments?: SegmentFolder,
) {
  const into = segments ? encodeInSegments(path, options, segments) : encodeFrames(path, options);
  return lastValueFrom(from(frames).pipe(into));
}

const FORMATS = ['a.mp4', 'a.mov', 'a.mkv', 'a.webm', 'a.ts'];
const NTSC = { num: 30000, den: 1001 };
const RATES = [
  { times: constant(33, 30000 / 1001), fps: NTSC },
  { times: constant(25, 24000 / 1001), fps: { num: 24000, den: 1001 } },
  { times: uneven(33), fps: { num: 25, den: 1 } },
];

describe('encodeInSegments', () => {
  it.each(covering(FORMATS, RATES))(
    '%s is the same film as in one piece',
    async (name, { times, fps }) => {
      const frames = film(times);
      const place = await mkdtemp(join(scratchFolder(), 'joined-'));
      const [whole, joined] = [join(place, `whole-${name}`), join(place, `joined-${name}`)];
      const { log, warnings } = keepingLog();
      const folder = await segmentFolder(8);
      const one = await encode(whole, frames, { fps });
      const many = await encode(joined, frames, { fps, log }, folder);
      expect(many).toEqual({ ...one, path: joined });
      expect(folder.kept.at(-1)?.segments).toHaveLength(Math.ceil(frames.length / 8));
      expect(warnings()).toBe('');
      const [a, b] = [await packetsOf(whole), await packetsOf(joined)];
      expect(shownAt(b)).toEqual(shownAt(a));
      // Each is decoded after the one before and before it is shown, also where segments meet.
      expect(b.filter(({ pts, dts }, i) => dts > pts || dts <= (b[i - 1]?.dts ?? -1e9))).toEqual(
        [],
      );
      const pictures = await decoded(joined);
      expect(pictures.complaints).toBe('');
      expect(pictures.pictures).toHaveLength(frames.length);
      // Where each picture is coded by itself, nothing of it differs.
      const same = /mov|mkv/.test(name) ? await decoded(whole) : pictures;
      expect(pictures).toEqual(same);
      expect(await streamOf(joined)).toEqual(await streamOf(whole));
      // Nothing is left beside it.
      expect((await readdir(place)).sort()).toEqual([`joined-${name}`, `whole-${name}`]);
    },
  );

  it.each(FORMATS)('%s is the same file whether it was made at once or went on', async (name) => {
    const ending = name.slice(1);
    const frames = film(constant(13, 25));
    const place = await mkdtemp(join(scratchFolder(), 'joined-'));
    const options = { fps: 25, expects };
    const [first, second] = [await segmentFolder(5), await segmentFolder(5)];
    await encode(join(place, `at-once${ending}`), frames, options, first);
    // As many as two segments are there; then all but the joining.
    const failing = {
      ...second,
      keep: (progress: FilmProgress) =>
        second.kept.push(progress) === 2 ? Promise.reject(new Error('stop')) : Promise.resolve(),
    };
    await expect(encode(join(place, `on${ending}`), frames, options, failing)).rejects.toThrow(
      'stop',
    );
    const progress = second.kept.at(-1)!;
    expect(progress).toMatchObject({ frames: 10, isComplete: false });
    await encode(join(place, `on${ending}`), frames.slice(10), options, { ...second, progress });
    const [a, b] = await Promise.all(
      [`at-once${ending}`, `on${ending}`].map((file) => readFile(join(place, file))),
    );
    expect(b!.equals(a!)).toBe(true);
    const complete = { ...second, progress: second.kept.at(-1)! };
    expect(complete.progress.isComplete).toBe(true);
    await encode(join(place, `again${ending}`), [], options, complete);
    expect((await readFile(join(place, `again${ending}`))).equals(a!)).toBe(true);
  });

  it('ends with a whole segment where the frames do', async () => {
    const folder = await segmentFolder(5);
    const path = join(await mkdtemp(join(scratchFolder(), 'joined-')), 'a.mkv');
    const result = await encode(path, film(constant(10, 25)), { fps: 25 }, folder);
    expect(result).toMatchObject({ frames: 10, durationSeconds: 0.4 });
    expect(folder.kept.map(({ frames, isComplete }) => [frames, isComplete])).toEqual([
      ...[
        [5, false],
        [10, false],
      ],
      [10, true],
    ]);
  });

  it('adds sound in the pass that joins', async () => {
    const clip = await makeClip({ frames: 30, toneSeconds: 1.2, name: 'sound.mp4' });
    const path = join(await mkdtemp(join(scratchFolder(), 'joined-')), 'a.mp4');
    const options = { fps: 25, audioFrom: clip };
    await encode(path, film(constant(25, 25)), options, await segmentFolder(10));
    const { ffprobePath } = await findFfmpeg();
    const { stdout } = await say(ffprobePath, [
      ...['-v', 'error', '-show_entries', 'stream=codec_type,duration', '-of', 'csv=p=0', path],
    ]);
    const streams = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    expect(streams.map(([type]) => type)).toEqual(['video', 'audio']);
    expect(Number(streams[0]![1])).toBeCloseTo(1, 2);
    expect(Number(streams[1]![1])).toBeCloseTo(1, 1);
  });

  it('fails where a segment is missing or cut short, and says so', async () => {
    const frames = film(constant(12, 25));
    const path = join(await mkdtemp(join(scratchFolder(), 'joined-')), 'a.mp4');
    const folder = await segmentFolder(5);
    await encode(path, frames, { fps: 25 }, folder);
    const whole = folder.kept.at(-1)!;
    const short = {
      ...whole,
      segments: whole.segments.map((segment, i) =>
        i === 1 ? { ...segment, name: '00000.mp4', frames: 4 } : segment,
      ),
    };
    const again = encode(
      path,
      [],
      { fps: 25, expects, overwrite: true },
      { ...folder, progress: short },
    );
    await expect(again).rejects.toMatchObject({
      code: 'ffmpeg-failed',
      message: expect.stringContaining('it has 12 of 11 frames') as string,
    });
    expect((await decoded(path)).pictures).toHaveLength(12);
  });

  it('knows which formats it can write', () => {
    const all = ['mp4', 'mov', 'mkv', 'webm', 'mpegts', 'gif', 'png', 'y4m', 'raw', 'nut'] as const;
    expect(all.filter(isSegmentable)).toEqual(['mp4', 'mov', 'mkv', 'webm', 'mpegts']);
  });
});
