import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { openDataset, type Dataset } from '../../src/clips/index.js';
import { dataOptions } from '../../src/clips/options.js';
import { registerKernels } from '../../src/kernels/index.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import {
  measureOverfitting,
  overfittingOf,
  sampleScored,
  scoreFrames,
  spread,
  type JudgedFrame,
} from '../../src/training/overfitting.js';
import { expectNoLeak } from '../tensors.js';
import { makeClip } from '../video/make-clip.js';
import { smallModel } from './support.js';

describe('the ratio', () => {
  const around = (middle: number, off = 0.01): number[] =>
    [-1, 1, -1, 1].map((s) => middle + s * off);
  const of = (trained: number, heldOut: number, generated: number, off?: number): number | null =>
    overfittingOf({
      trained: around(trained, off),
      heldOut: around(heldOut, off),
      generated: around(generated, off),
    });

  it('is 0 where held-out frames are as real as trained ones, 1 where they pass for generated', () => {
    expect(of(0.8, 0.8, 0.2)).toBeCloseTo(0, 9);
    expect(of(0.8, 0.2, 0.2)).toBeCloseTo(1, 9);
    expect(of(0.8, 0.5, 0.2)).toBeCloseTo(0.5, 9);
  });

  it('does not depend on where the scores have their zero, or on their unit', () => {
    expect(of(-7.2 + 3.1, -7.2 + 1.6, -7.2 + 0.1)).toBeCloseTo(0.5, 9);
    expect(of(800, 500, 200, 10)).toBeCloseTo(0.5, 9);
  });

  it.each([
    ['the discriminators cannot tell trained from generated', of(0.5, 0.4, 0.5)],
    ['they can no better than frames differ', of(0.51, 0.4, 0.5, 0.05)],
    ['they believe generated frames more', of(0.2, 0.4, 0.8)],
    ['the scores are no numbers', of(Number.NaN, 0.4, 0.5)],
    [
      'there are few frames',
      overfittingOf({ trained: [1, 1], heldOut: [1, 1], generated: [0, 0] }),
    ],
    ['there are none', overfittingOf({ trained: [], heldOut: [], generated: [] })],
  ])('says nothing where %s', (_where, ratio) => {
    expect(ratio).toBeNull();
  });
});

describe('frames that are judged', () => {
  it('are spread evenly, each once', () => {
    expect(spread(10, 4)).toEqual([1, 3, 6, 8]);
    expect(spread(3, 16)).toEqual([0, 1, 2]);
    expect(spread(0, 16)).toEqual([]);
  });

  it('are copies: whoever makes the next one may use the same memory', async () => {
    const sample = sampleScored(40);
    const bytes = new Uint8Array(3);
    for (let t = 0; t < 40; t += 1) {
      bytes.fill(t);
      await sample.add({ condition: null, generated: bytes, real: bytes });
    }
    expect(sample.frames.map(({ real }) => real[0])).toEqual(spread(40, 16));
    expect(sample.frames[0]!.condition).toBeNull();
  });
});

describe('discriminators', () => {
  let dataset: Dataset;
  beforeAll(async () => {
    await useBackend();
    registerKernels();
    const clip = await makeClip({ frames: 40, width: 24, height: 16, filter: 'scroll=h=0.05' });
    dataset = await openDataset(
      dataOptions.parse({ clips: [clip], size: '24x16', condition: 'edges' }),
      {
        ...{ seed: 1, baseFolder: '/', historyFrames: 1, conditionFrames: 1 },
      },
    );
    return () => dataset.close();
  });

  it('have scored as a step would, whatever the batch, and are left as they are', async () => {
    const model = smallModel({}, dataset.conditionChannels);
    const state = initialState(model, 1);
    const range = await dataset.readFrames(0, 0, 6);
    const size = 24 * 16;
    const frames: JudgedFrame[] = Array.from({ length: 6 }, (_, i) => ({
      frame: range.frames.subarray(i * size * 3, (i + 1) * size * 3),
      condition: range.condition!.subarray(i * size, (i + 1) * size),
    }));
    const before = state.discriminators.dataSync().slice();
    const all = await scoreFrames(model, state, dataset, frames);
    await expectNoLeak(async () => {
      const one = await scoreFrames(model, state, dataset, frames.slice(5));
      expect(one[0]).toBeCloseTo(all[5]!, 5);
      const other = { ...frames[5]!, condition: new Uint8Array(size) };
      expect((await scoreFrames(model, state, dataset, [other]))[0]).not.toBeCloseTo(one[0]!, 5);
      const aborted = scoreFrames(model, state, dataset, frames, AbortSignal.abort());
      await expect(aborted).rejects.toMatchObject({ code: 'cancelled' });
    });
    expect(new Set(all).size).toBe(6);
    expect(state.discriminators.dataSync()).toEqual(before);
    disposeState(state);
  });

  it('are measured on as many frames of each kind, the same each time', async () => {
    const model = smallModel({}, dataset.conditionChannels);
    const state = initialState(model, 1);
    const sample = sampleScored(20);
    const range = await dataset.readFrames(0, 20, 20);
    const size = 24 * 16;
    for (let i = 0; i < 20; i += 1) {
      await sample.add({
        condition: range.condition!.subarray(i * size, (i + 1) * size),
        real: range.frames.subarray(i * size * 3, (i + 1) * size * 3),
        generated: new Uint8Array(size * 3).map((_, at) => (37 * at * (i + 1)) % 256),
      });
    }
    const measure = (losses: object = {}, signal?: AbortSignal): Promise<number | null> =>
      measureOverfitting(
        ...([model, state, dataset, lossOptions.parse(losses), sample.frames, signal] as const),
      );
    const first = await measure();
    await expectNoLeak(async () => {
      expect(await measure()).toBe(first);
      // Nobody trains a discriminator of frames then.
      expect(await measure({ frameAdversarial: 0, featureMatching: 0 })).toBeNull();
      await expect(measure({}, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    });
    disposeState(state);
  });
});
