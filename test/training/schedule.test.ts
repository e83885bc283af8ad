import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { windowPixels } from '../../src/clips/index.js';
import { generatorOptions } from '../../src/networks/index.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import { countSteps, paceOf } from '../../src/training/pace.js';
import {
  averageShare,
  divideByAt,
  dueAfter,
  planStep,
  rateFactor,
  rolloutFrames,
  warmUpFrames,
} from '../../src/training/schedule.js';
import { knownSteps, stepsOf } from '../../src/training/step-counts.js';
import { rolloutInput } from '../../src/training/step-input.js';
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

it('divides sizes until a share of the steps, and what has grown stays so', () => {
  const training = trainingOptions.parse({ growing: { divideBy: 4, untilSteps: '50%' } });
  const at = (now: number, counts = knownSteps(100)) => divideByAt(training, now, counts);
  expect([at(0), at(49), at(50), at(99)]).toEqual([4, 4, 1, 1]);
  // All steps are not known yet, then fewer, then more.
  const counts = [
    { steps: 80, fromStep: 30 },
    { steps: 200, fromStep: 45 },
  ];
  expect([20, 39, 44, 46, 99].map((now) => at(now, counts))).toEqual([4, 4, 1, 1, 1]);
  expect(divideByAt(trainingOptions.parse({}), 0, [])).toBe(1);

  // Of trainings of some length alone: none is known to be one before it is counted, and its first count says for all.
  const long = trainingOptions.parse({ growing: { untilSteps: '50%', leastSteps: 100 } });
  expect([99, 100].map((all) => divideByAt(long, 0, knownSteps(all)))).toEqual([1, 2]);
  const again = [120, 80].map((steps, i) => ({ steps, fromStep: 12 + 18 * i }));
  expect([11, 12, 29, 39, 40].map((now) => divideByAt(long, now, again))).toEqual([1, 2, 2, 2, 1]);

  const stability = { blurPixels: 2 };
  const options = {
    seed: 1,
    losses: lossOptions.parse({}),
    frameDiscriminator: { judgeRaw: true },
  };
  const planned = (growing: object | 'off') =>
    planStep(
      { ...options, training: trainingOptions.parse({ steps: 100, stability, growing }) },
      { kind: 'off' },
      1,
      knownSteps(100),
    );
  const [whole, small] = [planned('off'), planned({ divideBy: 4 })];
  expect([whole.request.divideBy, small.request.divideBy]).toEqual([1, 4]);
  expect(small.plan.blurPixels).toBeCloseTo(whole.plan.blurPixels / 4, 9);
  expect(whole.plan.blurPixels).toBeGreaterThan(1);
});

describe('rolloutFrames', () => {
  it('starts short, grows by one frame at a time and ends at the full length', () => {
    fc.assert(
      fc.property(anyTraining, step, (options, now) => {
        const { frames, rollout } = options;
        const length = rolloutFrames(options, now, knownSteps(1000));
        expect(length).toBeLessThanOrEqual(frames);
        expect(rolloutFrames(options, 0, knownSteps(1000))).toBe(
          Math.min(frames, rollout.startFrames),
        );
        expect([0, 1]).toContain(rolloutFrames(options, now + 1, knownSteps(1000)) - length);
        const later = rolloutFrames(
          options,
          now + Number(rollout.growEverySteps),
          knownSteps(1000),
        );
        expect(later).toBe(Math.min(frames, length + 1));
        expect(
          rolloutFrames(options, frames * Number(rollout.growEverySteps), knownSteps(1000)),
        ).toBe(frames);
      }),
    );
  });
});

