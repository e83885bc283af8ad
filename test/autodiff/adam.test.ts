import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { adamRate, adamUpdate, averageUpdate, type AdamState } from '../../src/autodiff/adam.js';
import { golden, type GoldenTensor } from '../metrics/pictures.js';
import { expectClose, expectNoLeak } from '../tensors.js';

interface AdamCase {
  learningRate: number;
  beta1: number;
  beta2: number;
  parameter: GoldenTensor;
  steps: {
    gradient: GoldenTensor;
    parameter: GoldenTensor;
    mean: GoldenTensor;
    square: GoldenTensor;
  }[];
}

interface EmaCase {
  decay: number;
  average: GoldenTensor;
  steps: { parameter: GoldenTensor; average: GoldenTensor }[];
}

beforeAll(async () => {
  await useBackend();
});

const vector = ({ values }: GoldenTensor) => tf.tensor1d(values);
const flat = ({ values }: GoldenTensor) => ({ shape: [values.length], values });

describe('adamUpdate', () => {
  it.each(golden<AdamCase>('adam'))('equals PyTorch: $name', async (item) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        let parameters = vector(item.parameter);
        let state: AdamState = { mean: tf.zerosLike(parameters), square: tf.zerosLike(parameters) };
        item.steps.forEach((step, updates) => {
          const options = { ...item, ...adamRate(item.learningRate, item, updates) };
          ({ parameters, state } = adamUpdate(parameters, vector(step.gradient), state, options));
          expectClose(parameters, flat(step.parameter), { rtol: 1e-6, atol: 1e-7 });
          expectClose(state.mean, flat(step.mean), { rtol: 1e-5, atol: 1e-9 });
          expectClose(state.square, flat(step.square), { rtol: 2e-5, atol: 1e-12 });
        });
      }),
    );
  });

  it('makes new tensors and leaves the old ones', async () => {
    await expectNoLeak(() => {
      const [parameters, gradient] = [tf.tensor1d([1, 2]), tf.tensor1d([0.5, 0])];
      const old = { mean: tf.zeros<tf.Rank.R1>([2]), square: tf.zeros<tf.Rank.R1>([2]) };
      const before = tf.memory().numTensors;
      const decay = { beta1: 0.5, beta2: 0.999 };
      const options = { ...decay, ...adamRate(0.1, decay, 0) };
      const next = adamUpdate(parameters, gradient, old, options);
      expect(tf.memory().numTensors - before).toBe(3);
      expectClose(parameters, { shape: [2], values: [1, 2] });
      // The first update is one learning rate against the sign; nothing moves without a gradient.
      expectClose(next.parameters, { shape: [2], values: [0.9, 2] }, { rtol: 1e-6 });
      tf.dispose([next.parameters, next.state.mean, next.state.square]);
      tf.dispose([parameters, gradient, old.mean, old.square]);
    });
  });

  it('never steps much further than the learning rate', () => {
    const gradient = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(gradient, { minLength: 1, maxLength: 4 }),
        fc.nat(1000),
        (values, updates) =>
          tf.tidy(() => {
            const zeros = tf.zeros<tf.Rank.R1>([values.length]);
            const decay = { beta1: 0, beta2: 0.9 };
            const options = { ...decay, ...adamRate(0.01, decay, updates) };
            const state = { mean: zeros, square: zeros };
            const next = adamUpdate(zeros, tf.tensor1d(values), state, options);
            const steps = next.parameters.dataSync();
            // With β₁ = 0 the bound is lr/√(1 − β₂) (Kingma & Ba 2015, section 2.1).
            for (const step of steps)
              expect(Math.abs(step)).toBeLessThanOrEqual(0.01 / Math.sqrt(0.1) + 1e-6);
          }),
      ),
      { numRuns: 50 },
    );
  });
});

describe('averageUpdate', () => {
  it.each(golden<EmaCase>('ema'))('equals PyTorch: $name', async (item) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        let average = vector(item.average);
        for (const step of item.steps) {
          average = averageUpdate(average, vector(step.parameter), 1 - item.decay);
          expectClose(average, flat(step.average), { rtol: 1e-5, atol: 1e-7 });
        }
      }),
    );
  });

  it('is the value itself for a share of 1', () => {
    tf.tidy(() => {
      const value = tf.tensor1d([0.1, -7]);
      expectClose(averageUpdate(tf.tensor1d([0.3, 2]), value, 1), value, { rtol: 1e-6 });
    });
  });
});
