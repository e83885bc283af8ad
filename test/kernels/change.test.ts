import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { change, registerKernels } from '../../src/kernels/index.js';
import { golden, type GoldenTensor } from '../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../tensors.js';

interface ChangeCase {
  readonly channels: number;
  readonly history: GoldenTensor;
  readonly condition: GoldenTensor;
  readonly output: GoldenTensor;
}

const cases = golden<ChangeCase>('change');

describe.each(['tensorflow', 'wasm', 'cpu'] as const)('change on %s', (prefer) => {
  beforeAll(async () => {
    await useBackend({ prefer });
    registerKernels();
  });

  it.each(cases)('equals PyTorch: $name', async ({ channels, history, condition, output }) => {
    expect(tf.getBackend()).toBe(prefer);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const changed = change(tensorOf(history), tensorOf(condition), channels);
        expectClose(changed, output, { rtol: 1e-4, atol: 1e-5 });
      }),
    );
  });
});

describe('change', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
  });

  const [height, width] = [16, 64];
  const still = (channels: number, times: number, seed: string): tf.Tensor4D => {
    const one = tf.tanh(normals<tf.Rank.R4>(seed, [1, height, width, channels]));
    return tf.concat(
      Array.from({ length: times }, () => one),
      3,
    );
  };
  /** The mean of what is found, and whether the right half is nothing but zeros. */
  const found = (history: tf.Tensor4D, condition: tf.Tensor4D) => {
    const changed = change(history, condition, 1);
    const right = tf.slice(changed, [0, 0, width / 2, 0], [-1, -1, -1, -1]);
    return { mean: tf.mean(changed).dataSync()[0]!, right: tf.max(right).dataSync()[0]! };
  };

  it('takes grain for no change, and a square that moves for one, where it moves', () => {
    tf.tidy(() => {
      const condition = still(1, 3, 'c');
      const history = still(3, 2, 'h');
      const grain = tf.mul(normals<tf.Rank.R4>('grain', history.shape), 2 / 127.5);
      expect(found(tf.add(history, tf.mul(grain, 0.3)), condition)).toEqual({ mean: 0, right: 0 });
      const square = tf.pad(tf.ones<tf.Rank.R4>([1, 8, 8, 1]), [
        [0, 0],
        [4, 4],
        [8, width - 16],
        [2, 0],
      ]);
      const { mean, right } = found(history, tf.add(condition, square));
      expect(right).toBe(0);
      expect(mean).toBeGreaterThan(0.05);
    });
  });

  it('finds that all has changed where a camera moves', () => {
    tf.tidy(() => {
      const condition = normals<tf.Rank.R4>('c', [1, height, width, 2]);
      const half = tf.slice(condition, [0, 0, 0, 0], [1, height, width / 2, 2]);
      const quiet = tf.zeros<tf.Rank.R4>([1, height, width / 2, 2]);
      const { mean } = found(still(3, 2, 'h'), tf.concat([half, quiet], 2));
      expect(mean).toBe(1);
    });
  });

  it('refuses a condition of one frame, and a past of one', () => {
    tf.tidy(() => {
      const [history, condition] = [still(3, 2, 'h'), still(1, 1, 'c')];
      const refused = expect.objectContaining({ code: 'bad-shape' }) as Error;
      expect(() => change(history, condition, 1)).toThrow(refused);
      expect(() => change(still(3, 1, 'h'), still(1, 2, 'c'), 1)).toThrow(refused);
    });
  });
});
