// Transport streams joined byte for byte, as cameras, receivers and downloaders do: each part starts
// its clock anew.
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../src/video/index.js';
import { echoed } from './echo.js';
import { decoded, fromFirst, furthest, nearest, played, shown } from './look.js';
import { caseFolder, clicks, flatVideo, series, shownOf, tone, X264 } from './make.js';

const path = caseFolder();
const PART = 50;

/** One part of a recording, from frame `from` on. */
async function part(name: string, from: number, options: readonly string[] = []): Promise<Buffer> {
  const lumas = series(PART, (k) => 16 + (from + k));
  const codec = [...X264, '-g', '25', '-c:a', 'aac', ...options, '-f', 'mpegts'];
  await flatVideo(path(name), { lumas, inputs: tone(2), options: codec });
  return readFile(path(name));
}

const join = (name: string, parts: readonly Buffer[]): Promise<void> =>
  writeFile(path(name), Buffer.concat(parts));

beforeAll(async () => {
  const flag = ['-mpegts_flags', 'initial_discontinuity'];
  const hour = ['-output_ts_offset', '3600'];
  const later = ['-output_ts_offset', '10'];
  const [first, second, third] = [
    await part('first.ts', 0),
    await part('second.ts', PART),
    await part('third.ts', 2 * PART),
  ];
  await join('joined.ts', [first, second]);
  await join('three.ts', [first, second, third]);
  await join('marked.ts', [first, await part('marked-second.ts', PART, flag)]);
  await join('hour-later.ts', [first, await part('hour.ts', PART, hour)]);
  await join('clock-back.ts', [
    await part('later.ts', 0, later),
    second,
    await part('much-later.ts', 2 * PART, hour),
  ]);
});

describe.each([
  ['joined.ts', 2],
  ['marked.ts', 2],
  ['hour-later.ts', 2],
  ['three.ts', 3],
  ['clock-back.ts', 3],
])('%s', (name, parts) => {
  const count = parts * PART;
  const order = series(count, (k) => k);
  const greys = order.map((k) => shownOf(16 + k));
  const even = order.map((k) => k / 25);

  it('has its frames at their rate', async () => {
    const info = await probe(path(name), { count: true });
    expect(info).toMatchObject({ frameCount: count, fps: { num: 25, den: 1 } });
    expect(info.durationSeconds).toBeCloseTo(count / 25, 1);
    const seen = await decoded(path(name), { info });
    expect(seen.error).toBe('');
    expect(nearest(seen.greys, greys)).toEqual(order);
    expect(furthest(seen.times, even)).toBeLessThan(0.021);
    const late = await decoded(path(name), { startFrame: PART - 2, frames: 5, info });
    expect(nearest(late.greys, greys)).toEqual([48, 49, 50, 51, 52]);
  });

  it('is generated from frame for frame', async () => {
    const output = path(`${name}.mp4`);
    const { result, seen, error } = await echoed({ input: path(name), output });
    expect(error).toBe('');
    expect(nearest(seen, greys)).toEqual(order);
    expect(result).toMatchObject({ frames: count });
    const made = await shown(output);
    expect(made.count).toBe(count);
    expect(furthest(fromFirst(made.times), even)).toBeLessThan(0.021);
  });

  it('is generated from by a pipe', async () => {
    const output = path(`${name}.mkv`);
    const { seen, error } = await echoed({ input: createReadStream(path(name)), output });
    expect(error).toBe('');
    expect(nearest(seen, greys)).toEqual(order);
    expect(furthest(fromFirst((await shown(output)).times), even)).toBeLessThan(0.021);
  });
});

describe('the sound of parts, some shorter and some longer than their pictures', () => {
  // Three seconds of pictures that flash at each whole one, as the sound clicks.
  const lumas = series(75, (k) => (k > 0 && k % 25 === 0 ? 235 : 16));
  const mpeg2 = ['-c:v', 'mpeg2video', '-q:v', '2', '-g', '15', '-bf', '2', '-c:a', 'ac3'];
  const h264 = [...X264, '-g', '25', '-c:a', 'aac'];

  it.each([
    ['parts.ts', [...h264, '-f', 'mpegts'], [2.33, 3.4, 2.6]],
    ['parts.vob', [...mpeg2, '-f', 'dvd'], [2.33, 3]],
  ] as const)('is in step in %s', async (name, options, sounds) => {
    const parts: Buffer[] = [];
    for (const [k, seconds] of sounds.entries()) {
      const one = path(`${k}-${name}`);
      await flatVideo(one, { lumas, inputs: clicks(seconds), options });
      parts.push(await readFile(one));
    }
    await join(name, parts);
    const output = path(`${name}.sound.mkv`);
    const { error, warnings } = await echoed({ input: path(name), output, audio: true });
    expect([error, warnings]).toEqual(['', '']);
    const { clicks: heard, flashes: seen } = await played(output);
    expect(seen).toHaveLength(2 * sounds.length);
    // A sound that goes on longer than its pictures may click once more, where the next ones begin.
    const beside = seen.map((at) => Math.min(...heard.map((click) => Math.abs(click - at))));
    expect(Math.max(...beside)).toBeLessThan(0.045);
  });
});