describe('rateFactor', () => {
  it('is 1, then falls in a straight line to nothing, and never rises or goes below', () => {
    fc.assert(
      fc.property(anyTraining, step, (options, now) => {
        const { steps, optimizer } = options;
        const factor = rateFactor(options, now, knownSteps(steps));
        const start = optimizer.decayFromFraction * steps;
        expect(factor).toBeGreaterThanOrEqual(0);
        expect(factor).toBeLessThanOrEqual(1);
        expect(rateFactor(options, now + 1, knownSteps(steps))).toBeLessThanOrEqual(factor);
        expect(factor === 1 || now > start).toBe(true);
        // Every step that is taken trains at all.
        expect(factor > 0 || now >= steps).toBe(true);
      }),
    );
  });

  it('is half in the middle of the decay and nothing at the end', () => {
    const options = trainingOptions.parse({ steps: 1000, optimizer: { decayFromFraction: 0.5 } });
    expect(
      [0, 499, 500, 750, 1000, 2000].map((at) => rateFactor(options, at, knownSteps(1000))),
    ).toEqual([1, 1, 1, 0.5, 0, 0]);
    const constant = trainingOptions.parse({ steps: 10, optimizer: { decayFromFraction: 1 } });
    expect(rateFactor(constant, 9, knownSteps(10))).toBe(1);
  });
});

describe('averageShare', () => {
  it('is a share, large at first, settling at the half-life', () => {
    fc.assert(
      fc.property(anyTraining, step, (options, now) => {
        const share = averageShare(options, now, knownSteps(1000));
        expect(share).toBeGreaterThan(0);
        expect(share).toBeLessThanOrEqual(1);
        expect(averageShare(options, now + 1, knownSteps(1000))).toBeLessThanOrEqual(share);
        const halfLifeSteps = Number(options.ema.halfLifeSteps);
        const settled = averageShare(options, 1e9, knownSteps(1000));
        expect(settled).toBeCloseTo(halfLifeSteps === 0 ? 1 : 1 - 0.5 ** (1 / halfLifeSteps), 12);
      }),
    );
  });

  it('leaves half of an old average after the half-life', () => {
    const options = trainingOptions.parse({ ema: { halfLifeSteps: 40, rampUpFraction: 1 } });
    expect((1 - averageShare(options, 10_000, knownSteps(1000))) ** 40).toBeCloseTo(0.5, 10);
  });
});

describe('shares of all steps', () => {
  it('are steps of the total, and have no end while that is unknown', () => {
    expect(stepsOf(7, null)).toBe(7);
    expect(stepsOf('7%', 100)).toBe(7);
    expect(stepsOf('5%', 970)).toBe(49);
    expect(stepsOf('5%', null)).toBe(Infinity);
    expect(stepsOf('0%', null)).toBe(0);
  });

  it('make the same training of half as many steps, twice as fast', () => {
    const options = trainingOptions.parse({ frames: 9, warmUp: { fraction: 1 } });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), (now) => {
        expect(rolloutFrames(options, now, knownSteps(1000))).toBe(
          rolloutFrames(options, 2 * now, knownSteps(2000)),
        );
        expect(rateFactor(options, now, knownSteps(1000))).toBe(
          rateFactor(options, 2 * now, knownSteps(2000)),
        );
        const { sample, evaluate } = dueAfter(options, now, 1000);
        expect(dueAfter(options, 2 * now, 2000)).toMatchObject({ sample, evaluate });
      }),
    );
    expect(
      [99, 100].map((now) => warmUpFrames(options, { seed: 1 }, now, knownSteps(1000))),
    ).toEqual([0, 8]);
  });

  it('are due at the very end, and never while the end is unknown', () => {
    const options = trainingOptions.parse({ snapshotEverySteps: '25%' });
    const due = Array.from({ length: 970 }, (_, i) => dueAfter(options, i + 1, 970));
    expect(due.flatMap(({ evaluate }, i) => (evaluate ? [i + 1] : []))).toEqual([243, 486, 729]);
    expect(dueAfter(options, 400, 400)).toEqual({ save: true, sample: true, evaluate: true });
    expect(dueAfter(options, 400, null)).toEqual({ save: false, sample: false, evaluate: false });
  });
});

