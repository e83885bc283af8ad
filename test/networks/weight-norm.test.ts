import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';
import { normalizeWeights } from '../../src/networks/weight-norm.js';
import type { ParameterSpec } from '../../src/networks/parameters.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

const spec = (name: string, shape: number[], axis?: number): ParameterSpec => ({
  ...{ name, shape, init: { constant: 1 } },
  ...(axis !== undefined && { gainOf: { weight: name.replace('.gain', '.weight'), axis } }),
});

beforeAll(async () => {
  await useBackend();
  registerKernels();
});

describe('weight normalization', () => {
  it.each([
    ['of a convolution', [3, 3, 2, 5], 3],
    ['of a transposed one', [2, 2, 5, 3], 2],
  ] as const)('gives each output channel the length of its gain: %s', async (_, shape, axis) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const specs = [
          spec('a.weight', [...shape]),
          spec('a.gain', [5], axis),
          spec('b.bias', [1]),
        ];
        const gains = tf.tensor1d([1, -2, 0.5, 0, 3]);
        const weight = normals('w', [...shape]);
        const read = normalizeWeights(specs, {
          ...{ 'a.weight': weight, 'a.gain': gains, 'b.bias': tf.ones([1]) },
        });
        expect(Object.keys(read).sort()).toEqual(['a.weight', 'b.bias']);
        const others = [0, 1, 2, 3].filter((i) => i !== axis);
        const length = (x: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(x), others));
        expectClose(length(read['a.weight']!), tf.abs(gains), { atol: 1e-5 });
        // Ten times as long a weight is the same direction.
        const longer = { 'a.weight': tf.mul(weight, 10), 'a.gain': gains, 'b.bias': tf.ones([1]) };
        expectClose(normalizeWeights(specs, longer)['a.weight']!, read['a.weight']!, {
          atol: 1e-5,
        });
      }),
    );
  });

  it('has a gradient across the direction alone', () => {
    tf.tidy(() => {
      const specs = [spec('a.weight', [3, 3, 2, 4]), spec('a.gain', [4], 3)];
      const weight = normals('w', [3, 3, 2, 4]);
      const made = (w: tf.Tensor): tf.Tensor =>
        normalizeWeights(specs, { 'a.weight': w, 'a.gain': tf.ones([4]) })['a.weight']!;
      const gradient = tf.grad(made)(weight, normals('dy', [3, 3, 2, 4]));
      const along = tf.sum(tf.mul(gradient, weight), [0, 1, 2]);
      expectClose(along, tf.zeros([4]), { atol: 1e-5 });
    });
  });

  it('keeps features of a fresh generator at about the same deviation', () => {
    tf.tidy(() => {
      const generator = createGenerator(generatorOptions.parse({ preset: 'small' }), 1);
      const weights = generator.weights(tf.tensor1d(generator.layout.initialize(3)));
      const input = {
        condition: normals<tf.Rank.R4>('c', [1, 32, 48, 3]),
        history: normals<tf.Rank.R4>('h', [1, 32, 48, 6]),
        ...{ noise: null, hasHistory: true },
      };
      let features: tf.Tensor | undefined;
      let before: Readonly<Record<string, tf.Tensor>> = {};
      for (const block of generator.blocks(true).slice(0, -2)) {
        before = block.run(weights, before, input);
        features = before.features!;
        const square = tf.mean(tf.square(features)).dataSync()[0]!;
        expect(square).toBeGreaterThan(0.2);
        expect(square).toBeLessThan(8);
      }
      expect(features!.shape).toEqual([1, 16, 24, 48]);
    });
  });
});
