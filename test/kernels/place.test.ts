import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { place, registerKernels } from '../../src/kernels/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

beforeAll(async () => {
  await useBackend();
  registerKernels();
});

/** The same as the textbook has it: two channels that hold the places, and a 1×1 convolution of them. */
const byChannels = (x: tf.Tensor4D, weight: tf.Tensor2D): tf.Tensor4D => {
  const [samples, height, width] = x.shape;
  const places = tf.tensor4d(
    Array.from({ length: samples * height * width }, (_, i) => [
      (2 * (i % width)) / Math.max(1, width - 1) - 1,
      (2 * (Math.floor(i / width) % height)) / Math.max(1, height - 1) - 1,
    ]).flat(),
    [samples, height, width, 2],
  );
  return tf.add(x, tf.conv2d(places, tf.reshape(weight, [1, 1, 2, -1]), 1, 'same'));
};

describe('place', () => {
  it.each([
    [1, 4, 6, 3],
    [2, 5, 2, 1],
    [2, 1, 3, 4],
  ] as const)('adds what a convolution of places does, [%d, %d, %d, %d]', async (...shape) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const x = normals<tf.Rank.R4>('x', [...shape]);
        const weight = normals<tf.Rank.R2>('w', [2, shape[3]]);
        const dy = normals<tf.Rank.R4>('dy', [...shape]);
        expectClose(place(x, weight), byChannels(x, weight), { atol: 1e-5 });
        const ours = tf.grads(place as (...all: tf.Tensor[]) => tf.Tensor)([x, weight], dy);
        const theirs = tf.grads(byChannels as (...all: tf.Tensor[]) => tf.Tensor)([x, weight], dy);
        ours.forEach((gradient, i) => expectClose(gradient, theirs[i]!, { atol: 1e-4 }));
      }),
    );
  });

  it('gives a part what it has in the whole, for each sample its own', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const whole = normals<tf.Rank.R4>('x', [1, 6, 8, 3]);
        const weight = normals<tf.Rank.R2>('w', [2, 3]);
        const [tops, lefts, height, width] = [[0, 2], [5, 1], 4, 3];
        const at = (i: number, size: number): number => (2 * i) / (size - 1) - 1;
        const within = tf.tensor2d(
          lefts.map((left, i) => [
            ...[at(left, 8), at(left + width - 1, 8)],
            ...[at(tops[i]!, 6), at(tops[i]! + height - 1, 6)],
          ]),
        );
        const cut = (x: tf.Tensor4D): tf.Tensor4D =>
          tf.concat(
            lefts.map((left, i) => tf.slice(x, [0, tops[i]!, left, 0], [1, height, width, 3])),
          );
        const part = (w: tf.Tensor2D): tf.Tensor4D => place(cut(whole), w, within);
        const ofWhole = (w: tf.Tensor2D): tf.Tensor4D => cut(place(whole, w));
        expectClose(part(weight), ofWhole(weight), { atol: 1e-5 });
        const dy = normals<tf.Rank.R4>('dy', [2, height, width, 3]);
        const gradientOf = (f: (w: tf.Tensor2D) => tf.Tensor4D): tf.Tensor =>
          tf.grad(f as (w: tf.Tensor) => tf.Tensor)(weight, dy);
        expectClose(gradientOf(part), gradientOf(ofWhole), { atol: 1e-4 });
      }),
    );
  });

  it('refuses weights of other channels', () => {
    tf.tidy(() => {
      const x = tf.zeros<tf.Rank.R4>([1, 2, 2, 3]);
      expect(() => place(x, tf.zeros([2, 2]))).toThrow(
        expect.objectContaining({ code: 'bad-shape' }),
      );
    });
  });
});
