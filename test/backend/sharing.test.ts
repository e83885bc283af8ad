import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';
import { nativeOps } from '../kernels/support.js';

beforeAll(async () => {
  // In the order of a process that fell back first: sharing comes with the backend.
  await useBackend({ prefer: 'wasm' });
  registerKernels();
  await useBackend({ prefer: 'tensorflow' });
});

const VALUES = [1, 2, 3, 4, 5, 6];
const make = () => tf.tensor2d(VALUES, [2, 3]);

/** What asks for a tensor that is the same already. */
const SAME: [string, (x: tf.Tensor) => tf.Tensor][] = [
  ['a reshape to its own shape', (x) => tf.reshape(x, [2, 3])],
  ['a cast to its own type', (x) => tf.engine().runKernel(tf.Cast, { x }, { dtype: 'float32' })],
];

describe.each(SAME)('%s', (_name, same) => {
  it('shares the data and runs no op', () => {
    tf.tidy(() => {
      const x = make();
      let y: tf.Tensor = x;
      expect(nativeOps(() => void (y = same(x)))).toEqual([]);
      expect(y).not.toBe(x);
      expect(y.dataId).toBe(x.dataId);
      expectClose(y, x);
    });
  });

  it('leaves either one good when the other is disposed of', async () => {
    await expectNoLeak(() => {
      const before = tf.memory().numDataBuffers;
      const x = make();
      const [y, z] = [same(x), same(x)];
      expect(tf.memory().numDataBuffers - before).toBe(1);
      x.dispose();
      expectClose(y, { shape: [2, 3], values: VALUES });
      y.dispose();
      expectClose(z, { shape: [2, 3], values: VALUES });
      z.dispose();
      expect(tf.memory().numDataBuffers).toBe(before);
    });
  });

  it('has its gradient', () => {
    tf.tidy(() => {
      const dy = normals('dy', [2, 3]);
      expectClose(tf.grad((x) => tf.mul(same(x), x))(make(), dy), tf.mul(tf.mul(make(), 2), dy), {
        rtol: 1e-6,
      });
    });
  });
});

describe('what really changes the tensor', () => {
  it('is still reshaped and cast', () => {
    tf.tidy(() => {
      const x = make();
      expectClose(tf.reshape(x, [3, 2]), { shape: [3, 2], values: VALUES });
      expectClose(tf.reshape(x, [6]), { shape: [6], values: VALUES });
      expect(tf.reshape(x, [1, 2, 3]).shape).toEqual([1, 2, 3]);
      const whole = tf.cast(tf.tensor1d([1.7, -1.7]), 'int32');
      expect(whole.dtype).toBe('int32');
      expect([...whole.dataSync()]).toEqual([1, -1]);
    });
  });
});
