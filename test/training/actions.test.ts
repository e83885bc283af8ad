import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { eagerRunner, graphRunner } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { randomStream } from '../../src/base/random.js';
import { registerKernels } from '../../src/kernels/index.js';
import { disposeState, initialState, type TrainingState } from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import type { StepPlan } from '../../src/training/step-plan.js';
import { trainStep } from '../../src/training/step.js';
import { assertActionsFit, toldActions } from '../../src/training/told-actions.js';
import { expectNoLeak, normals, relativeDifference } from '../tensors.js';
import { disposeInput, PLAN, smallModel, windowFor } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const COLUMNS = 2;
const model = smallModel({}, 0, {}, COLUMNS);

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
    await expectNoLeak(() => {
      const state = changed();
      const input = windowFor(model, { warmUp: 1 });
      const losses = lossOptions.parse({});
      const blocks = model.generator.blocks(true).length;
      const graph = graphRunner();
      const means = (
        [
          [PLAN, eagerRunner],
          [{ ...PLAN, segments: [2] }, eagerRunner],
          // What was done goes from stretch to stretch.
          [{ ...PLAN, segments: [1, 1], stretches: [3, 1, blocks - 4] }, graph],
          [PLAN, graph],
        ] as const satisfies readonly (readonly [StepPlan, unknown])[]
      ).map(([plan, runner]) => {
        const { state: next, skipped } = trainStep(model, state, input, losses, plan, runner);
        expect(skipped).toBeNull();
        const mean = tf.clone(next.generatorAdam.mean);
        disposeState(next);
        return mean;
      });
      const [plain, ...others] = means as [tf.Tensor1D, ...tf.Tensor1D[]];
      for (const other of others) expect(relativeDifference(other, plain)).toBeLessThan(1e-5);
      const named = model.generator.layout.toNamed(plain.dataSync<'float32'>());
      for (const name of ['actions.first.weight', 'trunk.0.acting.weight']) {
        expect(Math.max(...named[name]!.data.map(Math.abs))).toBeGreaterThan(0);
      }
      graph.dispose();
      tf.dispose(means);
      disposeInput(input);
      disposeState(state);
    });
  }, 120_000);

  it('learns from the first step on, though nothing is changed by it yet', async () => {
    await expectNoLeak(() => {
      const state = initialState(model, 1);
      const input = windowFor(model);
      const { state: next } = trainStep(model, state, input, lossOptions.parse({}), PLAN);
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
      const told = toldActions(actions, 0.25, randomStream(1, 'actions', 0));
      const again = toldActions(actions, 0.25, randomStream(1, 'actions', 0));
      const [all, own] = [told.arraySync(), actions.arraySync()];
      expect(again.arraySync()).toEqual(all);
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
      tf.dispose([actions, told, again]);
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
