import type * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { graphRunner } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import { keyOf, type StepPlan } from '../../src/training/step-plan.js';
import { trainStep, type StepResult } from '../../src/training/step.js';
import { expectNoLeak } from '../tensors.js';
import { disposeInput, PLAN, smallModel, windowFor } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const valuesOf = (tensor: tf.Tensor) => Array.from(tensor.dataSync());

const losses = lossOptions.parse({});
const model = smallModel();

/** What steps of one window give, from the same weights and as recorded graphs; all of it is let go. */
async function stepsBy(
  plans: readonly Partial<StepPlan>[],
  look: (results: readonly StepResult[], before: ReturnType<typeof initialState>) => void,
  window: Parameters<typeof windowFor>[1] = {},
): Promise<void> {
  const runner = graphRunner();
  await expectNoLeak(async () => {
    const state = initialState(model, 1);
    const input = windowFor(model, window);
    const results = await Promise.all(
      plans.map((plan) => trainStep(model, state, input, losses, { ...PLAN, ...plan }, runner)),
    );
    look(results, state);
    for (const result of results) disposeState(result.state);
    disposeState(state);
    disposeInput(input);
  });
  runner.dispose();
}

describe('a factor on the adversarial terms', () => {
  it('is a factor on them, and changes nothing of the others', async () => {
    await stepsBy(
      [{}, { adversarialWeight: 0.5 }, { adversarialWeight: 0 }],
      ([whole, half, none]) => {
        for (const [name, value] of Object.entries(whole!.terms)) {
          const isTheirs = /^generator.*adversarial$/.test(name);
          expect(half!.terms[name]).toBeCloseTo(isTheirs ? value / 2 : value, 6);
          expect(none!.terms[name]).toBeCloseTo(isTheirs ? 0 : value, 6);
        }
        const [all, some, match] = [whole, half, none].map(
          (one) => one!.signals['generator/judges_pull']!,
        );
        expect(all).toBeGreaterThan(some!);
        expect(some).toBeGreaterThan(match!);
        expect(valuesOf(half!.state.discriminators)).toEqual(valuesOf(whole!.state.discriminators));
      },
    );
  });

  it('needs no graph of its own, nor does another weight of the penalty', () => {
    const input = windowFor(model, {});
    const key = (plan: Partial<StepPlan>): string => keyOf(input, losses, { ...PLAN, ...plan });
    expect(key({ adversarialWeight: 0.3 })).toBe(key({}));
    expect(key({ r1: 2 })).toBe(key({ r1: 20 }));
    expect(key({ r1: 2 })).not.toBe(key({}));
    expect(key({ judgesWait: true })).not.toBe(key({}));
    disposeInput(input);
  });
});

describe('gradients that end at segments', () => {
  it('are the generator’s alone, and need no graph of their own', async () => {
    const segments = [2, 3, 1];
    await stepsBy(
      [{ segments }, { segments, gradientCarried: 0 }],
      ([whole, cut]) => {
        const [one, other] = [whole, cut].map((made) => made!.signals['generator/gradient_norm']!);
        expect(Math.abs(other! / one! - 1)).toBeGreaterThan(1e-3);
        expect(cut!.terms).toEqual(whole!.terms);
        expect(valuesOf(cut!.state.discriminators)).toEqual(valuesOf(whole!.state.discriminators));
      },
      { frames: 6 },
    );
    const input = windowFor(model, { frames: 6 });
    const key = (plan: Partial<StepPlan>): string => keyOf(input, losses, { ...PLAN, ...plan });
    expect(key({ segments, gradientCarried: 0 })).toBe(key({ segments }));
    disposeInput(input);
  });
});

describe('discriminators that wait', () => {
  it('keep their weights and moments to the bit, and the generator learns as it would have', async () => {
    await stepsBy([{}, { judgesWait: true }], ([learning, waiting], before) => {
      for (const name of ['generator', 'average', 'spectral'] as const) {
        expect(valuesOf(waiting!.state[name])).toEqual(valuesOf(learning!.state[name]));
      }
      expect(valuesOf(waiting!.state.discriminators)).toEqual(valuesOf(before.discriminators));
      expect(valuesOf(waiting!.state.discriminatorAdam.square)).toEqual(
        valuesOf(before.discriminatorAdam.square),
      );
    });
  });

  it('still say how well they tell, and nothing of a gradient that they do not have', async () => {
    await stepsBy([{}, { judgesWait: true }], ([learning, waiting]) => {
      const { 'discriminator/gradient_norm': norm, ...others } = learning!.signals;
      expect(norm).toBeGreaterThan(0);
      expect(waiting!.signals).toEqual(others);
      expect(Object.keys(waiting!.terms).filter((name) => name.startsWith('disc'))).toEqual([]);
    });
  });
});
