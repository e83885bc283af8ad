import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import {
  assertJudgedFit,
  mayBeElsewhere,
  NORM_ELSEWHERE,
  signalsOf,
  withoutTruth,
} from '../../src/training/judged-segments.js';
import { disposeState, initialState, type Model } from '../../src/training/model.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import { countSteps } from '../../src/training/pace.js';
import { leftOut } from '../../src/training/pull.js';
import { realHistory, type RolloutInput } from '../../src/training/rollout.js';
import { goingOn, planStep } from '../../src/training/schedule.js';
import { knownSteps } from '../../src/training/step-counts.js';
import { keyOf } from '../../src/training/step-plan.js';
import { trainStep } from '../../src/training/step.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';
import { disposeInput, HEIGHT, PLAN, smallModel, WIDTH, windowFor } from './support.js';

const FRAMES = 4;
const losses = lossOptions.parse({ laplacian: 1, r2: 1, penalty: 'approximate' });
const plan = { ...PLAN, r2: 0.5, leaves: true, elsewhere: true };

/** A window that goes on from frames of another. */
async function elsewhere(
  model: Model,
  make: (input: RolloutInput) => Promise<void>,
): Promise<void> {
  const window = windowFor(model, { frames: FRAMES, nudged: true });
  const front = tf.tidy(() => tf.tanh(normals<tf.Rank.R5>('front', [1, 2, HEIGHT, WIDTH, 3])));
  const history = realHistory(front, 2, 2, 0);
  await make({ ...window, front, history });
  disposeInput(window);
  tf.dispose([front, history]);
}

describe('a segment that only discriminators judge', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
    registerKernels();
  });

  it('has no loss that the real frames of its place have a part in', async () => {
    const own = withoutTruth(losses);
    expect(
      Object.keys(losses).filter((key) => own[key as 'warp'] !== losses[key as 'warp']),
    ).toEqual(['featureMatching', 'reconstruction', 'rawReconstruction', 'laplacian', 'warp']);
    const model = smallModel({ noiseChannels: 1 });
    await expectNoLeak(async () => {
      const state = initialState(model, 1);
      await elsewhere(model, async (input) => {
        const step = await trainStep(model, state, input, own, plan);
        expect(step.skipped).toBeNull();
        const of = (side: string) =>
          Object.keys(step.terms).filter((name) => name.startsWith(side));
        expect(of('generator/').sort()).toEqual([
          ...['generator/flow_smoothness', 'generator/frame_adversarial'],
          'generator/sequence_adversarial',
        ]);
        // Nothing that pulls would be beside anything.
        expect(Object.keys(step.signals).filter((name) => name.includes('judges'))).toEqual([]);
        expect(step.signals).toHaveProperty('discriminator/frame_pairs');
        expect(step.terms['discriminator/sequence_r2']).toBeGreaterThan(0);
        expect(step.left!.shape).toEqual([1, 2, HEIGHT, WIDTH, 3]);
        // No sequence reaches across the seam: what is in front decides nothing but by what comes of it.
        const front = tf.tidy(() => tf.zerosLike(input.front!));
        const other = await trainStep(model, state, { ...input, front }, own, plan);
        expect(other.terms).toEqual(step.terms);
        const inPlace = await trainStep(model, state, { ...input, front }, own, {
          ...{ ...plan, elsewhere: false },
        });
        const sequence = 'generator/sequence_adversarial';
        expect(inPlace.terms[sequence]).not.toBeCloseTo(step.terms[sequence]!, 5);
        front.dispose();
        [step, other, inPlace].forEach((one) => disposeState(one.state));
      });
      disposeState(state);
    });
  });

  it('has a seam where what was done is told, for it was done elsewhere', async () => {
    const model = smallModel({ conditionFrames: 1 }, 0, {}, 2);
    const own = withoutTruth(losses);
    await expectNoLeak(async () => {
      const state = initialState(model, 1);
      await elsewhere(model, async (input) => {
        // What was done in front of the seam is told to nobody.
        const actions = tf.tidy(() => {
          const [front, made] = tf.split(input.actions!, [input.lead, FRAMES], 1);
          return tf.concat([tf.neg(front!), made!], 1) as tf.Tensor3D;
        });
        const step = await trainStep(model, state, input, own, plan);
        const other = await trainStep(model, state, { ...input, actions }, own, plan);
        expect(step.terms).toHaveProperty('discriminator/sequence_mismatched');
        expect(other.terms).toEqual(step.terms);
        [step, other].forEach((one) => disposeState(one.state));
        actions.dispose();
      });
      disposeState(state);
    });
  });

  it('goes on without a seam where there is no condition', async () => {
    const model = smallModel({}, 0);
    const own = withoutTruth(losses);
    await expectNoLeak(async () => {
      const state = initialState(model, 1);
      await elsewhere(model, async (input) => {
        const judged = await trainStep(model, state, input, own, plan);
        const usual = await trainStep(model, state, input, own, { ...plan, elsewhere: false });
        expect(judged.terms).toEqual(usual.terms);
        expectClose(judged.state.generator, usual.state.generator, { atol: 0, rtol: 0 });
        [judged, usual].forEach((one) => disposeState(one.state));
      });
      disposeState(state);
    });
  });

  it('is the same step in segments and a few frames at a time, and a graph of its own', async () => {
    const model = smallModel();
    const own = withoutTruth(losses);
    await expectNoLeak(async () => {
      const state = initialState(model, 1);
      await elsewhere(model, async (input) => {
        const whole = { ...plan, r2: 0 };
        const inPieces = { ...whole, segments: [2, 2], judgedFrames: 2 };
        const [one, other] = await Promise.all(
          [whole, inPieces].map((how) => trainStep(model, state, input, own, how)),
        );
        expect(Object.keys(other!.terms).sort()).toEqual(Object.keys(one!.terms).sort());
        for (const [name, term] of Object.entries(other!.terms)) {
          expect([name, term]).toEqual([name, expect.closeTo(one!.terms[name]!, 4)]);
        }
        expectClose(other!.state.generator, one!.state.generator, { atol: 1e-5, rtol: 1e-3 });
        [one!, other!].forEach(({ state: next }) => disposeState(next));
        // What is judged across the seam and what is not would be other numbers of the same tensors.
        expect(keyOf(input, own, whole)).not.toBe(
          keyOf(input, own, { ...whole, elsewhere: false }),
        );
      });
      disposeState(state);
    });
  });
});