describe('countSteps', () => {
  const usual = { ms: 400, frames: 4 };
  /** A little more than a time of which 96 % are planned with. */
  const leaving = (ms: number) => ({ minutes: (ms + 1e-3) / 0.96 / 60_000, elapsedMs: 0 });
  const fit = (training: object, more: object = {}) =>
    countSteps({
      training: trainingOptions.parse({ frames: 4, warmUp: { frames: 0 }, ...training }),
      ...{ from: 10, most: Infinity, time: leaving(100_000), evaluationFrames: 0 },
      pixels: windowPixels({ size: { width: 64, height: 64 } }),
      pace: paceOf([...Array.from({ length: 9 }, () => usual), { ...usual, ms: 9e3 }], null),
      ...more,
    });

  it('counts frames, not steps, and what comes beside them', () => {
    // 100 ms a frame: 1,000 frames in all, ten samples of sixteen frames at half a frame's time.
    expect(fit({})).toBe(10 + (1000 - 10 * 8) / 4);
    expect(fit({}, { most: 50 })).toBe(50);
    expect(fit({}, { time: leaving(-1) })).toBe(10);
    const longer = fit({ frames: 8, rollout: { growEverySteps: 1 } }, { from: 0 });
    // Graphs of four longer rollouts are yet to be recorded.
    expect(longer).toBeGreaterThan((1000 - 10 * 8 - 4 * 82) / 8 - 2);
    expect(longer).toBeLessThan((1000 - 10 * 8 - 4 * 82) / 8 + 3);
    const warm = fit({ warmUp: { frames: 12, fraction: 0.5, fromStep: 0 } });
    // A frame of warm-up counts half.
    expect(warm).toBe(10 + Math.floor((1000 - 10 * 8) / 7));
    const evaluated = fit({}, { evaluationFrames: 100 });
    // Forty frames more show influence and overfitting.
    expect(evaluated).toBe(10 + (1000 - 10 * 8 - 4 * 70) / 4);
  });
});

describe('the first tenth of a training', () => {
  const plansOf = (total: number | null, training: object = {}) => {
    const own = {
      ...{ seed: 1, attempt: 0, training: trainingOptions.parse(training) },
      ...{ losses: lossOptions.parse({}), frameDiscriminator: { judgeRaw: true } },
    };
    return Array.from({ length: 140 }, (_, now) => {
      const counts = total === null ? [] : knownSteps(total);
      const { plan } = planStep(own, { kind: 'off' }, now, counts);
      return { ...plan, frames: rolloutFrames(own.training, now, counts) };
    });
  };

  it('blurs until rollouts grow, so that no length is recorded with and without it', () => {
    const plans = plansOf(1336);
    const blurred = plans.filter(({ blurPixels }) => blurPixels > 0);
    expect(blurred.length).toBeGreaterThan(40);
    expect(new Set(blurred.map(({ frames }) => frames))).toEqual(new Set([plans[0]!.frames]));
    blurred.slice(1).forEach(({ blurPixels }, i) => {
      expect(blurPixels).toBeLessThan(blurred[i]!.blurPixels);
    });
    expect(plans.findIndex(({ adversarialWeight }) => adversarialWeight === 1)).toBe(133);
    // While all steps are not known, no step without blur is in between.
    expect(plansOf(null).findIndex(({ blurPixels }) => blurPixels === 0)).toBeGreaterThan(80);
  });

  it('is as any other without control', () => {
    for (const plan of plansOf(1336, { stability: 'off' })) {
      expect(plan).toMatchObject({ adversarialWeight: 1, blurPixels: 0, explodesAbove: null });
    }
  });
});

