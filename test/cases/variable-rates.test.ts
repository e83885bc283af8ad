// Files whose frames do not come at a steady pace: browsers, phones, screen recorders, GIFs.
import { readFile, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { findFfmpeg, probe, type VideoInfo } from '../../src/video/index.js';
import { changeGifDelays, withoutDefaultDuration } from './bytes.js';
import { echoed } from './echo.js';
import { decoded, fromFirst, furthest, nearest, shown } from './look.js';
import {
  caseFolder,
  ffmpeg,
  ffmpegOf,
  ffprobe,
  flatPictures,
  flatVideo,
  HEIGHT,
  series,
  shownOf,
  WIDTH,
  X264,
} from './make.js';

const path = caseFolder();

interface Case {
  readonly name: string;
  readonly count: number;
  /** When frame k is shown, seconds after the first. */
  readonly times: number[];
  readonly lumas: number[];
  /** The grain of the container's clock, seconds. */
  readonly grain: number;
}

const lumasOf = (count: number): number[] =>
  series(count, (k) => 16 + Math.floor((219 * k) / count));
const cases = new Map<string, Case>();

/** The frame numbers of N in ffmpeg's expressions, evaluated here too. */
async function make(
  name: string,
  video: {
    count: number;
    ticks: number;
    of: string;
    at: (k: number) => number;
    options: readonly string[];
    grain?: number;
  },
): Promise<void> {
  const { count, ticks, of, at, options, grain = 0.001 } = video;
  const lumas = lumasOf(count);
  await flatVideo(path(name), { lumas, times: { ticks, of }, options });
  const times = fromFirst(series(count, (k) => Math.floor(at(k)) / ticks));
  cases.set(name, { name, count, times, lumas, grain });
}

async function also(
  name: string,
  of: string,
  options: readonly string[],
  grain = 0.001,
): Promise<void> {
  await ffmpeg('-i', path(of), '-c', 'copy', ...options, path(name));
  cases.set(name, { ...cases.get(of)!, name, grain });
}

const mp4 = [...X264, '-bf', '0', '-video_track_timescale', '600'];
const bool = (truth: boolean): number => (truth ? 1 : 0);

beforeAll(async () => {
  // Milliseconds that jitter, two frames 1 ms apart.
  await make('recorded.webm', {
    ...{ count: 60, ticks: 1000, of: 'if(lt(N,2),N,33.4*N+mod(N*7919,13)-6)' },
    at: (k) => (k < 2 ? k : 33.4 * k + ((k * 7919) % 13) - 6),
    options: ['-c:v', 'libvpx', '-auto-alt-ref', '0', '-b:v', '2M', '-crf', '4'],
  });
  await also('recorded.mkv', 'recorded.webm', ['-f', 'matroska']);
  const bytes = withoutDefaultDuration(await readFile(path('recorded.webm')));
  await writeFile(path('recorded.webm'), bytes);
  // A phone: a grid of 1/120 with jitter, one of 1/600, two frames missing.
  const grid = (k: number): number => 20 * k + 5 * (bool(k % 11 === 3) - bool(k % 7 === 5));
  await make('jitter120.mp4', {
    ...{ count: 90, ticks: 600, of: '20*N+5*(eq(mod(N,11),3)-eq(mod(N,7),5))', at: grid },
    options: mp4,
  });
  await make('jitter600.mp4', {
    ...{ count: 90, ticks: 600, of: '20*N+mod(N*7919,3)', at: (k) => 20 * k + ((k * 7919) % 3) },
    options: mp4,
  });
  await make('missing.mp4', {
    ...{ count: 88, ticks: 600, of: '20*(N+gte(N,30)+gte(N,60))' },
    at: (k) => 20 * (k + bool(k >= 30) + bool(k >= 60)),
    options: mp4,
  });
  await also('jitter120.mov', 'jitter120.mp4', []);
  // A desktop: two bursts at 60/s with seconds of nothing between.
  await make('bursts.mp4', {
    ...{ count: 60, ticks: 600, of: 'if(lt(N,30),10*N,3600+10*(N-30))' },
    at: (k) => (k < 30 ? 10 * k : 3600 + 10 * (k - 30)),
    options: mp4,
  });
  await also('bursts.mkv', 'bursts.mp4', []);
  await also('bursts.ts', 'bursts.mp4', ['-muxdelay', '0'], 0.0005);
  await make('live.flv', {
    ...{ count: 50, ticks: 1000, of: '40*N+17*mod(N,3)', at: (k) => 40 * k + 17 * (k % 3) },
    options: ['-c:v', 'flv', '-q:v', '1'],
  });
  await make('slower.nut', {
    ...{ count: 40, ticks: 1000, of: '20*N+N*N', at: (k) => 20 * k + k * k },
    options: ['-c:v', 'rawvideo'],
  });
  const gifLumas = series(10, (k) => 20 + 20 * k);
  await ffmpegOf(
    flatPictures(gifLumas),
    ...['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-framerate', '10'],
    ...['-i', 'pipe:0', '-pix_fmt', 'rgb8', path('plain.gif')],
  );
});

/** Asked once of each. */
const infos = new Map<string, Promise<VideoInfo>>();
const infoOf = (name: string): Promise<VideoInfo> => {
  const info = infos.get(name) ?? probe(path(name), { count: true });
  infos.set(name, info);
  return info;
};

describe.each([
  ...['recorded.webm', 'recorded.mkv', 'jitter120.mp4', 'jitter600.mp4', 'missing.mp4'],
  ...['jitter120.mov', 'bursts.mp4', 'bursts.mkv', 'bursts.ts', 'live.flv', 'slower.nut'],
])('%s', (name) => {
  it('gives each frame once, at its time', async () => {
    const { count, times, lumas, grain } = cases.get(name)!;
    const info = await infoOf(name);
    const seen = await decoded(path(name), { info });
    expect(seen.error).toBe('');
    expect(nearest(seen.greys, lumas.map(shownOf))).toEqual(series(count, (k) => k));
    expect(seen.times[0]).toBe(0);
    expect(furthest(seen.times, times)).toBeLessThanOrEqual(grain + 1e-5);
    expect(info.frameCount).toBe(count);
    // Its length is that of its frames: no claimed rate makes it longer.
    expect(Math.abs(info.durationSeconds! - times.at(-1)!)).toBeLessThan(1.1);
  });

  it('is resampled only where a rate is asked for', async () => {
    const { times, lumas } = cases.get(name)!;
    const seen = await decoded(path(name), { fps: 10, info: await infoOf(name) });
    expect(seen.error).toBe('');
    const known = lumas.map(shownOf);
    // At each tenth of a second the frame that is shown then, give or take half a tenth.
    nearest(seen.greys, known).forEach((number, i) => {
      const from = times[number]! - 0.051;
      const until = (times[number + 1] ?? Infinity) + 0.051;
      expect(i / 10).toBeGreaterThanOrEqual(from);
      expect(i / 10).toBeLessThanOrEqual(until);
    });
    const last = times.at(-1)!;
    expect(Math.abs(seen.greys.length / 10 - last)).toBeLessThan(0.31);
  });
});

describe('generating keeps each frame and its time', () => {
  it.each(
    [
      ['recorded.webm', 'mkv'],
      ['jitter120.mp4', 'mp4'],
      ['missing.mp4', 'mov'],
      ['bursts.mp4', 'mp4'],
      ['bursts.mkv', 'webm'],
      ['bursts.mp4', 'ts'],
      ['live.flv', 'nut'],
    ].map(([name, extension]) => [name!, extension!] as const),
  )('%s as %s', async (name, extension) => {
    const { count, times, lumas } = cases.get(name)!;
    const output = path(`${name}.made.${extension}`);
    const { result, seen, error } = await echoed({ input: path(name), output });
    expect(error).toBe('');
    const known = lumas.map(shownOf);
    expect(nearest(seen, known)).toEqual(series(count, (k) => k));
    expect(result).toMatchObject({ frames: count });
    const made = await shown(output);
    expect(made.count).toBe(count);
    // H.264 and VP9 are not exact, but order is.
    expect(
      furthest(
        nearest(made.greys, known),
        series(count, (k) => k),
      ),
    ).toBeLessThanOrEqual(2);
    expect(furthest(fromFirst(made.times), times)).toBeLessThanOrEqual(0.0085);
  });

  it.each(['y4m', 'raw'])('in %s by repeating what was made', async (extension) => {
    const { count, times, lumas } = cases.get('bursts.mp4')!;
    const output = path(`repeated.${extension}`);
    const { seen, error } = await echoed({ input: path('bursts.mp4'), output });
    expect(error).toBe('');
    expect(seen).toHaveLength(count);
    const known = lumas.map(shownOf);
    const bytes = await readFile(output);
    const raw = extension === 'raw';
    const greys = raw
      ? series(bytes.length / (WIDTH * HEIGHT * 3), (k) => bytes[k * WIDTH * HEIGHT * 3]!)
      : (await shown(output)).greys;
    const numbers = nearest(greys, known);
    expect([...new Set(numbers)]).toEqual(series(count, (k) => k));
    // At 60 a second, the rate of the bursts.
    expect(Math.abs(greys.length - times.at(-1)! * 60)).toBeLessThan(3);
  });

  it('from a pipe', async () => {
    const { count, times, lumas } = cases.get('recorded.webm')!;
    const output = path('piped.mkv');
    const { seen, error } = await echoed({
      input: createReadStream(path('recorded.webm')),
      output,
    });
    expect(error).toBe('');
    expect(nearest(seen, lumas.map(shownOf))).toEqual(series(count, (k) => k));
    expect(furthest(fromFirst((await shown(output)).times), times)).toBeLessThanOrEqual(0.0085);
  });
});

describe('a GIF', () => {
  const greys = series(10, (k) => shownOf(20 + 20 * k));
  const delays = [10, 50, 10, 200, 10, 50, 10, 10, 100, 50];
  const order = series(10, (k) => k);

  const write = async (name: string, delay: (k: number) => number): Promise<string> => {
    await writeFile(path(name), changeGifDelays(await readFile(path('plain.gif')), delay));
    return path(name);
  };
  const sums = (list: readonly number[]): number[] =>
    list.map((_, i) => list.slice(0, i).reduce((sum, delay) => sum + delay, 0) / 100);

  it('of delays of 0.1 to 2 s gives all ten, and keeps them', async () => {
    const gif = await write('delays.gif', (k) => delays[k]!);
    const seen = await decoded(gif);
    expect(seen.error).toBe('');
    expect(nearest(seen.greys, greys)).toEqual(order);
    expect(furthest(seen.times, sums(delays))).toBeLessThan(0.006);
    expect((await probe(gif, { count: true })).frameCount).toBe(10);
    for (const extension of ['mkv', 'mp4', 'mov', 'gif']) {
      const output = path(`delays.made.${extension}`);
      const { result, error } = await echoed({ input: gif, output });
      expect(error).toBe('');
      expect(result!.frames).toBe(10);
      const made = await shown(output);
      expect(nearest(made.greys, greys)).toEqual(order);
      expect(furthest(fromFirst(made.times), sums(delays))).toBeLessThan(0.011);
      // The last one is shown for half a second, not for a frame of the usual rate.
      const told = await ffprobe('-show_entries', 'format=duration', '-of', 'csv=p=0', output);
      const { fpsMode } = await findFfmpeg();
      // An old ffmpeg shows it for one frame of the usual rate, and that is said.
      const most = fpsMode || extension === 'gif' ? 0.05 : 0.6;
      expect(Math.abs(Number(told) - 5)).toBeLessThan(most);
    }
    expect((await probe(path('delays.made.mkv'), { count: true })).durationSeconds).toBeCloseTo(
      (await findFfmpeg()).fpsMode ? 5 : 4.6,
      1,
    );
  });

  it('of no delays, or some of none, gives all ten in order', async () => {
    for (const delay of [() => 0, (k: number) => (k % 3 === 0 ? 0 : 20)]) {
      const gif = await write('zero.gif', delay);
      const seen = await decoded(gif);
      expect(seen.error).toBe('');
      expect(nearest(seen.greys, greys)).toEqual(order);
      const output = path('zero.mp4');
      const { seen: conditions, error } = await echoed({ input: gif, output, overwrite: true });
      expect([error, conditions.length]).toEqual(['', 10]);
      const made = await shown(output);
      expect(nearest(made.greys, greys)).toEqual(order);
      made.times.slice(1).forEach((time, i) => expect(time).toBeGreaterThan(made.times[i]!));
    }
  });
});
