import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rational } from '../../src/base/rational.js';
import { countAviFrames } from '../../src/video/avi.js';
import { FrameTimes } from '../../src/video/frame-times.js';
import { gifIsCutShort } from '../../src/video/gif.js';
import { matroskaIsCutShort } from '../../src/video/matroska.js';
import { orientationFilters, orientationOf } from '../../src/video/orientation.js';
import { measuredRate } from '../../src/video/rate.js';
import { Resampler } from '../../src/video/resample.js';
import { makeClip, scratchPath } from './make-clip.js';

describe('times of frames', () => {
  it('are those that are told, from the first one on', () => {
    const times = new FrameTimes(rational(25));
    expect([3, 3.04, 3.5, 9].map((seconds) => times.next(seconds))).toEqual([0, 0.04, 0.5, 6]);
  });

  it('go on where a clock is set back or stands still', () => {
    const times = new FrameTimes(rational(25));
    const told = [5, 5.04, 5.04, 0, 0.04, 0.08];
    expect(told.map((seconds) => times.next(seconds))).toEqual([0, 0.04, 0.08, 0.12, 0.16, 0.2]);
  });

  it('only ever go up', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e5, noNaN: true })), (told) => {
        const times = new FrameTimes(rational(30));
        const heard = told.map((seconds) => times.next(seconds));
        expect(heard.every((time, i) => i === 0 || time > heard[i - 1]!)).toBe(true);
      }),
    );
  });
});

describe('another rate', () => {
  const slots = (times: readonly number[], end: number, fps: number): [number, number][] => {
    const resampler = new Resampler<number>(rational(fps));
    const out = [...times.flatMap((time, i) => resampler.push(i, time)), ...resampler.end(end)];
    return out.map(({ frame, slot }) => [slot, frame]);
  };

  it('repeats and leaves out by time', () => {
    expect(slots([0, 0.1, 0.2], 0.3, 20)).toEqual([
      ...[
        [0, 0],
        [1, 0],
        [2, 1],
      ],
      ...[
        [3, 1],
        [4, 2],
        [5, 2],
      ],
    ]);
    expect(slots([0, 0.1, 0.2, 0.3], 0.4, 5).map(([slot]) => slot)).toEqual([0, 1]);
  });

  it('shows something of the shortest source', () => {
    expect(slots([0], 0.01, 1)).toEqual([[0, 0]]);
  });

  it('fills every slot up to the end once, in order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 60 }),
        (gaps, fps) => {
          let at = 0;
          const times = gaps.map((gap, i) => (at += i === 0 ? 0 : gap) / 1000);
          const filled = slots(times, (times.at(-1) ?? 0) + 0.04, fps).map(([slot]) => slot);
          expect(filled).toEqual(filled.map((_, i) => i));
          expect(filled.length).toBeGreaterThan(0);
        },
      ),
    );
  });
});

describe('a rate from gaps', () => {
  const rateOf = (gaps: number[]): [number, boolean] => {
    const rate = measuredRate(Float64Array.from(gaps), undefined)!;
    return [Number((rate.fps.num / rate.fps.den).toFixed(3)), rate.variable];
  };

  it.each([
    ['25', Array.from({ length: 50 }, () => 0.04), 25, false],
    [
      '23.976 to a millisecond',
      Array.from(
        { length: 99 },
        (_, i) => Math.round((i + 1) * 41.708) / 1000 - Math.round(i * 41.708) / 1000,
      ),
      23.976,
      false,
    ],
    [
      '23.976 to 1/600',
      Array.from(
        { length: 600 },
        (_, i) => (Math.round((i + 1) * 25.025) - Math.round(i * 25.025)) / 600,
      ),
      23.976,
      false,
    ],
    ['30 with jitter', Array.from({ length: 90 }, (_, i) => [3, 4, 5][i % 3]! / 120), 30, true],
    ['30 with a pause', [...Array.from({ length: 30 }, () => 1 / 30), 7], 30, true],
    ['60 in bursts', [...Array.from({ length: 30 }, () => 1 / 60), 5, 1 / 60, 1 / 60], 60, true],
  ])('%s', (_, gaps, fps, variable) => {
    expect(rateOf(gaps)).toEqual([fps, variable]);
  });

  it('is not made up where nothing is told', () => {
    expect(measuredRate(new Float64Array(0), rational(25))).toBeUndefined();
  });
});

