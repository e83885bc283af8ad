import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { generatorOptions } from '../../src/networks/index.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import {
  averageShare,
  rateFactor,
  rolloutFrames,
  rolloutInput,
  stepPlan,
  warmUpFrames,
} from '../../src/training/schedule.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

const step = fc.nat(5000);
const anyTraining = fc
  .record({
    steps: fc.integer({ min: 1, max: 5000 }),
    frames: fc.integer({ min: 1, max: 256 }),
    startFrames: fc.integer({ min: 1, max: 40 }),
    growEverySteps: fc.integer({ min: 1, max: 200 }),
    decayFromFraction: fc.double({ min: 0, max: 1, noNaN: true }),
    halfLifeSteps: fc.double({ min: 0, max: 1e4, noNaN: true }),
    rampUpFraction: fc.double({ min: 1e-3, max: 1, noNaN: true }),
  })
  .map(({ steps, frames, startFrames, growEverySteps, decayFromFraction, ...ema }) =>
    trainingOptions.parse({
      ...{ steps, frames, ema },
      rollout: { startFrames, growEverySteps },
      optimizer: { decayFromFraction },
    }),
  );

describe('rolloutFrames', () => {
  it('starts short, grows by one frame at a time and ends at the full length', () => {
    fc.assert(
      fc.property(anyTraining, step, (options, now) => {
        const { frames, rollout } = options;
        const length = rolloutFrames(options, now);
        expect(length).toBeLessThanOrEqual(frames);
        expect(rolloutFrames(options, 0)).toBe(Math.min(frames, rollout.startFrames));
        expect([0, 1]).toContain(rolloutFrames(options, now + 1) - length);
        const later = rolloutFrames(options, now + rollout.growEverySteps);
        expect(later).toBe(Math.min(frames, length + 1));
        expect(rolloutFrames(options, frames * rollout.growEverySteps)).toBe(frames);
      }),
    );
  });
});

describe('rateFactor', () => {
  it('is 1, then falls in a straight line to nothing, and never rises or goes below', () => {
    fc.assert(
      fc.property(anyTraining, step, (options, now) => {
        const { steps, optimizer } = options;
        const factor = rateFactor(options, now);
        const start = optimizer.decayFromFraction * steps;
        expect(factor).toBeGreaterThanOrEqual(0);
        expect(factor).toBeLessThanOrEqual(1);
        expect(rateFactor(options, now + 1)).toBeLessThanOrEqual(factor);
        expect(factor === 1 || now > start).toBe(true);
        // Every step that is taken trains at all.
        expect(factor > 0 || now >= steps).toBe(true);
      }),
    );
  });

  it('is half in the middle of the decay and nothing at the end', () => {
    const options = trainingOptions.parse({ steps: 1000, optimizer: { decayFromFraction: 0.5 } });
    expect([0, 499, 500, 750, 1000, 2000].map((at) => rateFactor(options, at))).toEqual([
      1, 1, 1, 0.5, 0, 0,
    ]);
    const constant = trainingOptions.parse({ steps: 10, optimizer: { decayFromFraction: 1 } });
    expect(rateFactor(constant, 9)).toBe(1);
  });
});

describe('averageShare', () => {
  it('is a share, large at first, settling at the half-life', () => {
    fc.assert(
      fc.property(anyTraining, step, (options, now) => {
        const share = averageShare(options, now);
        expect(share).toBeGreaterThan(0);
        expect(share).toBeLessThanOrEqual(1);
        expect(averageShare(options, now + 1)).toBeLessThanOrEqual(share);
        const { halfLifeSteps } = options.ema;
        const settled = averageShare(options, 1e9);
        expect(settled).toBeCloseTo(halfLifeSteps === 0 ? 1 : 1 - 0.5 ** (1 / halfLifeSteps), 12);
      }),
    );
  });

  it('leaves half of an old average after the half-life', () => {
    const options = trainingOptions.parse({ ema: { halfLifeSteps: 40, rampUpFraction: 1 } });
    expect((1 - averageShare(options, 10_000)) ** 40).toBeCloseTo(0.5, 10);
  });
});

