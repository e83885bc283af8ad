// Streams whose packets carry no times, or not all: cameras, drones, DVDs, elementary streams.
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../src/video/index.js';
import { echoed } from './echo.js';
import { decoded, furthest, nearest, played, shown } from './look.js';
import { caseFolder, clicks, flatVideo, series, shownOf, tone, X264 } from './make.js';

const path = caseFolder();
const COUNT = 100;
const lumas = series(COUNT, (k) => 16 + 2 * k);
const greys = lumas.map(shownOf);
const order = series(COUNT, (k) => k);

const STREAMS: readonly (readonly [name: string, options: readonly string[]])[] = [
  ['camera.h264', [...X264, '-g', '40']],
  ['camera.264', [...X264, '-g', '40', '-bf', '0', '-f', 'h264']],
  ['phone.hevc', ['-c:v', 'libx265', '-x265-params', 'crf=6:log-level=error', '-g', '40']],
  ['tape.m2v', ['-c:v', 'mpeg2video', '-q:v', '1', '-g', '15', '-bf', '2', '-f', 'mpeg2video']],
  ['disc.m1v', ['-c:v', 'mpeg1video', '-q:v', '1', '-g', '15', '-bf', '2', '-f', 'mpeg1video']],
  ['old.m4v', ['-c:v', 'mpeg4', '-q:v', '1', '-bf', '2', '-f', 'm4v']],
];
const DISCS = ['dvd.vob', 'video-cd.mpg', 'disc.mpg'];

beforeAll(async () => {
  for (const [name, options] of STREAMS) await flatVideo(path(name), { lumas, options });
  const mpeg2 = ['-c:v', 'mpeg2video', '-q:v', '1', '-g', '15', '-bf', '2'];
  const inputs = tone(COUNT / 25);
  const disc = { lumas, inputs };
  await flatVideo(path('dvd.vob'), { ...disc, options: [...mpeg2, '-c:a', 'ac3', '-f', 'dvd'] });
  await flatVideo(path('disc.mpg'), { ...disc, options: [...mpeg2, '-c:a', 'mp2', '-f', 'vob'] });
  const mpeg1 = ['-c:v', 'mpeg1video', '-q:v', '1', '-g', '15', '-bf', '2', '-c:a', 'mp2'];
  await flatVideo(path('video-cd.mpg'), { ...disc, options: [...mpeg1, '-f', 'mpeg'] });
});

describe.each([...STREAMS.map(([name]) => name), ...DISCS])('%s', (name) => {
  it('has its frames at its rate, counted and decoded', async () => {
    const info = await probe(path(name), { count: true });
    expect(info).toMatchObject({ frameCount: COUNT, fps: { num: 25, den: 1 } });
    expect(info.durationSeconds).toBeCloseTo(COUNT / 25, 1);
    const seen = await decoded(path(name));
    expect(seen.error).toBe('');
    expect(nearest(seen.greys, greys)).toEqual(order);
    expect(
      furthest(
        seen.times,
        order.map((k) => k / 25),
      ),
    ).toBeLessThan(0.002);
    const counted = await decoded(path(name), { info });
    expect([counted.error, nearest(counted.greys, greys)]).toEqual(['', order]);
  });
});

describe('generating', () => {
  it.each(['camera.h264', 'disc.m1v', 'dvd.vob'])('from %s keeps its length', async (name) => {
    const output = path(`${name}.mp4`);
    const { result, seen, error } = await echoed({ input: path(name), output });
    expect(error).toBe('');
    expect(nearest(seen, greys)).toEqual(order);
    expect(result).toMatchObject({ frames: COUNT });
    expect(result!.durationSeconds).toBeCloseTo(COUNT / 25, 2);
    const made = await shown(output);
    expect(nearest(made.greys, greys)).toEqual(order);
    const times = made.times.map((time) => time - made.times[0]!);
    expect(
      furthest(
        times,
        order.map((k) => k / 25),
      ),
    ).toBeLessThan(0.002);
  });

  it('from a pipe of one keeps its rate', async () => {
    const output = path('pipe.mkv');
    const input = createReadStream(path('camera.h264'));
    const { result, seen, error } = await echoed({ input, output });
    expect(error).toBe('');
    expect(nearest(seen, greys)).toEqual(order);
    expect(result!.durationSeconds).toBeCloseTo(COUNT / 25, 2);
  });

  it('keeps the sound of a disc in step', async () => {
    const input = path('clicks.vob');
    const options = ['-c:v', 'mpeg2video', '-q:v', '2', '-g', '15', '-bf', '2', '-c:a', 'ac3'];
    const flash = series(COUNT, (k) => (k > 0 && k % 25 === 0 ? 235 : 16));
    const source = { lumas: flash, inputs: clicks(COUNT / 25) };
    await flatVideo(input, { ...source, options: [...options, '-f', 'dvd'] });
    const output = path('clicks.mkv');
    const { error } = await echoed({ input, output, audio: true });
    expect(error).toBe('');
    const { clicks: heard, flashes: seen } = await played(output);
    expect(seen).toHaveLength(3);
    expect(furthest(heard, seen)).toBeLessThan(0.04);
  });

  it('from a stream cut in the middle of a frame says what it has', async () => {
    const cut = path('cut.h264');
    const whole = await readFile(path('camera.264'));
    await writeFile(cut, whole.subarray(0, Math.floor(whole.length * 0.6)));
    const { seen, warnings, error } = await echoed({ input: cut, output: path('cut.mkv') });
    expect(seen.length).toBeGreaterThan(30);
    expect(nearest(seen, greys).slice(0, 30)).toEqual(order.slice(0, 30));
    // The last picture may be whole as it happens; what is lost is told, by its file's name.
    const told = `${error}${warnings}`;
    expect(told === '' || told.includes('cut.h264')).toBe(true);
  });
});

describe('a file whose frames are all at one time', () => {
  it.each(['once.mkv', 'once.mp4', 'once.nut'])(
    '%s is taken at a usual rate, and it is said',
    async (name) => {
      const input = path(name);
      const options = name === 'once.nut' ? ['-c:v', 'ffv1'] : [...X264, '-bf', '0'];
      await flatVideo(input, { lumas, times: { ticks: 12_800, of: '0' }, options });
      const output = path(`${name}.made.mkv`);
      const { result, seen, warnings, error } = await echoed({ input, output });
      expect([error, nearest(seen, greys)]).toEqual(['', order]);
      expect(warnings).toContain('all of its frames are at the same time');
      expect(warnings).toContain('25 a second');
      expect(result!.durationSeconds).toBeCloseTo(COUNT / 25, 2);
      const { times } = await shown(output);
      expect(
        furthest(
          times,
          series(COUNT, (k) => k / 25),
        ),
      ).toBeLessThan(0.002);
    },
  );
});
