import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { eagerRunner, graphRunner } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { randomStream } from '../../src/base/random.js';
import { registerKernels } from '../../src/kernels/index.js';
import { disposeState, initialState, type TrainingState } from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import { trainStep } from '../../src/training/step.js';
import { assertActionsFit, toldActions } from '../../src/training/told-actions.js';
import { expectNoLeak, normals, relativeDifference } from '../tensors.js';
import { disposeInput, expectOneGradient, PLAN, smallModel, windowFor } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const COLUMNS = 2;
/** Its decoder is shown the past, and is told what was done there too. */
const model = smallModel({ skip: true }, 0, {}, COLUMNS);

/** A state in which what is done changes something. */
function changed(): TrainingState {
  const state = initialState(model, 1);
  const { layout } = model.generator;
  const named = layout.toNamed(state.generator.dataSync<'float32'>());
  for (const [name, { data }] of Object.entries(named)) {
    if (name.includes('.acting.')) data.forEach((_, i) => (data[i] = Math.sin(i) / 4));
  }
  state.generator.dispose();
  return { ...state, generator: tf.tensor1d(layout.fromNamed(named)) };
}

describe('a step whose generator is told what was done', () => {
  it('has one gradient on one tape, in segments, in stretches and as a graph, of what reads it too', async () => {
    await expectNoLeak(async () => {
      const state = changed();
      const input = windowFor(model, { warmUp: 1 });
      const blocks = model.generator.blocks(true).length;
      const graph = graphRunner();
      await expectOneGradient({
        ...{ model, state, input },
        plans: [
          [PLAN, eagerRunner],
          [{ ...PLAN, segments: [2] }, eagerRunner],
          // What was done goes from stretch to stretch.
          [{ ...PLAN, segments: [1, 1], stretches: [3, 1, blocks - 4] }, graph],
          [PLAN, graph],
        ],
        moved: ['actions.first.weight', 'trunk.0.acting.weight', 'skip.join.acting.weight'],
      });
      graph.dispose();
      disposeInput(input);
      disposeState(state);
    });
  }, 120_000);

  it('has discriminators of sequences look at what was done, and at no more than that', async () => {
    const judged = smallModel({}, 0, {}, COLUMNS);
    await expectNoLeak(async () => {
      const state = initialState(judged, 1);
      const input = windowFor(judged, { frames: 3 });
      const run = async (more: object, given = input) => {
        const losses = lossOptions.parse(more);
        const { state: next, terms } = await trainStep(judged, state, given, losses, PLAN);
        const mean = next.discriminatorAdam.mean.dataSync<'float32'>();
        const named = judged.discriminators.layout.toNamed(mean);
        disposeState(next);
        return { terms, named };
      };
      const told = 'sequence.stride1.scale0.told.first.weight';
      const whole = await run({});
      expect(whole.terms['discriminator/sequence_mismatched']).toBeGreaterThan(0);
      expect(Math.max(...whole.named[told]!.data.map(Math.abs))).toBeGreaterThan(0);
      const twice = await run({ mismatchedActions: 1 });
      expect(twice.terms['discriminator/sequence_mismatched']).toBeCloseTo(
        2 * whole.terms['discriminator/sequence_mismatched']!,
        5,
      );
      const without = await run({ mismatchedActions: 0 });
      expect(without.terms).not.toHaveProperty('discriminator/sequence_mismatched');
      // What is the same by chance is none that they may not believe.
      const same = await run({}, { ...input, otherActions: input.actions! });
      expect(same.terms['discriminator/sequence_mismatched']).toBe(0);
      expect(same.terms).toEqual({ ...without.terms, 'discriminator/sequence_mismatched': 0 });
      expect(Object.keys(whole.named).filter((name) => name.includes('.told.'))).toHaveLength(4);
      expect(Object.keys(whole.named).filter((name) => /^frame.*told/.test(name))).toEqual([]);
      disposeState(state);
      disposeInput(input);
    });
  });

  it.each(['exact', 'approximate'] as const)(
    'has penalties on them too, %s ones, in parts as at once',
    async (penalty) => {
      await expectNoLeak(async () => {
        const state = initialState(model, 1);
        const input = windowFor(model, { frames: 4, nudged: true });
        const losses = lossOptions.parse({ penalty });
        const ways = [PLAN, { ...PLAN, segments: [2, 2], judgedFrames: 1 }];
        const [whole, parted] = await Promise.all(
          ways.map(async (plan) => {
            const own = { ...plan, r1: 1, r2: 1 };
            const { state: next, terms } = await trainStep(model, state, input, losses, own);
            const mean = tf.clone(next.discriminatorAdam.mean);
            disposeState(next);
            return { terms, mean };
          }),
        );
        for (const [name, value] of Object.entries(whole!.terms)) {
          expect([name, parted!.terms[name]! / value]).toEqual([name, expect.closeTo(1, 4)]);
        }
        expect(relativeDifference(parted!.mean, whole!.mean)).toBeLessThan(1e-4);
        tf.dispose([whole!.mean, parted!.mean]);
        disposeState(state);
        disposeInput(input);
      });
    },
  );

  it('learns from the first step on, though nothing is changed by it yet', async () => {
    await expectNoLeak(async () => {
      const state = initialState(model, 1);
      const input = windowFor(model);
      const { state: next } = await trainStep(model, state, input, lossOptions.parse({}), PLAN);
      const named = model.generator.layout.toNamed(next.generatorAdam.mean.dataSync<'float32'>());
      expect(Math.max(...named['trunk.0.acting.weight']!.data.map(Math.abs))).toBeGreaterThan(0);
      disposeState(next);
      disposeState(state);
      disposeInput(input);
    });
  });
});

describe('what a window is told', () => {
  it('is its columns and 1, or nothing at all in a share of the windows', async () => {
    await expectNoLeak(() => {
      const actions = normals<tf.Rank.R3>('actions', [40, 3, 2]);
      const window = { actions, otherActions: actions };
      const told = toldActions(window, 0.25, randomStream(1, 'actions', 0));
      const again = toldActions({ actions }, 0.25, randomStream(1, 'actions', 0));
      expect(toldActions({}, 0.25, randomStream(1, 'actions', 0))).toEqual({});
      const [all, own] = [told.actions!.arraySync(), actions.arraySync()];
      expect(again.actions!.arraySync()).toEqual(all);
      // Of the same windows nothing is told.
      expect(told.otherActions!.arraySync()).toEqual(all);
      expect(again.otherActions).toBeUndefined();
      let dropped = 0;
      all.forEach((window, i) => {
        const isKnown = window[0]![2] === 1;
        if (!isKnown) dropped += 1;
        window.forEach((frame, t) => {
          expect(frame.map(Math.abs)).toEqual(
            isKnown ? [...own[i]![t]!, 1].map(Math.abs) : [0, 0, 0],
          );
        });
      });
      expect(dropped).toBeGreaterThan(3);
      expect(dropped).toBeLessThan(20);
      tf.dispose([actions, told.actions!, told.otherActions!, again.actions!]);
    });
  });

  it('is no way back', () => {
    const actions = { path: 'a.csv', columns: {}, offsetFrames: 0 };
    const fit = (pingPong: number) => () =>
      assertActionsFit({ data: { actions }, losses: { pingPong } });
    expect(fit(0)).not.toThrow();
    expect(fit(1)).toThrow('on the way back');
  });
});
