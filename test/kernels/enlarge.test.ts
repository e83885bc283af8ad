import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { enlarge, registerKernels } from '../../src/kernels/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

afterAll(() => useBackend({ prefer: 'tensorflow' }));

/** The matrix of the enlargement along one axis: (3, 1)/4 of the nearest two, the border repeated. */
function matrix(size: number): number[][] {
  return Array.from({ length: 2 * size }, (_, out) => {
    const row = new Array<number>(size).fill(0);
    const near = Math.floor(out / 2);
    const far = Math.min(size - 1, Math.max(0, out % 2 === 0 ? near - 1 : near + 1));
    row[near]! += 0.75;
    row[far]! += 0.25;
    return row;
  });
}

describe.each(['tensorflow', 'cpu'] as const)('enlarge on %s', (prefer) => {
  it.each([
    [1, 1],
    [3, 4],
    [5, 2],
  ])('is a linear map, and its gradient the transposed one: %d×%d', async (height, width) => {
    await useBackend({ prefer });
    registerKernels();
    await expectNoLeak(() =>
      tf.tidy(() => {
        const x = normals<tf.Rank.R4>('x', [1, height, width, 1]);
        const dy = normals<tf.Rank.R4>('dy', [1, 2 * height, 2 * width, 1]);
        const [rows, columns] = [tf.tensor2d(matrix(height)), tf.tensor2d(matrix(width))];
        const flat = (t: tf.Tensor): tf.Tensor2D => tf.squeeze(t, [0, 3]);
        const forward = tf.matMul(tf.matMul(rows, flat(x)), columns, false, true);
        expectClose(flat(enlarge(x)), forward, { rtol: 1e-5, atol: 1e-6 });
        const slope = tf.grad((t: tf.Tensor) => tf.sum(tf.mul(enlarge(t as tf.Tensor4D), dy)))(x);
        const back = tf.matMul(tf.matMul(rows, flat(dy), true), columns);
        expectClose(flat(slope), back, { rtol: 1e-5, atol: 1e-6 });
      }),
    );
  });

  it('needs four dimensions', () => {
    const flat = tf.zeros([2, 2]);
    expect(() => enlarge(flat as unknown as tf.Tensor4D)).toThrow(
      expect.objectContaining({ code: 'bad-shape' }),
    );
    flat.dispose();
  });
});