describe('planStep', () => {
  const planAt = (now: number, every: number | null = null, attempt = 0) =>
    planStep(
      {
        ...{ seed: 1, attempt },
        training: trainingOptions.parse({
          ...{ frames: 5, batch: 2 },
          rollout: { startFrames: 3, growEverySteps: '50%' },
          warmUp: { fraction: 1, frames: 6, fromStep: '50%' },
          optimizer: {
            ...{ generatorLearningRate: 4e-4, discriminatorLearningRate: 2e-4 },
            ...{ beta1: 0.5, beta2: 0.999, decayFromFraction: 0.5 },
          },
        }),
        losses: lossOptions.parse({ r1: 2, r1EverySteps: 4, r2: 3, r2EverySteps: 3 }),
        frameDiscriminator: { judgeRaw: false },
      },
      every === null ? { kind: 'off' } : { kind: 'every', every },
      now,
      knownSteps(100),
    );

  it('puts the schedules together', () => {
    const { plan, request } = planAt(75);
    expect(plan).toMatchObject({
      ...{ step: 75, judgeRaw: false, beta1: 0.5, beta2: 0.999, segments: null },
      ...{ generatorLearningRate: 2e-4, discriminatorLearningRate: 1e-4 },
    });
    expect(request).toEqual({
      divideBy: 1,
      frames: 4,
      roomFrames: 5,
      batch: 2,
      warmUpFrames: 6,
      attempt: 0,
    });
    expect(planAt(49).request).toMatchObject({ frames: 3, warmUpFrames: 0 });
  });

  it('halves both rates and draws others each time that training went back', () => {
    const draws = [0, 1, 2].map((attempt) => {
      const steps = Array.from({ length: 40 }, (_, now) => planAt(now, null, attempt));
      expect(new Set(steps.map(({ request }) => request.attempt))).toEqual(new Set([attempt]));
      return steps.map(({ coldStart }) => coldStart);
    });
    expect(new Set(draws.map(String)).size).toBe(3);
    expect(planAt(75, null, 2).plan).toMatchObject({
      ...{ generatorLearningRate: 5e-5, discriminatorLearningRate: 2.5e-5 },
    });
    const warm = [0, 1, 2].map((attempt) =>
      Array.from({ length: 40 }, (_, now) => {
        const options = trainingOptions.parse({ warmUp: { fromStep: 0 } });
        return warmUpFrames(options, { seed: 1, attempt }, now, []);
      }),
    );
    expect(new Set(warm.map(String)).size).toBe(3);
  });

  it('cuts the rollout of the step into segments', () => {
    expect(planAt(0, 2).plan.segments).toEqual([1, 2]);
    expect(planAt(99, 2).plan.segments).toEqual([2, 2]);
    expect(planAt(100, 4).plan.segments).toEqual([1, 4]);
  });

  it('takes the gradient penalty now and then, with as much weight in all', () => {
    const plans = Array.from({ length: 8 }, (_, now) => planAt(now).plan);
    expect(plans.map(({ r1 }) => r1)).toEqual([8, 0, 0, 0, 8, 0, 0, 0]);
    expect(plans.map(({ r2 }) => r2)).toEqual([9, 0, 0, 9, 0, 0, 9, 0]);
  });
});

describe('warmUpFrames', () => {
  it('is all or nothing, in the share of the steps that was asked for, by seed and step', () => {
    const options = trainingOptions.parse({ warmUp: { frames: 6, fraction: 0.25, fromStep: 50 } });
    const draw = (now: number): number => warmUpFrames(options, { seed: 1 }, now, []);
    const draws = Array.from({ length: 2000 }, (_, now) => draw(now));
    expect(new Set(draws)).toEqual(new Set([0, 6]));
    expect(draws.slice(0, 50).every((frames) => frames === 0)).toBe(true);
    expect(draws.filter(Boolean).length / 1950).toBeCloseTo(0.25, 1);
    expect(draws.slice(0, 200)).toEqual(Array.from({ length: 200 }, (_, now) => draw(now)));
  });
});

