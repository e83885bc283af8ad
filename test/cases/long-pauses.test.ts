// Time-lapses and cameras that record only when something moves: hours between two frames.
import { readFile } from 'node:fs/promises';
import { from, lastValueFrom } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { FrameloomError } from '../../src/base/error.js';
import { encodeFrames, type EncodeOptions, type Frame } from '../../src/video/index.js';
import { echoed } from './echo.js';
import { fromFirst, furthest, keepingLog, nearest, shown } from './look.js';
import { caseFolder, flatVideo, HEIGHT, series, shownOf, WIDTH } from './make.js';

const path = caseFolder();
const COUNT = 8;
const order = series(COUNT, (k) => k);
const lumas = order.map((k) => 30 + 25 * k);
const greys = lumas.map(shownOf);
/** Three frames, two hours, three frames, an hour, two frames. */
const timeOf = (k: number): number => k * 0.04 + (k < 3 ? 0 : 7200) + (k < 6 ? 0 : 3600);
const times = order.map(timeOf);

beforeAll(async () => {
  const of = '40*N+7200000*gte(N,3)+3600000*gte(N,6)';
  await flatVideo(path('webcam.mkv'), {
    ...{ lumas, times: { ticks: 1000, of } },
    options: ['-c:v', 'ffv1'],
  });
});

/** Delays of a GIF's pictures, hundredths of a second. */
async function delaysOf(file: string): Promise<number[]> {
  const bytes = await readFile(file);
  const delays: number[] = [];
  // A graphic control extension: four bytes, of which the second and third are the delay.
  for (let at = bytes.indexOf('21f904', 0, 'hex'); at >= 0;) {
    delays.push(bytes.readUInt16LE(at + 4));
    at = bytes.indexOf('21f904', at + 1, 'hex');
  }
  return delays;
}

describe('pauses of hours', () => {
  it.each([
    ['made.mp4', {}],
    ['made.mov', {}],
    ['made.webm', {}],
    ['segments.mp4', { segmentFrames: 3 }],
    ['segments.mov', { segmentFrames: 4 }],
    ['segments.ts', { segmentFrames: 3 }],
  ] as const)('are kept in %s', async (name, options) => {
    const output = path(name);
    const { result, error } = await echoed({ input: path('webcam.mkv'), output, ...options });
    expect(error).toBe('');
    expect(result).toMatchObject({ frames: COUNT });
    const made = await shown(output);
    expect(nearest(made.greys, greys)).toEqual(order);
    expect(furthest(fromFirst(made.times), times)).toBeLessThan(0.002);
  });

  it('are kept in a GIF, whose delays are short, by showing a picture again', async () => {
    const output = path('made.gif');
    const { result, error } = await echoed({ input: path('webcam.mkv'), output });
    expect(error).toBe('');
    expect(result).toMatchObject({ frames: COUNT, framesWritten: COUNT + 10 + 5 });
    const made = await shown(output);
    const numbers = nearest(made.greys, greys);
    expect([...new Set(numbers)]).toEqual(order);
    const firsts = order.map((k) => made.times[numbers.indexOf(k)]!);
    expect(furthest(fromFirst(firsts), times)).toBeLessThan(0.011);
    const delays = await delaysOf(output);
    expect(delays.reduce((sum, delay) => sum + delay, 0) / 100).toBeCloseTo(times[7]! + 0.04, 1);
  });
});

/** Encodes grey frames of these times, of which nothing is known beforehand but the options. */
async function write(
  name: string,
  at: readonly number[],
  options: Partial<EncodeOptions> = {},
): Promise<{ error: string; warnings: string; asked: number; seconds: number }> {
  const { log, warnings } = keepingLog();
  let asked = 0;
  const frames = function* (): Generator<Frame> {
    for (const [index, timeSeconds] of at.entries()) {
      asked += 1;
      const data = new Uint8Array(WIDTH * HEIGHT * 3).fill(shownOf(lumas[index % COUNT]!));
      const shape = { width: WIDTH, height: HEIGHT, pixelFormat: 'rgb24' as const };
      yield { index, timeSeconds, ...shape, data };
    }
  };
  const all = { fps: 25, log, overwrite: true, ...options };
  try {
    const result = await lastValueFrom(from(frames()).pipe(encodeFrames(path(name), all)));
    return { error: '', warnings: warnings(), asked, seconds: result.durationSeconds };
  } catch (thrown) {
    if (!(thrown instanceof FrameloomError)) throw thrown;
    return { error: thrown.toLine(), warnings: warnings(), asked, seconds: 0 };
  }
}

describe('a pause that a container cannot hold', () => {
  const day = 86_400;

  it('is an error before the first frame where it is known, else at its frame', async () => {
    const known = await write('known.ts', [0, 0.04, day], { longestPauseSeconds: day });
    expect(known).toMatchObject({ asked: 0 });
    expect(known.error).toContain('shown for 86400 s, longer than mpegts can hold');
    const found = await write('found.mp4', [0, 0.04, day]);
    expect(found.error).toContain('the frame before frame 2 is shown for 86400 s');
    await expect(readFile(path('found.mp4'))).rejects.toThrow('ENOENT');
  });

  it('is none where it is known and mp4 counts by coarser ticks', async () => {
    const at = [0, 0.04, 20 * day, 20 * day + 0.04];
    const ahead = { longestPauseSeconds: 20 * day };
    expect((await write('coarse.mp4', at, ahead)).error).toBe('');
    expect(furthest(fromFirst((await shown(path('coarse.mp4'))).times), at)).toBeLessThan(0.003);
  });
});
