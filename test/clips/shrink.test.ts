import { expect, it } from 'vitest';
import { divisionProblem, sizeDividedBy } from '../../src/clips/options.js';
import { shrinkFrames } from '../../src/clips/shrink.js';

/** Two frames of 8×4 pixels and so many channels, every value another. */
const frames = (channels: number) => ({
  data: Uint8Array.from({ length: 2 * 8 * 4 * channels }, (_, i) => (i * 37) % 256),
  ...{ width: 8, height: 4, channels },
});

it('makes pictures smaller by the mean of their pixels, and labels by the one in the middle', () => {
  const picture = frames(3);
  const at = (frame: number, y: number, x: number, c: number): number =>
    picture.data[((frame * 4 + y) * 8 + x) * 3 + c]!;
  const half = shrinkFrames(picture, 2, 'area');
  expect(half).toHaveLength(2 * 4 * 2 * 3);
  const mean = (at(1, 2, 4, 1) + at(1, 2, 5, 1) + at(1, 3, 4, 1) + at(1, 3, 5, 1)) / 4;
  expect(half[((2 + 1) * 4 + 2) * 3 + 1]).toBe(Math.floor(mean + 0.5));

  const labels = frames(1);
  expect([...shrinkFrames(labels, 4, 'nearest')]).toEqual(
    // ffmpeg's scale=flags=neighbor takes these pixels too.
    [0, 1].flatMap((frame) => [2, 6].map((x) => labels.data[(frame * 4 + 2) * 8 + x]!)),
  );
  expect(shrinkFrames(labels, 1, 'nearest')).toBe(labels.data);
});

it('divides sizes of which a generator makes the parts', () => {
  expect(sizeDividedBy({ width: 256, height: 144 }, 4)).toEqual({ width: 64, height: 36 });
  expect(divisionProblem({ width: 128, height: 72 }, 4)).toBe(
    '128x72 cannot be divided by 4: the generator makes sides that are multiples of 4 and at least 16, as of a data.size of 128x80',
  );
  expect(() => sizeDividedBy({ width: 64, height: 24 }, 2)).toThrow('as of a data.size of 64x32');
});