describe('steps that go on elsewhere', () => {
  const training = (histories: object, more: object = {}) =>
    trainingOptions.parse({ frames: 5, histories, ...more });

  it('are drawn windows, and none that are to tell of the pull or are shown real frames', () => {
    const own = training({ fraction: 0.5, judgedFraction: 0.5 }, { coldStartFraction: 0 });
    const options = { seed: 1, training: own, losses, frameDiscriminator: { judgeRaw: true } };
    const planned = planStep(options, { kind: 'off' }, 200, knownSteps(1000));
    const origin = { clip: 0, startFrame: 4, strideFrames: 1, flipped: false };
    const kept = {
      origin: { ...origin, crop: null, colour: null, patch: null },
      ...{ age: 9, frames: { shape: [2, 4, 4, 3], data: new Float32Array(96) } },
    };
    const [there, other] = [false, true].map((elsewhere) =>
      goingOn(planned, { from: [kept], elsewhere }),
    );
    expect([there!.request.origin, there!.plan.elsewhere]).toEqual([[kept.origin], undefined]);
    expect([other!.request.origin, other!.plan.elsewhere]).toEqual([undefined, true]);
    expect([other!.request.warmUpFrames, other!.from]).toEqual([0, [kept]]);
    const signals = { 'generator/judges_gradient': { mean: 0, variance: 0, count: 9 } };
    const alone = { 'pull of adversarial terms': { mean: 0, variance: 0, count: 9 }, ...signals };
    const telling = Array.from({ length: 64 }, (_, step) => step).filter(
      (step) => leftOut(step, alone) !== null,
    );
    expect(telling).toHaveLength(8);
    expect(
      telling.filter((step) => mayBeElsewhere({ teacherForced: [false], plan: { step } })),
    ).toEqual([]);
    expect(mayBeElsewhere({ teacherForced: [false, false], plan: { step: 0 } })).toBe(true);
    expect(mayBeElsewhere({ teacherForced: [false, true], plan: { step: 0 } })).toBe(false);
  });

  it('have a gradient of their own, which is followed beside no other', () => {
    const signals = { 'generator/gradient_norm': 3, 'discriminator/gradient_norm': 2 };
    expect(signalsOf(signals, {})).toBe(signals);
    expect(signalsOf(signals, { elsewhere: true })).toEqual({
      ...{ [NORM_ELSEWHERE]: 3, 'discriminator/gradient_norm': 2 },
    });
    const waiting = { 'discriminator/frame_pairs': 1 };
    expect(signalsOf(waiting, { elsewhere: true })).toEqual(waiting);
  });

  it('are recorded once more, which is planned for', () => {
    const count = (judgedFraction: number, from = 60): number =>
      countSteps({
        training: training({ fraction: 0.5, judgedFraction }, { rollout: { startFrames: 5 } }),
        ...{ from, most: 9000, evaluationFrames: 0 },
        pace: { frameMs: 20, warmUpMs: 0, recordingMs: 10_000 },
        time: { minutes: 3, elapsedMs: 10_000 },
        pixels: { whole: 1, small: () => 1 },
      });
    // Ten seconds of hundred milliseconds.
    expect(count(0) - count(0.5)).toBeGreaterThanOrEqual(98);
    expect(count(0) - count(0.5)).toBeLessThanOrEqual(102);
    // They have begun.
    expect(count(0, 400)).toBe(count(0.5, 400));
  });

  it('are refused where there are none, or nobody judges', () => {
    const fit = (histories: object, frameAdversarial = 1): void =>
      assertJudgedFit({ training: training(histories), losses: { frameAdversarial } });
    expect(() => fit({ fraction: 0.5, judgedFraction: 0.2 })).not.toThrow();
    expect(() => fit({}, 0)).not.toThrow();
    expect(() => fit({ judgedFraction: 0.2 })).toThrow('no step goes on from a kept history');
    expect(() => fit({ fraction: 0.5, judgedFraction: 0.2 }, 0)).toThrow('no frame is judged');
  });
});
