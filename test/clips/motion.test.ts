import type * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import type { Dataset, MotionEstimator, Window } from '../../src/clips/index.js';
import { makeExact, open } from './make-data.js';

const [WIDTH, HEIGHT] = [64, 48];
/** Where all of a frame moved to or came from. */
const [X, Y] = [20, 30];

let clip = '';
const opened: Dataset[] = [];
let estimates = 0;

/** Reads each pixel's place from its colour, and says that it was at one and the same; the last row is hidden. */
const towardsOne: MotionEstimator = (now, before, { width, height }) => {
  estimates += 1;
  expect(now[2]! - before[2]!, 'frames that follow each other').toBe(1);
  const flow = new Float32Array(2 * width * height);
  for (let i = 0; i < width * height; i += 1) {
    flow[2 * i] = X - now[3 * i]! / 3;
    flow[2 * i + 1] = Y - now[3 * i + 1]! / 4;
  }
  const seen = Uint8Array.from({ length: width * height }, (_, i) =>
    i < width * (height - 1) ? 1 : 0,
  );
  return { flow, seen };
};

async function dataset(data: Record<string, unknown>, motion?: MotionEstimator): Promise<Dataset> {
  const made = await open(
    { clips: [clip], size: `${WIDTH}x${HEIGHT}`, ...data },
    motion ? { motion } : {},
  );
  opened.push(made);
  return made;
}

/** Of pixels whose motion is known, the places that it leads to, in pixels of the window. */
function places({ motion }: Window): { x: number[]; y: number[]; known: number } {
  const [n, t, height, width] = motion!.shape;
  const values = motion!.dataSync();
  const [x, y]: [number[], number[]] = [[], []];
  for (let i = 0; i < n * t * height * width; i += 1) {
    if (values[3 * i + 2] === 0) {
      expect([values[3 * i], values[3 * i + 1]]).toEqual([0, 0]);
      continue;
    }
    x.push((i % width) + values[3 * i]!);
    y.push((Math.floor(i / width) % height) + values[3 * i + 1]!);
  }
  return { x, y, known: x.length / (n * t * height * width) };
}

/** Whether two tensors hold the same; comparing them by `toEqual` takes seconds. */
const same = (a: tf.Tensor, b: tf.Tensor): boolean =>
  Buffer.from(a.dataSync().buffer).equals(Buffer.from(b.dataSync().buffer));

const range = (values: number[]): [number, number] =>
  values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );

beforeAll(async () => {
  await useBackend();
  clip = await makeExact({
    ...{ width: WIDTH, height: HEIGHT, frames: 24, name: 'places.mkv' },
    colour: (frame, x, y) => [3 * x, 4 * y, frame],
  });
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (one) => one.close()));
});

describe('motion of windows', () => {
  it.each([
    ['as it is in the clip', {}, 1],
    ['mirrored', { augment: { flip: true } }, 1],
    ['cropped and mirrored', { augment: { flip: true, cropFraction: 0.5 } }, 1],
    ['of frames made smaller', { augment: { flip: true, cropFraction: 0.3 } }, 2],
    ['of patches', { patch: '32x24', augment: { flip: true, cropFraction: 0.3 } }, 1],
  ])('leads to one place, %s', async (_name, data, divideBy) => {
    const clips = await dataset(data, towardsOne);
    const before = estimates;
    for (let step = 0; step < 4; step += 1) {
      const window = await clips.trainWindow(step, {
        frames: 2,
        batch: 1,
        divideBy,
        warmUpFrames: 2,
      });
      const [origin] = window.origin;
      const { x, y, known } = places(window);
      expect(window.motion!.shape).toEqual([1, 2, ...window.frames.shape.slice(2)]);
      const { left = 0, top = 0, width = WIDTH, height = HEIGHT } = origin!.crop ?? {};
      const scale = [WIDTH / width / divideBy, HEIGHT / height / divideBy] as const;
      // A window's pixel has the motion of the one that its centre lies on, at most half a pixel of the clip away.
      const [atX, atY] = [(X + 0.5 - left) * scale[0], (Y + 0.5 - top) * scale[1]];
      const shown = origin!.flipped ? WIDTH / divideBy - atX : atX;
      const expected = [
        shown - (origin!.patch?.left ?? 0) - 0.5,
        atY - (origin!.patch?.top ?? 0) - 0.5,
      ];
      [x, y].forEach((own, axis) => {
        for (const end of range(own)) {
          expect(Math.abs(end - expected[axis]!)).toBeLessThan(0.5 * scale[axis]! + 0.02);
        }
      });
      // All but the clip's last row, or more of what is cut out.
      const isWhole = !origin!.crop && !origin!.patch;
      expect(known).toBeGreaterThan(isWhole ? 1 - 1.5 / HEIGHT : 0.8);
      expect(known).toBeLessThan(isWhole ? 1 : 1.001);
      window.dispose();
    }
    const once = estimates - before;
    for (let step = 0; step < 4; step += 1) {
      (await clips.trainWindow(step, { frames: 2, batch: 1, divideBy, warmUpFrames: 2 })).dispose();
    }
    expect(estimates - before).toBe(once);
  });

  it('is refused of windows that begin with their first frame', async () => {
    await expect(
      open({ clips: [clip] }, { motion: towardsOne, historyFrames: 0, conditionFrames: 1 }),
    ).rejects.toThrow('windows without a frame in front have no motion');
  });

  it('changes nothing of what is drawn, and is the same when it has to be found again', async () => {
    const data = { augment: { flip: true, cropFraction: 0.2, colourFraction: 0.2 } };
    const small = { ...data, cache: { memoryBytes: 1, diskBytes: 0 } };
    const sets = [
      await dataset(data),
      await dataset(data, towardsOne),
      await dataset(small, towardsOne),
    ];
    const request = { frames: 3, batch: 2 };
    for (const step of [0, 1]) {
      const [without, kept, again] = await Promise.all(
        sets.map(async (one) => one.trainWindow(step, request)),
      );
      expect(without!.motion).toBeUndefined();
      expect(kept!.origin).toEqual(without!.origin);
      expect(same(kept!.frames, without!.frames)).toBe(true);
      expect(same(kept!.motion!, again!.motion!)).toBe(true);
      for (const window of [without, kept, again]) window!.dispose();
    }
  });
});
