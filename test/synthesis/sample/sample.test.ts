import { decode } from 'fast-png';
import { readFile } from 'node:fs/promises';
import { lastValueFrom, take, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { randomStream } from '../../../src/base/random.js';
import { rational } from '../../../src/base/rational.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { blend, closingShare, loopFrames } from '../../../src/synthesis/sample/loop.js';
import type { SynthesisModel } from '../../../src/synthesis/models/model.js';
import { sampleFrames, type SampleOptions } from '../../../src/synthesis/sample/sample.js';
import { composeSheet, writeSheet } from '../../../src/synthesis/sample/sheet.js';
import {
  synthesizerOf,
  type Stepper,
  type Synthesizer,
} from '../../../src/synthesis/engines/synthesizer.js';
import type { Frame } from '../../../src/video/index.js';
import { expectNoLeak } from '../../tensors.js';
import { scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

let model: SynthesisModel;
const [WIDTH, HEIGHT] = [32, 24];
const BYTES = WIDTH * HEIGHT * 3;

beforeAll(async () => {
  await useBackend();
  model = await openRunModel(
    await makeRun({
      data: { condition: 'none' },
      generator: { noiseChannels: 2, conditionFrames: 1 },
    }),
  );
});

const sample = (options: Partial<SampleOptions> & { frames: number }): Promise<Frame[]> =>
  lastValueFrom(sampleFrames(model, { fps: rational(10), ...options }).pipe(toArray()));

/** Mean |Δt| of two frames, in levels of 255. */
const change = (a: Uint8Array, b: Uint8Array): number =>
  a.reduce((sum, byte, i) => sum + Math.abs(byte - b[i]!), 0) / a.length;

/** Of each frame to the next, and of the last to the first. */
function changes(frames: readonly Frame[]): { mean: number; most: number; seam: number } {
  const steps = frames.slice(1).map(({ data }, i) => change(frames[i]!.data, data));
  return {
    mean: steps.reduce((sum, step) => sum + step, 0) / steps.length,
    most: Math.max(...steps),
    seam: change(frames.at(-1)!.data, frames[0]!.data),
  };
}

/** A world that brightens and never returns: the worst there is to make a loop of. */
function drifting(perFrame: number): Synthesizer {
  let last: Uint8Array = new Uint8Array(BYTES);
  const stepper: Stepper = {
    width: WIDTH,
    height: HEIGHT,
    next: () => {
      last = last.map((byte) => Math.min(255, byte + perFrame));
      return Promise.resolve({ rgb: last, flow: null, mask: null });
    },
    start: (frames) => void (last = frames.at(-1)!),
    reset: () => void (last = new Uint8Array(BYTES)),
    reseed: () => undefined,
    snapshot: () => Promise.resolve({ seed: 1, index: 0, history: null, conditions: null }),
    restore: () => undefined,
    dispose: () => undefined,
  };
  return synthesizerOf(stepper, model.layout);
}

describe('sampleFrames', () => {
  it('makes frames of noise, the same by the same seed', async () => {
    await expectNoLeak(async () => {
      const frames = await sample({ frames: 5, seed: 7 });
      expect(frames.map(({ index, timeSeconds }) => [index, timeSeconds])).toEqual(
        [0, 1, 2, 3, 4].map((i) => [i, i / 10]),
      );
      expect(frames[0]).toMatchObject({ width: WIDTH, height: HEIGHT, pixelFormat: 'rgb24' });
      expect(await sample({ frames: 5, seed: 7 })).toEqual(frames);
      expect((await sample({ frames: 1, seed: 8 }))[0]!.data).not.toEqual(frames[0]!.data);
    });
  });

  it('begins with the picture that it is given', async () => {
    const random = randomStream(3, 'eval', 'picture');
    const firstFrame = Uint8Array.from({ length: BYTES }, () => random.integer(0, 255));
    const [first, second] = await sample({ frames: 2, firstFrame });
    expect(first!.data).toEqual(firstFrame);
    expect(second!.data).not.toEqual((await sample({ frames: 2 }))[1]!.data);
  });

  it('lets everything go when nobody wants more', async () => {
    await expectNoLeak(async () => {
      const options = { frames: 1000, fps: rational(25) };
      const some = await lastValueFrom(sampleFrames(model, options).pipe(take(2), toArray()));
      expect(some).toHaveLength(2);
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
  });

  it('refuses models that need a condition, and impossible numbers', async () => {
    const edges = await openRunModel(await makeRun());
    const fps = rational(25);
    expect(() => sampleFrames(edges, { frames: 3, fps })).toThrow(
      'this model makes each frame from a derived condition and cannot sample without',
    );
    expect(() => sampleFrames(model, { frames: 0, fps })).toThrow('0 is not a number of frames');
    expect(() => sampleFrames(model, { frames: 1, fps, loop: 'auto' })).toThrow(
      '1 frames cannot be closed to a loop over 1',
    );
    expect(() => sampleFrames(model, { frames: 10, fps, loop: 6 })).toThrow(
      expect.objectContaining({ hint: 'close it over 1 to 5 frames' }) as Error,
    );
  });
});

describe('a loop', () => {
  it('closes over a quarter of its frames, and 24 at most', () => {
    expect([2, 3, 8, 40, 96, 1000].map((frames) => loopFrames(frames))).toEqual([
      1, 1, 2, 10, 24, 24,
    ]);
    expect(loopFrames(10, 5)).toBe(5);
  });

  it('comes nearer in equal steps, whatever the distance', () => {
    const closing = 5;
    let at = Uint8Array.of(0, 240);
    const goal = Uint8Array.of(240, 0);
    const path = Array.from({ length: closing }, (_, k) => {
      at = blend(at, goal, closingShare(k, closing)) as Uint8Array<ArrayBuffer>;
      return [...at];
    });
    expect(path).toEqual([
      [40, 200],
      [80, 160],
      [120, 120],
      [160, 80],
      [200, 40],
    ]);
  });

  it('has no seam where the world drifts away', async () => {
    const frames = 48;
    const open = changes(await sample({ frames, synthesizer: drifting(4) }));
    expect([open.mean, open.seam]).toEqual([4, 4 * (frames - 1)]);
    const looped = await sample({ frames, synthesizer: drifting(4), loop: 'auto' });
    expect(looped.map(({ index }) => index)).toEqual(looped.map((_, i) => i));
    const closed = changes(looped);
    // The way back takes a quarter of the frames: about three times as fast as the drift away.
    expect(closed.seam).toBeLessThan(2.5 * closed.mean);
    expect(closed.most).toBeLessThan(20);
    expect(open.seam / closed.seam).toBeGreaterThan(10);
  });

  it('has no seam with a generator', async () => {
    await expectNoLeak(async () => {
      const random = randomStream(3, 'eval', 'picture');
      const firstFrame = Uint8Array.from({ length: BYTES }, () => random.integer(0, 255));
      const open = changes(await sample({ frames: 24, firstFrame }));
      const closed = changes(await sample({ frames: 24, firstFrame, loop: 'auto' }));
      expect(open.seam).toBeGreaterThan(2 * open.mean);
      expect(closed.seam).toBeLessThan(1.5 * closed.mean);
    });
  });
});

describe('a sheet', () => {
  const cell = (index: number): Frame => ({
    ...{ index, timeSeconds: index, width: 2, height: 1, pixelFormat: 'rgb24' },
    data: Uint8Array.from({ length: 6 }, (_, i) => 10 * index + i),
  });

  it('holds the frames row by row', async () => {
    const path = scratchPath('sheet.png');
    const frames = [0, 1, 2].map(cell);
    expect(await writeSheet(path, frames, { columns: 2, rows: 2 })).toEqual({
      width: 4,
      height: 2,
    });
    const { width, height, channels, data } = decode(await readFile(path));
    expect([width, height, channels]).toEqual([4, 2, 4]);
    expect([...data]).toEqual([
      ...[0, 1, 2, 255, 3, 4, 5, 255, 10, 11, 12, 255, 13, 14, 15, 255],
      ...[20, 21, 22, 255, 23, 24, 25, 255, 0, 0, 0, 0, 0, 0, 0, 0],
    ]);
  });

  it('refuses more frames than it has cells', () => {
    const frames = [0, 1, 2].map(cell);
    expect(() => composeSheet(frames, { columns: 2, rows: 1 })).toThrow(
      'a sheet of 2x1 cannot hold 3 frames',
    );
  });
});
