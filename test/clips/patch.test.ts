import { expect, it } from 'vitest';
import { randomStream } from '../../src/base/random.js';
import { pixelShare, windowSize } from '../../src/clips/options.js';
import { cutPatch, drawPatch } from '../../src/clips/patch.js';

const [whole, own] = [
  { width: 64, height: 32 },
  { width: 24, height: 16 },
];

it('is drawn on the grid of the generator, within the frame, and its border not seldom', () => {
  const random = randomStream(1, 'data', 0);
  const drawn = Array.from({ length: 2000 }, () => drawPatch(random, whole, own)!);
  const lefts = new Set(drawn.map(({ left }) => left));
  expect([...lefts].toSorted((a, b) => a - b)).toEqual([0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40]);
  expect(new Set(drawn.map(({ top }) => top))).toEqual(new Set([0, 4, 8, 12, 16]));
  expect(drawn[0]).toMatchObject({ frameWidth: 64, frameHeight: 32 });
  const seen = (x: number): number =>
    drawn.filter(({ left }) => left <= x && x < left + own.width).length;
  expect(seen(0)).toBeGreaterThan(0.4 * seen(32));
  expect(seen(63)).toBeGreaterThan(0.4 * seen(32));
  expect(drawPatch(random, whole, whole)).toBeNull();
});

it('is cut out of all frames of a window', () => {
  const data = Uint8Array.from({ length: 2 * 8 * 4 * 3 }, (_, i) => i);
  const frames = { data, width: 8, height: 4, channels: 3 };
  const patch = cutPatch(frames, { left: 4, top: 1 }, { width: 4, height: 2 });
  expect(patch).toHaveLength(2 * 4 * 2 * 3);
  const at = (frame: number, y: number, x: number): number => ((frame * 4 + y) * 8 + x) * 3;
  expect([...patch.subarray(0, 12)]).toEqual([...data.subarray(at(0, 1, 4), at(0, 1, 8))]);
  expect([...patch.subarray(36)]).toEqual([...data.subarray(at(1, 2, 4), at(1, 2, 8))]);
});

it('is no larger than frames that are small at first', () => {
  const sizes = { size: { width: 256, height: 144 }, patch: { width: 128, height: 96 } };
  expect([windowSize(sizes), windowSize(sizes, 2)]).toEqual([
    { width: 128, height: 96 },
    { width: 128, height: 72 },
  ]);
  expect(pixelShare(sizes, 2)).toBe(72 / 96);
});
