import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { biasAdd, registerKernels } from '../../src/kernels/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';
import { nativeOps, numericGradient, registered } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const make = () => ({
  x: normals<tf.Rank.R4>('x', [2, 5, 4, 3]),
  bias: normals<tf.Rank.R1>('bias', [3]),
  dy: normals<tf.Rank.R4>('dy', [2, 5, 4, 3]),
});

const add = (x: tf.Tensor, bias: tf.Tensor): tf.Tensor =>
  biasAdd(x as tf.Tensor4D, bias as tf.Tensor1D);

describe('biasAdd', () => {
  it('equals a broadcast sum and its reference, with their gradients', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const { x, bias, dy } = make();
        expectClose(biasAdd(x, bias), tf.add(x, bias));
        const inputs = { x, bias };
        const forward = ['tensorflow', 'cpu'] as const;
        for (const backend of forward) {
          expectClose(registered('FrameloomBiasAdd', backend)(inputs)[0]!, tf.add(x, bias));
          expectClose(
            registered('FrameloomBiasAddGrad', backend)({ dy })[0]!,
            tf.sum(dy, [0, 1, 2]),
            { rtol: 1e-5, atol: 1e-5 },
          );
        }
        const gradients = tf.grads(add)([x, bias], dy) as [tf.Tensor, tf.Tensor];
        expectClose(gradients[0], dy);
        expectClose(gradients[1], tf.sum(dy, [0, 1, 2]), { rtol: 1e-5, atol: 1e-5 });
      }),
    );
  });

  it('is one op on the native backend', () => {
    tf.tidy(() => {
      const { x, bias, dy } = make();
      const ops = nativeOps(() => void tf.grads(add)([x, bias], dy));
      expect(ops.filter((op) => op.startsWith('BiasAdd'))).toEqual(['BiasAdd', 'BiasAddGrad']);
      expect(ops).not.toContain('AddV2');
      expect(ops).not.toContain('Sum');
    });
  });

  it('has the gradients of finite differences', () => {
    tf.tidy(() => {
      const { x, bias, dy } = make();
      const gradients = tf.grads(add)([x, bias], dy) as [tf.Tensor, tf.Tensor];
      const byX = numericGradient((value) => add(value, bias), x, dy, 0.25);
      const byBias = numericGradient((value) => add(x, value), bias, dy, 0.25);
      expectClose(gradients[0], byX, { atol: 1e-5 });
      expectClose(gradients[1], byBias, { rtol: 1e-5, atol: 2e-5 });
    });
  });

  it('adds up gradients where its input is used twice', () => {
    tf.tidy(() => {
      const { x, bias, dy } = make();
      const gradient = tf.grad((value) => tf.add(add(value, bias), tf.mul(value, 3)))(x, dy);
      expectClose(gradient, tf.mul(dy, 4), { rtol: 1e-6 });
    });
  });

  it('refuses shapes that do not fit', () => {
    tf.tidy(() => {
      expect(() => add(tf.zeros([2, 5, 4, 3]), tf.zeros([4]))).toThrow(
        expect.objectContaining({ code: 'bad-shape', message: 'bias has shape [4], expected [3]' }),
      );
    });
  });
});
