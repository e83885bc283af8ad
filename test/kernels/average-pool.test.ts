import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { expectClose, normals } from '../tensors.js';
import { numericGradient } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

describe('average pooling', () => {
  it('has the second-order gradient of finite differences', () => {
    tf.tidy(() => {
      const x = normals<tf.Rank.R4>('x', [1, 5, 6, 2]);
      const pool = (value: tf.Tensor) => tf.avgPool(value as tf.Tensor4D, 3, 2, 'same');
      // Σ pool(x)³: its gradient is not linear, so that it has one again.
      const gradient = tf.grad((value) => tf.sum(tf.mul(pool(value), tf.square(pool(value)))));
      const direction = normals('direction', x.shape);
      const second = tf.grad((value) => tf.sum(tf.mul(gradient(value), direction)))(x);
      expectClose(second, numericGradient(gradient, x, direction, 2 ** -3), {
        rtol: 1e-3,
        atol: 1e-4,
      });
    });
  });
});
