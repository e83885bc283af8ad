import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { randomStream } from '../../../src/base/random.js';
import { openDataset, type Dataset } from '../../../src/clips/index.js';
import { openRunModel, type RunModel } from '../../../src/pipeline/run-model.js';
import { measureBehaviour } from '../../../src/synthesis/evaluate/behaviour.js';
import { measureInfluence } from '../../../src/synthesis/evaluate/influence.js';
import {
  measureDrift,
  settledPart,
  slope,
  slopeInterval,
  toAndFro,
} from '../../../src/synthesis/evaluate/long-rollout.js';
import { expectNoLeak } from '../../tensors.js';
import { makeClip } from '../../video/make-clip.js';
import { makeRun, type RunOptions } from '../make-run.js';

let clip: string;
beforeAll(async () => {
  await useBackend();
  clip = await makeClip({ frames: 60, width: 32, height: 24, filter: 'scroll=h=0.05:v=0.03' });
});

async function open(options: RunOptions): Promise<{ model: RunModel; dataset: Dataset }> {
  const model = await openRunModel(await makeRun(options));
  const dataset = await openDataset(
    { ...model.data, clips: [clip] },
    { seed: 1, baseFolder: '/', historyFrames: 2, conditionFrames: 3 },
  );
  return { model, dataset };
}

const rolloutOf = (dataset: Dataset) => {
  const [segment] = dataset.heldOut();
  return { segment: segment!, frames: segment!.scoredFrames };
};

describe('what decides the frames', () => {
  it('is the condition where it changes, and noise where there is any', async () => {
    const { model, dataset } = await open({ generator: { noiseChannels: 2 } });
    await expectNoLeak(async () => {
      const measured = await measureInfluence(dataset, model, rolloutOf(dataset));
      expect(measured.conditionUse).toBeGreaterThan(0.01);
      expect(measured.diversity).toBeGreaterThan(0.001);
    });
    await dataset.close();
  });

  it('is not a condition that never changes, and not noise that there is none of', async () => {
    const condition = { kind: 'derived', filtergraph: 'drawbox=color=black:t=fill' };
    const { model, dataset } = await open({ data: { condition } });
    expect(await measureInfluence(dataset, model, rolloutOf(dataset))).toEqual({
      conditionUse: 0,
      diversity: null,
    });
    await dataset.close();
  });
});

describe('a long rollout', () => {
  it('has slopes, and can be stopped', async () => {
    const { model, dataset } = await open({});
    const rollout = rolloutOf(dataset);
    let made = 0;
    await expectNoLeak(async () => {
      const onFrame = (): void => void (made += 1);
      const drift = await measureDrift(dataset, model, rollout, { frames: 20, onFrame });
      expect(drift).toEqual({
        frames: 20,
        sharpness: expect.any(Number) as number,
        checker: expect.any(Number) as number,
        colour: expect.any(Number) as number,
        ...{ psnr: null, ssim: null, intervals: null },
        // What is held out of sixty frames, but for those that it starts from.
        walked: [50, 59],
      });
      const scored = await measureDrift(dataset, model, rollout, { frames: 20, isScored: true });
      const { psnr, ssim } = scored;
      expect({ ...scored, psnr: null, ssim: null }).toEqual(drift);
      expect([typeof psnr, typeof ssim]).toEqual(['number', 'number']);
    });
    expect(made).toBe(20);
    await expect(
      measureDrift(dataset, model, rollout, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    await dataset.close();
  });

  it('is not made of a generator without memory, which cannot drift', async () => {
    const alone = { historyFrames: 0, conditionFrames: 1, flow: false };
    const { model, dataset } = await open({
      ...{ generator: alone, training: { warmUp: { frames: 0 } } },
    });
    const onFrame = (): never => {
      throw new Error('a frame of a long rollout');
    };
    const measured = await measureBehaviour(dataset, model, { frames: 100, onFrame });
    expect(measured).toEqual({
      ...{ conditionUse: expect.any(Number) as number, diversity: null, drift: null },
    });
    await dataset.close();
  });

  it('walks to and fro', () => {
    expect(Array.from({ length: 9 }, (_, t) => toAndFro(t, 4))).toEqual([
      0, 1, 2, 3, 2, 1, 0, 1, 2,
    ]);
    expect(toAndFro(5, 1)).toBe(0);
  });

  it('has no slope by how it begins, nor by what it shows, but by what goes on', () => {
    const slopeOf = (frames: number, count: number, value: (t: number) => number): number => {
      const { from, to } = settledPart(frames, count);
      return slope(Array.from({ length: frames }, (_, t) => value(t)).slice(from, to));
    };
    const fading = (t: number): number => 0.3 + 0.5 * Math.exp(-t / 6);
    for (const count of [1, 2, 17, 28, 48, 64]) {
      const shown = (t: number): number => Math.sin(toAndFro(t, count)) + toAndFro(t, count);
      expect(slopeOf(240, count, (t) => fading(t) + shown(t))).toBeCloseTo(0, 3);
      expect(slopeOf(240, count, (t) => shown(t) - 0.001 * t)).toBeCloseTo(-0.1, 9);
    }
    expect(settledPart(240, 28)).toEqual({ from: 54, to: 217 });
    expect(settledPart(60, 64)).toEqual({ from: 15, to: 60 });
  });

  it('knows how sure a slope is, by whole ways to and fro', () => {
    const random = randomStream(1, 'eval', 'slopes');
    // What is off the line is so for a while, as frames are.
    const noisy = (slopePerFrame: number): number[] => {
      let off = 0;
      return Array.from({ length: 2947 }, (_, t) => {
        off = 0.9 * off + 0.1 * random.normal();
        return slopePerFrame * t + off + Math.sin(toAndFro(t, 64) / 10);
      });
    };
    let within = 0;
    const widths: number[] = [];
    for (let i = 0; i < 200; i += 1) {
      const [low, high] = slopeInterval(noisy(-0.0002), 126)!;
      if (low <= -0.02 && -0.02 <= high) within += 1;
      widths.push(high - low);
    }
    expect(within / 200).toBeGreaterThan(0.89);
    expect(within / 200).toBeLessThan(0.99);
    // The drift of a hundred frames is seen where it is a fiftieth of what frames differ by.
    expect(Math.max(...widths) / 2).toBeLessThan(0.02);
    const line = Array.from({ length: 900 }, (_, t) => 3 - 0.001 * t);
    expect(slopeInterval(line, 126)!.map((end) => end.toFixed(6))).toEqual([
      '-0.100000',
      '-0.100000',
    ]);
    expect(slopeInterval(line.slice(0, 755), 126)).toBeNull();
    expect(
      slopeInterval(
        Array.from({ length: 900 }, () => Number.NaN),
        126,
      ),
    ).toBeNull();
    // Of one condition that never changes: no fewer frames than it settles in.
    expect(slopeInterval(line.slice(0, 288), 2)).not.toBeNull();
    expect(slopeInterval(line.slice(0, 287), 2)).toBeNull();
  });

  it('fits a line', () => {
    expect(slope([1, 1.5, 2, 2.5])).toBeCloseTo(50, 9);
    expect(slope([3, 1, 1, 3])).toBeCloseTo(0, 9);
    expect(slope([7])).toBe(0);
  });
});