describe('rolloutInput', () => {
  beforeAll(async () => {
    await useBackend();
  });

  const generator = generatorOptions.parse({ preset: 'tiny', noiseChannels: 2 });
  const losses = lossOptions.parse({});
  const options = (seed: number, more: object = {}) => ({
    seed,
    training: trainingOptions.parse({
      teacherForcing: { probability: 0.5, untilSteps: 100 },
      rollout: { startFrames: 5 },
      coldStartFraction: 0.2,
      ...more,
    }),
    losses,
    frameDiscriminator: { judgeRaw: true },
  });
  const planned = (now: number, seed: number, more: object = {}) =>
    planStep(options(seed, more), { kind: 'off' }, now, knownSteps(2000));
  const window = (warmUp = 0) => ({
    frames: normals<tf.Rank.R5>('frames', [1, 7 + warmUp, 8, 12, 3]),
    condition: null,
    leadFrames: 2,
    warmUpFrames: warmUp,
    origin: [],
    drawn: [],
    dispose: () => undefined,
  });

  it('draws by seed and step alone, tensors of the right shape', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const draw = (now: number, seed = 3, warmUp = 0) =>
          rolloutInput(window(warmUp), planned(now, seed), { generator, losses, seed });
        const [a, b] = [draw(5), draw(5)];
        expect(a.noise!.shape).toEqual([1, 5, 2, 3, 2]);
        expect([a.lead, a.warmUp]).toEqual([2, 0]);
        expect(a.teacherForced).toHaveLength(5);
        expectClose(a.noise!, b.noise!);
        expect([a.coldStart, a.teacherForced]).toEqual([b.coldStart, b.teacherForced]);
        expect(draw(6).noise!.dataSync()).not.toEqual(a.noise!.dataSync());
        expect(draw(5, 4).noise!.dataSync()).not.toEqual(a.noise!.dataSync());
        const again = rolloutInput(window(), planned(5, 3), {
          ...{ generator, losses, seed: 3 },
          attempt: 1,
        });
        expect(again.noise!.dataSync()).not.toEqual(a.noise!.dataSync());
        const warm = draw(5, 3, 2);
        expect([warm.warmUp, warm.noise!.shape[1]]).toEqual([2, 7]);
        const starts = Array.from({ length: 20 }, (_, now) => draw(now));
        expect(starts.every((one) => one.visibleFrom === (one.coldStart ? 2 : 0))).toBe(true);
        const silent = { generator: generatorOptions.parse({}), losses, seed: 3 };
        expect(rolloutInput(window(), planned(5, 3), silent).noise).toBeNull();
      }),
    );
  });

  it('has noise for approximated penalties in the steps that have one, by seed and step', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const penalized = lossOptions.parse({
          ...{ penalty: 'approximate', r1: 1, r2: 1 },
          ...{ r1EverySteps: 4, r2EverySteps: 6 },
        });
        const draw = (now: number, seed = 3, own = penalized, plan: object = {}) => {
          const step = planStep(
            { ...options(seed), losses: own },
            { kind: 'off' },
            now,
            knownSteps(2000),
          );
          return rolloutInput(
            ...([window(1), { ...step, plan: { ...step.plan, ...plan } }] as const),
            { generator, losses: own, seed },
          ).nudge;
        };
        const with1To12 = Array.from({ length: 13 }, (_, now) => now).filter((now) => draw(now));
        expect(with1To12).toEqual([0, 4, 6, 8, 12]);
        // As long as what is judged: without the frames of the warm-up.
        expect(draw(4)!.shape).toEqual([1, 7, 8, 12, 3]);
        expectClose(draw(4)!, draw(4)!);
        expect(draw(8)!.dataSync()).not.toEqual(draw(4)!.dataSync());
        expect(draw(4, 5)!.dataSync()).not.toEqual(draw(4)!.dataSync());
        expect(draw(4, 3, { ...penalized, penalty: 'exact' })).toBeUndefined();
        expect(draw(4, 3, penalized, { judgesWait: true })).toBeUndefined();
      }),
    );
  });

  it('starts cold and forces as often as it should', () => {
    const late = Array.from({ length: 1000 }, (_, i) => planned(100 + i, 1));
    expect(late.filter(({ coldStart }) => coldStart).length / 1000).toBeCloseTo(0.2, 1);
    expect(late.some(({ teacherForced }) => teacherForced.includes(true))).toBe(false);
    const early = Array.from({ length: 100 }, (_, now) => planned(now, 1));
    // The first frame sees real history anyway; the share falls from 0.5 to 0.
    expect(early.some(({ teacherForced: [first] }) => first)).toBe(false);
    const all = early.flatMap(({ teacherForced }) => teacherForced);
    expect(all.filter(Boolean).length / (100 * 4)).toBeCloseTo(0.25, 1);
    // A compiled step with forced frames runs as a graph for each frame.
    const forced = early.find(({ teacherForced }) => teacherForced.includes(true))!;
    expect(forced.plan.segments).toEqual([1, 1, 1, 1, 1]);
    const eager = { compile: false, teacherForcing: { probability: 1 } };
    expect(planned(0, 1, eager).plan.segments).toBeNull();
  });
});