describe('orientation', () => {
  const matrix = (a: number, b: number, c: number, d: number): string =>
    [
      [a, b, 0],
      [c, d, 0],
      [0, 0, 16384],
    ]
      .map((row, i) => `0000000${i}: ${row.map((n) => String(n * 65536).padStart(12)).join('')}`)
      .join('\n');

  it.each([
    ['upright', matrix(1, 0, 0, 1), []],
    ['turned clockwise', matrix(0, 1, -1, 0), ['transpose=dir=clock']],
    ['turned about', matrix(-1, 0, 0, -1), ['hflip', 'vflip']],
    ['turned counter-clockwise', matrix(0, -1, 1, 0), ['transpose=dir=cclock']],
    ['mirrored', matrix(-1, 0, 0, 1), ['hflip']],
    ['upside down in a mirror', matrix(1, 0, 0, -1), ['hflip', 'hflip', 'vflip']],
  ])('by a matrix: %s', (_, displaymatrix, filters) => {
    const source = { side_data_list: [{ displaymatrix, rotation: 0 }] };
    expect(orientationFilters(orientationOf(source))).toEqual(filters);
  });

  it('by EXIF, by an old tag, by nothing', () => {
    expect(orientationOf({ tags: { Orientation: '6' } })).toEqual({
      mirrored: false,
      rotation: 90,
    });
    expect(orientationOf(undefined, { tags: { rotate: '270' } }).rotation).toBe(270);
    expect(orientationOf({})).toEqual({ mirrored: false, rotation: 0 });
  });
});

describe('containers read by us', () => {
  it('a GIF ends in its trailer, or was cut short', async () => {
    const whole = await makeClip({ frames: 12, name: 'a.gif', options: ['-pix_fmt', 'rgb8'] });
    expect(await gifIsCutShort(whole)).toBe(false);
    const bytes = readFileSync(whole);
    for (const share of [0.2, 0.5, 0.9]) {
      const short = scratchPath('short.gif');
      writeFileSync(short, bytes.subarray(0, Math.floor(bytes.length * share)));
      expect(await gifIsCutShort(short)).toBe(true);
    }
  });

  it('a Matroska file ends where its segment does, or was cut short', async () => {
    const whole = await makeClip({ frames: 12, name: 'a.mkv' });
    expect(await matroskaIsCutShort(whole)).toBe(false);
    const bytes = readFileSync(whole);
    const changed = scratchPath('changed.mkv');
    const check = (content: Buffer): Promise<boolean> => {
      writeFileSync(changed, content);
      return matroskaIsCutShort(changed);
    };
    for (const share of [0.2, 0.5, 0.9]) {
      expect(await check(bytes.subarray(0, Math.floor(bytes.length * share)))).toBe(true);
    }
    expect(await check(bytes.subarray(0, bytes.length - 1))).toBe(true);
    expect(await check(Buffer.concat([bytes, Buffer.alloc(9)]))).toBe(false);
    // A live recording leaves its length open; and what is no Matroska ends anywhere.
    const live = Buffer.from(bytes);
    const segment = live.indexOf(Buffer.from([0x18, 0x53, 0x80, 0x67]));
    live.fill(0xff, segment + 5, segment + 12);
    live[segment + 4] = 0x01;
    expect(await check(live.subarray(0, live.length >> 1))).toBe(false);
    for (const other of [Buffer.alloc(3), Buffer.alloc(100), bytes.subarray(0, segment + 6)]) {
      expect(await check(other)).toBe(false);
    }
  });

  it('an AVI counts its chunks, and says what it claims where it is cut', async () => {
    const whole = await makeClip({ frames: 12, name: 'a.avi' });
    const rate = { num: 25, den: 1 };
    expect(await countAviFrames(whole)).toEqual({ chunks: 12, claimed: 12, rate });
    const bytes = readFileSync(whole);
    const short = scratchPath('short.avi');
    const middle = Math.floor(bytes.length * 0.6);
    // In a chunk, in the head of one, and exactly between two.
    for (const end of [middle, bytes.indexOf('00dc', middle) + 3, bytes.indexOf('00dc', middle)]) {
      writeFileSync(short, bytes.subarray(0, end));
      expect(await countAviFrames(short)).toEqual({ chunks: null, claimed: 12, rate });
    }
  });
});
