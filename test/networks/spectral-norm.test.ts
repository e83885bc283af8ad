import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { valueAndGradients } from '../../src/autodiff/index.js';
import { useBackend } from '../../src/backend/index.js';
import { createSpectralNorm, type ParameterSpec } from '../../src/networks/index.js';
import { golden, type GoldenTensor } from '../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../tensors.js';

interface SpectralCase {
  weight: GoldenTensor;
  uBefore: GoldenTensor;
  u: GoldenTensor;
  v: GoldenTensor;
  sigma: number;
  stableRank: number;
  normalizedWeight: GoldenTensor;
  normalizedWeightGradient: GoldenTensor;
  weightGradient: GoldenTensor;
}

beforeAll(async () => {
  await useBackend();
});

const spec = (name: string, shape: readonly number[]): ParameterSpec => ({
  name,
  shape,
  init: { normal: 1 },
});

describe('spectral norm', () => {
  it.each(golden<SpectralCase>('spectral-norm'))(
    'equals PyTorch: kernel of $name',
    async (item) => {
      await expectNoLeak(() =>
        tf.tidy(() => {
          const spectral = createSpectralNorm([spec('c.weight', item.weight.shape)]);
          const weight = tensorOf(item.weight);
          const before = tf.concat1d([
            tensorOf<tf.Rank.R1>(item.uBefore),
            tf.zeros([item.v.values.length]),
          ]);
          const vectors = spectral.iterate({ 'c.weight': weight }, before);
          const { 'c.weight.u': u, 'c.weight.v': v } = spectral.layout.unflatten(vectors);
          const column = (values: number[]) => ({ shape: [values.length, 1], values });
          expectClose(u!, column(item.u.values), { rtol: 1e-5, atol: 1e-6 });
          expectClose(v!, column(item.v.values), { rtol: 1e-5, atol: 1e-6 });

          const normalize = (w: tf.Tensor) =>
            spectral.normalize({ 'c.weight': w }, vectors)['c.weight']!;
          expectClose(normalize(weight), item.normalizedWeight, { rtol: 1e-5, atol: 1e-6 });
          expect(weight.dataSync()[0]! / normalize(weight).dataSync()[0]!).toBeCloseTo(
            item.sigma,
            4,
          );
          const gradient = tf.grad(normalize)(weight, tensorOf(item.normalizedWeightGradient));
          expectClose(gradient, item.weightGradient, { rtol: 1e-5, atol: 1e-6 });
        }),
      );
    },
  );

  it.each(golden<SpectralCase>('spectral-norm'))(
    'has a stable rank as by singular values: kernel of $name',
    async (item) => {
      await expectNoLeak(() =>
        tf.tidy(() => {
          // One of zeros beside it has none; one of one output, of rank 1 whatever it is, says nothing.
          const parameters = {
            'c.weight': tensorOf(item.weight),
            ...{ 'd.weight': tf.zeros([1, 1, 2, 3]), 'e.weight': tf.ones([1, 1, 2, 1]) },
          };
          const rankOf = (specs: ParameterSpec[], iterations: number): number | undefined => {
            const spectral = createSpectralNorm(specs);
            let vectors = tf.tensor1d(spectral.layout.initialize(1));
            for (let i = 0; i < iterations; i += 1) vectors = spectral.iterate(parameters, vectors);
            return spectral.leastStableRank(parameters, vectors)?.dataSync()[0];
          };
          const both = [spec('c.weight', item.weight.shape), spec('e.weight', [1, 1, 2, 1])];
          expect(rankOf(both, 80)).toBeCloseTo(item.stableRank, 4);
          // The vectors reach the largest singular value from below.
          expect(rankOf(both, 1)).toBeGreaterThanOrEqual(item.stableRank - 1e-4);
          expect(rankOf([...both, spec('d.weight', [1, 1, 2, 3])], 2)).toBe(0);
          expect(rankOf(both.slice(1), 1)).toBeUndefined();
        }),
      );
    },
  );

  it('converges to the largest singular value', () => {
    // W = U·diag(s)·Vᵀ with orthonormal U [18, 3] and V [3, 3]: its singular values are s.
    const values = [3, 2, 0.5];
    tf.tidy(() => {
      const left = tf.transpose(
        tf.linalg.gramSchmidt(normals<tf.Rank.R2>('left', [3, 18])) as tf.Tensor2D,
      );
      const right = tf.linalg.gramSchmidt(normals<tf.Rank.R2>('right', [3, 3])) as tf.Tensor2D;
      const matrix = tf.matMul(tf.mul(left, tf.tensor1d(values)), right);
      const weight = tf.reshape(matrix, [3, 3, 2, 3]);
      const spectral = createSpectralNorm([spec('c.weight', [3, 3, 2, 3])]);
      let vectors = tf.tensor1d(spectral.layout.initialize(1));
      for (let i = 0; i < 30; i += 1) vectors = spectral.iterate({ 'c.weight': weight }, vectors);
      const normalized = spectral.normalize({ 'c.weight': weight }, vectors)['c.weight']!;
      expectClose(normalized, tf.div(weight, values[0]!), { rtol: 1e-5, atol: 1e-6 });
    });
  });

  it('takes weights alone, leaves the rest, and does not change its inputs', () => {
    tf.tidy(() => {
      const spectral = createSpectralNorm([spec('c.weight', [1, 1, 2, 3]), spec('c.bias', [3])]);
      expect(spectral.layout.specs.map(({ name }) => name)).toEqual(['c.weight.u', 'c.weight.v']);
      const parameters = {
        'c.weight': normals('w', [1, 1, 2, 3]),
        'c.bias': normals('b', [3]),
        'other.weight': normals('o', [1, 1, 2, 3]),
      };
      const vectors = tf.tensor1d(spectral.layout.initialize(1));
      const before = vectors.dataSync().slice();
      const normalized = spectral.normalize(parameters, spectral.iterate(parameters, vectors));
      expect(normalized['c.bias']).toBe(parameters['c.bias']);
      expect(normalized['other.weight']).toBe(parameters['other.weight']);
      expect(vectors.dataSync()).toEqual(before);
    });
  });

  it('is nothing without weights', () => {
    tf.tidy(() => {
      const spectral = createSpectralNorm([spec('c.bias', [3])]);
      const parameters = { 'c.bias': tf.ones([3]) };
      const vectors = spectral.iterate(parameters, tf.tensor1d([], 'float32'));
      expect(vectors.shape).toEqual([0]);
      expect(spectral.normalize(parameters, vectors)).toBe(parameters);
    });
  });

  it('leaves a weight of zeros as it is, with a gradient to leave by', () => {
    tf.tidy(() => {
      const spectral = createSpectralNorm([spec('c.weight', [1, 1, 2, 3])]);
      const weight = tf.zeros([1, 1, 2, 3]);
      const first = tf.tensor1d(spectral.layout.initialize(1));
      const vectors = spectral.iterate({ 'c.weight': weight }, first);
      const normalized = (x: tf.Tensor) =>
        spectral.normalize({ 'c.weight': x }, vectors)['c.weight']!;
      expect([...normalized(weight).dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
      const sum = (): tf.Scalar => tf.sum(normalized(weight));
      const { gradients } = valueAndGradients(sum, [weight]);
      expect([...gradients[0]!.dataSync()]).toEqual([1, 1, 1, 1, 1, 1]);
    });
  });
});
