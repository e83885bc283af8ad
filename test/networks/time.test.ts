import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { foldTime, frameAt, unfoldTime } from '../../src/networks/index.js';
import { expectClose, expectNoLeak } from '../tensors.js';

beforeAll(async () => {
  await useBackend();
});

const SHAPE: [number, number, number, number, number] = [2, 3, 2, 2, 1];
const values = Array.from({ length: 24 }, (_, i) => i);

describe('time', () => {
  it('folds into the batch, sample by sample, and back', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const window = tf.tensor5d(values, SHAPE);
        const folded = foldTime(window);
        expectClose(folded, { shape: [6, 2, 2, 1], values });
        expectClose(unfoldTime(folded, 2), window);
      }),
    );
  });

  it('has frames by number', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const frame = frameAt(tf.tensor5d(values, SHAPE), 1);
        expectClose(frame, { shape: [2, 2, 2, 1], values: [4, 5, 6, 7, 16, 17, 18, 19] });
        expect(() => frameAt(tf.tensor5d(values, SHAPE), 3)).toThrow(/./);
      }),
    );
  });
});
