import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { depthToSpace, spaceToDepth } from '../../src/networks/pixel-shuffle.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

beforeAll(async () => {
  await useBackend();
});

const SHAPE = [2, 4, 6, 3];

describe('pixel shuffling', () => {
  it('equals TensorFlow’s own depthToSpace, and spaceToDepth undoes it', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const deep = normals<tf.Rank.R4>('deep', [2, 2, 3, 12]);
        const image = depthToSpace(deep);
        expectClose(image, tf.depthToSpace(deep, 2));
        expectClose(spaceToDepth(image), deep);
        expect(spaceToDepth(normals<tf.Rank.R4>('image', SHAPE)).shape).toEqual([2, 2, 3, 12]);
      }),
    );
  });

  it('has the other as its gradient', () => {
    tf.tidy(() => {
      const [image, deep] = [
        normals<tf.Rank.R4>('i', SHAPE),
        normals<tf.Rank.R4>('d', [2, 2, 3, 12]),
      ];
      expectClose(tf.grad((x) => spaceToDepth(x as tf.Tensor4D))(image, deep), depthToSpace(deep));
      expectClose(tf.grad((x) => depthToSpace(x as tf.Tensor4D))(deep, image), spaceToDepth(image));
    });
  });
});
