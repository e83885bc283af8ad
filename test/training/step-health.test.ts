import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { eagerRunner, graphRunner, type Runner } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { disposeState, initialState, type TrainingState } from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import type { RolloutInput } from '../../src/training/rollout.js';
import { trainStep } from '../../src/training/step.js';
import { expectNoLeak } from '../tensors.js';
import { disposeInput, list, PLAN, smallModel, windowFor } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const model = smallModel();

const take = (state: TrainingState, input: RolloutInput) =>
  trainStep(model, state, input, lossOptions.parse({}), PLAN);

/** Runs with a fresh state and input, and checks that nothing of it is left. */
const withStep = (
  run: (state: TrainingState, input: RolloutInput) => Promise<void>,
): Promise<void> =>
  expectNoLeak(async () => {
    const state = initialState(model, 1);
    const input = windowFor(model);
    await run(state, input);
    disposeState(state);
    disposeInput(input);
  });

describe('when a number is not finite', () => {
  const spoil = (input: RolloutInput, part: 'frames' | 'condition', value: number) => {
    const spoilt = tf.tidy(() => {
      const values = input[part]!.dataSync().slice();
      values[values.length - 7] = value;
      return tf.tensor5d(values, input[part]!.shape);
    });
    return { ...input, [part]: spoilt };
  };

  /** Takes a step that has to be skipped. @returns why */
  const skippedBy = async (
    state: TrainingState,
    input: RolloutInput,
    plan: Partial<typeof PLAN> = {},
    losses: Record<string, unknown> = {},
    runner: Runner = eagerRunner,
  ): Promise<string> => {
    const before = list(state).map((tensor) => tensor.dataSync().slice());
    const all = [model, state, input, lossOptions.parse(losses), { ...PLAN, ...plan }] as const;
    const { state: same, skipped } = await trainStep(...all, runner);
    list(same).forEach((tensor, i) => expect(tensor.dataSync()).toEqual(before[i]));
    disposeState(same);
    // They are handles of its own: the old state is there still.
    list(state).forEach((tensor, i) => expect(tensor.dataSync()).toEqual(before[i]));
    expect(skipped).not.toBeNull();
    return skipped!;
  };

  it.each([
    ['a NaN frame', 'frames', Number.NaN],
    ['an infinite frame', 'frames', Infinity],
    ['a NaN condition', 'condition', Number.NaN],
  ] as const)('skips the step for %s, and names the term', async (_what, part, value) => {
    await withStep(async (state, input) => {
      const spoilt = spoil(input, part, value);
      expect(await skippedBy(state, spoilt)).toMatch(
        /^(generator|discriminator)\/\w+ is (NaN|Infinity)$/,
      );
      spoilt[part]!.dispose();
      const { state: next, skipped } = await take(state, input);
      expect(skipped).toBeNull();
      disposeState(next);
    });
  });

  it.each([
    ['a loss that outweighs float32', {}, { reconstruction: 1e30 }, 'gradient of the generator'],
    [
      "judges' rate without measure",
      { discriminatorLearningRate: 1e20 },
      {},
      'update of the discriminators',
    ],
  ])('skips the step for %s, in which every loss is finite', async (_what, plan, losses, why) => {
    await withStep(async (state, input) => {
      expect(await skippedBy(state, input, plan, losses)).toBe(
        `a number without bound in the ${why}`,
      );
    });
  });

  it('skips it as a graph too, and goes on', async () => {
    await withStep(async (state, input) => {
      const runner = graphRunner();
      const losses = { reconstruction: 1e30 };
      const why = 'a number without bound in the gradient of the generator';
      expect(await skippedBy(state, input, {}, losses, runner)).toBe(why);
      const plan = { ...PLAN, step: 1 };
      const after = await trainStep(model, state, input, lossOptions.parse({}), plan, runner);
      expect(after.skipped).toBeNull();
      disposeState(after.state);
      runner.dispose();
    });
  });
});

it('tells the norms of both gradients', async () => {
  await withStep(async (state, input) => {
    // Adam's mean was 0 and is now half of the gradient (β₁ = 0.5).
    const { state: next, signals } = await take(state, input);
    const normOf = ({ mean }: { mean: tf.Tensor }) =>
      2 * tf.tidy(() => tf.norm(mean).dataSync()[0]!);
    expect(signals['generator/gradient_norm']! / normOf(next.generatorAdam)).toBeCloseTo(1, 5);
    expect(signals['discriminator/gradient_norm']! / normOf(next.discriminatorAdam)).toBeCloseTo(
      1,
      5,
    );
    disposeState(next);
  });
});