describe('stepPlan', () => {
  const planAt = (now: number, every: number | null = null) =>
    stepPlan(
      {
        training: trainingOptions.parse({
          ...{ steps: 100, frames: 5 },
          rollout: { startFrames: 3, growEverySteps: 50 },
          optimizer: {
            ...{ generatorLearningRate: 4e-4, discriminatorLearningRate: 2e-4 },
            ...{ beta1: 0.5, beta2: 0.999, decayFromFraction: 0.5 },
          },
        }),
        losses: lossOptions.parse({ r1: 2, r1EverySteps: 4 }),
        judgeRaw: false,
      },
      every === null ? { kind: 'off' } : { kind: 'every', every },
      now,
    );

  it('puts the schedules together', () => {
    expect(planAt(75)).toMatchObject({
      ...{ step: 75, judgeRaw: false, beta1: 0.5, beta2: 0.999, segments: null },
      ...{ generatorLearningRate: 2e-4, discriminatorLearningRate: 1e-4 },
    });
  });

  it('cuts the rollout of the step into segments', () => {
    expect(planAt(0, 2).segments).toEqual([1, 2]);
    expect(planAt(99, 2).segments).toEqual([2, 2]);
    expect(planAt(100, 4).segments).toEqual([1, 4]);
  });

  it('takes the gradient penalty now and then, with as much weight in all', () => {
    const penalties = Array.from({ length: 8 }, (_, now) => planAt(now).r1);
    expect(penalties).toEqual([8, 0, 0, 0, 8, 0, 0, 0]);
  });
});

describe('warmUpFrames', () => {
  const options = trainingOptions.parse({ warmUp: { frames: 6, fraction: 0.25, fromStep: 50 } });

  it('is all or nothing, in the share of the steps that was asked for, by seed and step', () => {
    const draws = Array.from({ length: 2000 }, (_, now) => warmUpFrames(options, 9, 1, now));
    expect(new Set(draws)).toEqual(new Set([0, 6]));
    expect(draws.slice(0, 50).every((frames) => frames === 0)).toBe(true);
    expect(draws.filter(Boolean).length / 1950).toBeCloseTo(0.25, 1);
    expect(draws.slice(0, 200)).toEqual(
      Array.from({ length: 200 }, (_, now) => warmUpFrames(options, 9, 1, now)),
    );
  });

  it('is no longer than the clips allow', () => {
    const draws = Array.from({ length: 200 }, (_, now) => warmUpFrames(options, 2, 1, now));
    expect(Math.max(...draws)).toBe(2);
  });
});

describe('rolloutInput', () => {
  beforeAll(async () => {
    await useBackend();
  });

  const generator = generatorOptions.parse({ preset: 'tiny', noiseChannels: 2 });
  const training = (more: Record<string, unknown>) =>
    trainingOptions.parse({
      teacherForcing: { probability: 0.5, untilSteps: 100 },
      rollout: { startFrames: 5 },
      ...more,
    });
  const window = () => ({
    frames: normals<tf.Rank.R5>('frames', [1, 7, 8, 12, 3]),
    condition: null,
    leadFrames: 2,
    origin: [],
    dispose: () => undefined,
  });

  it('draws by seed and step alone, tensors of the right shape', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const options = { training: training({}), generator, seed: 3 };
        const draw = (now: number, seed = 3) => rolloutInput(window(), { ...options, seed }, now);
        const [a, b] = [draw(5), draw(5)];
        expect(a.noise!.shape).toEqual([1, 5, 2, 3, 2]);
        expect(a.lead).toBe(2);
        expect(a.teacherForced).toHaveLength(5);
        expectClose(a.noise!, b.noise!);
        expect([a.coldStart, a.teacherForced]).toEqual([b.coldStart, b.teacherForced]);
        expect(draw(6).noise!.dataSync()).not.toEqual(a.noise!.dataSync());
        expect(draw(5, 4).noise!.dataSync()).not.toEqual(a.noise!.dataSync());
      }),
    );
  });

  it('takes what a window has more than the rollout as warm-up', () => {
    tf.tidy(() => {
      const options = { training: training({ rollout: { startFrames: 3 } }), generator, seed: 3 };
      const input = rolloutInput(window(), options, 0);
      expect([input.lead, input.warmUp, input.teacherForced.length]).toEqual([2, 2, 3]);
      expect(input.noise!.shape).toEqual([1, 5, 2, 3, 2]);
    });
  });

  it('starts cold and forces as often as it should', () => {
    tf.tidy(() => {
      const options = {
        training: training({ coldStartFraction: 0.2 }),
        generator: generatorOptions.parse({}),
        seed: 1,
      };
      const shared = window();
      const draw = (now: number) => rolloutInput(shared, options, now);
      const late = Array.from({ length: 1000 }, (_, i) => draw(100 + i));
      expect(late.filter(({ coldStart }) => coldStart).length / 1000).toBeCloseTo(0.2, 1);
      expect(late.some(({ teacherForced }) => teacherForced.includes(true))).toBe(false);
      const early = Array.from({ length: 100 }, (_, now) => draw(now).teacherForced);
      // The first frame sees real history anyway; the share falls from 0.5 to 0.
      expect(early.some(([first]) => first)).toBe(false);
      const share = early.flat().filter(Boolean).length / (100 * 4);
      expect(share).toBeCloseTo(0.25, 1);
      expect(draw(0).noise).toBeNull();
    });
  });
});
