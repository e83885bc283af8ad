import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { blur, registerKernels } from '../../src/kernels/index.js';
import { golden, type GoldenTensor } from '../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../tensors.js';
import { numericGradient } from './support.js';

interface BlurCase {
  readonly name: string;
  readonly x: GoldenTensor;
  readonly weight: GoldenTensor;
  readonly output: GoldenTensor;
  readonly outputGradient: GoldenTensor;
  readonly xGradient: GoldenTensor;
  readonly weightGradient: GoldenTensor;
}

afterAll(() => useBackend({ prefer: 'tensorflow' }));

const strided = (x: tf.Tensor, weight: tf.Tensor): tf.Tensor =>
  tf.conv2d(blur(x as tf.Tensor4D, weight.shape[0]), weight as tf.Tensor4D, 2, 'valid');

describe.each(['tensorflow', 'wasm', 'cpu'] as const)('blur on %s', (prefer) => {
  it.each(golden<BlurCase>('blur'))(
    'is one kernel with the stride that comes after it, as PyTorch has it: $name',
    async (item) => {
      await useBackend({ prefer });
      registerKernels();
      await expectNoLeak(() =>
        tf.tidy(() => {
          const [x, weight] = [tensorOf(item.x), tensorOf(item.weight)];
          const near = { rtol: 1e-5, atol: 1e-5 };
          expectClose(strided(x, weight), item.output, near);
          const gradients = tf.grads(strided)([x, weight], tensorOf(item.outputGradient));
          expectClose(gradients[0]!, item.xGradient, near);
          expectClose(gradients[1]!, item.weightGradient, near);
        }),
      );
    },
  );
});

it('has the second-order gradient of finite differences', async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
  tf.tidy(() => {
    const x = normals<tf.Rank.R4>('x', [1, 5, 4, 1]);
    const blurred = (value: tf.Tensor): tf.Tensor => blur(value as tf.Tensor4D, 4);
    // Σ blur(x)³: its gradient is not linear, so that it has one again.
    const gradient = tf.grad((value) => tf.sum(tf.mul(blurred(value), tf.square(blurred(value)))));
    const direction = normals('direction', x.shape);
    const second = tf.grad((value) => tf.sum(tf.mul(gradient(value), direction)))(x);
    expectClose(second, numericGradient(gradient, x, direction, 2 ** -3), {
      rtol: 1e-3,
      atol: 1e-4,
    });
  });
});

it('leaves no grid in a gradient through a stride, which has one without it', async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
  tf.tidy(() => {
    const weight = normals('weight', [4, 4, 2, 3]);
    const unblurred = (x: tf.Tensor): tf.Tensor =>
      tf.conv2d(x as tf.Tensor4D, weight as tf.Tensor4D, 2, 'same');
    /** How much the gradient differs from pixel to pixel, away from the border. */
    const gridOf = (f: (x: tf.Tensor) => tf.Tensor): number => {
      const gradient = tf.grad((x: tf.Tensor) => tf.sum(f(x)))(tf.zeros([1, 16, 20, 2]));
      const middle = tf.slice(gradient, [0, 4, 4, 0], [1, 8, 12, 2]);
      return tf.max(tf.sub(tf.max(middle, [0, 1, 2]), tf.min(middle, [0, 1, 2]))).dataSync()[0]!;
    };
    expect(gridOf(unblurred)).toBeGreaterThan(1);
    expect(gridOf((x) => strided(x, weight))).toBeLessThan(1e-4);
  });
});

it('needs four dimensions', () => {
  const flat = tf.zeros([2, 2]);
  expect(() => blur(flat as unknown as tf.Tensor4D, 4)).toThrow(
    expect.objectContaining({ code: 'bad-shape' }),
  );
  flat.dispose();
});
