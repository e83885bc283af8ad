import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { gatherRows } from '../../src/kernels/gather-rows/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';
import { nativeOps, registered } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

describe('gatherRows', () => {
  it('takes the rows that tf.gather takes, as its reference does', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const table = normals<tf.Rank.R2>('table', [5, 3]);
        const indices = tf.tensor1d([4, 0, 0, 2, 4, 3, 1], 'int32');
        const expected = tf.gather(table, indices);
        expectClose(gatherRows(table, indices), expected);
        expectClose(registered('FrameloomGatherRows', 'cpu')({ table, indices })[0]!, expected);
      }),
    );
  });

  it('is one op on the native backend, which reads nothing back', () => {
    tf.tidy(() => {
      const table = normals<tf.Rank.R2>('table', [5, 3]);
      const indices = tf.tensor1d([4, 0], 'int32');
      expect(nativeOps(() => void gatherRows(table, indices))).toEqual(['GatherV2']);
    });
  });
});
