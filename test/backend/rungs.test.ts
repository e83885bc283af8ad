import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { labelsToTensor } from '../../src/clips/index.js';
import { expectClose, normals, type PlainTensor } from '../tensors.js';

const RUNGS = ['tensorflow', 'wasm', 'cpu'] as const;

/** What each rung makes of it, native TensorFlow's first. */
async function onEach(make: () => tf.Tensor): Promise<PlainTensor[]> {
  const made: PlainTensor[] = [];
  for (const prefer of RUNGS) {
    await useBackend({ prefer });
    const tensor = tf.tidy(make);
    made.push({ shape: tensor.shape, values: tensor.dataSync() });
    tensor.dispose();
  }
  return made;
}

async function expectAlike(make: () => tf.Tensor): Promise<PlainTensor> {
  const [native, ...others] = await onEach(make);
  for (const other of others) expectClose(other, native!, { rtol: 1e-5, atol: 1e-5 });
  return native!;
}

type Pad = Parameters<typeof tf.avgPool>[3];

describe('the rungs below native TensorFlow', () => {
  it.each<[string, [number, number, number, number], [number, number], [number, number], Pad]>([
    ['as the judges pool', [1, 5, 6, 2], [3, 3], [2, 2], 'same'],
    ['windows and strides that are not square', [2, 7, 5, 3], [2, 4], [3, 1], 'same'],
    ['a window larger than the picture', [1, 2, 3, 1], [5, 5], [1, 2], 'same'],
    ['no padding', [1, 6, 6, 2], [3, 2], [1, 2], 'valid'],
  ])('pool by the same gradient: %s', async (_name, size, window, strides, pad) => {
    const gradient = await expectAlike(() => {
      const x = normals<tf.Rank.R4>('x', size);
      const pool = (value: tf.Tensor) => tf.avgPool(value as tf.Tensor4D, window, strides, pad);
      const weights = normals('dy', pool(x).shape);
      return tf.grad((value) => tf.sum(tf.mul(pool(value), weights)))(x);
    });
    expect(gradient.shape).toEqual(size);
  });

  it('pool volumes by the same gradient', async () => {
    await expectAlike(() => {
      const x = normals<tf.Rank.R5>('volume', [1, 3, 5, 4, 2]);
      const pool = (value: tf.Tensor) => tf.avgPool3d(value as tf.Tensor5D, 3, 2, 'same');
      const weights = normals('dy', pool(x).shape);
      return tf.grad((value) => tf.sum(tf.mul(pool(value), weights)))(x);
    });
  });

  it('pool with padding that is counted out by the same rule', async () => {
    // Native pooling of TF.js takes no padding by numbers: the two others are held to each other's pooling.
    for (const prefer of ['wasm', 'cpu'] as const) {
      await useBackend({ prefer });
      tf.tidy(() => {
        const pool = (value: tf.Tensor) => tf.avgPool(value as tf.Tensor4D, 3, 2, 1, 'floor');
        const sum = tf.grad((value) => tf.sum(pool(value)))(tf.ones([1, 5, 5, 1]));
        // Averages hand on all that arrives: nine windows, each 1.
        expectClose(tf.sum(sum), 9, { rtol: 1e-6 });
      });
    }
  });

  it('know the labels of a map, and that one is of no class', async () => {
    const labels = await expectAlike(() =>
      labelsToTensor(Uint8Array.of(2, 0, 255, 1), [1, 1, 2, 2], 3),
    );
    expect([...(labels.values as Float32Array)]).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0]);
  });

  it.each([
    ['float32', 0.75, -0.5],
    ['int32', 3, -2],
    ['bool', 1, 0],
  ] as const)('mark %s', async (type, on, off) => {
    await expectAlike(() => {
      const hot = tf.oneHot(
        tf.tensor2d(
          [
            [0, 2],
            [1, 5],
          ],
          [2, 2],
          'int32',
        ),
        3,
        on,
        off,
        type,
      );
      expect(hot.dtype).toBe(type);
      return tf.cast(hot, 'float32');
    });
  });
});
