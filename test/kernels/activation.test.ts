import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { leakyRelu, registerKernels, relu } from '../../src/kernels/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';
import { nativeOps, numericGradient, registered } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const SHAPE = [2, 5, 4, 3];
const KERNELS = ['FrameloomLeakyRelu', 'FrameloomLeakyReluGrad'] as const;

describe.each([0, 0.2])('leaky relu of slope %d', (slope) => {
  it('equals max(x, slope·x) and its reference, bit by bit', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const x = normals('x', SHAPE);
        const dy = normals('dy', SHAPE);
        const [forward, backward] = KERNELS.map((name) => ({
          fused: registered(name, 'tensorflow'),
          reference: registered(name, 'cpu'),
        }));
        const y = leakyRelu(x, slope);
        expectClose(y, tf.maximum(x, tf.mul(x, slope)));
        expectClose(forward!.fused({ x }, { slope })[0]!, y);
        expectClose(forward!.reference({ x }, { slope })[0]!, y);
        const gradient = backward!.reference({ dy, y }, { slope })[0]!;
        expectClose(backward!.fused({ dy, y }, { slope })[0]!, gradient);
        expectClose(tf.grad((value) => leakyRelu(value, slope))(x, dy), gradient);
      }),
    );
  });

  it('is what runs on the native backend', () => {
    tf.tidy(() => {
      const x = normals('x', SHAPE);
      const ops = nativeOps(
        () => void tf.grad((value) => leakyRelu(value, slope))(x, tf.onesLike(x)),
      );
      const expected = slope === 0 ? ['Relu', 'ReluGrad'] : ['LeakyRelu', 'LeakyReluGrad'];
      expect(ops.filter((op) => op.includes('Relu'))).toEqual(expected);
    });
  });

  it('has the gradient of finite differences', () => {
    tf.tidy(() => {
      const raw = normals('x', SHAPE);
      // Clear of the kink at 0.
      const x = tf.mul(tf.sign(raw), tf.add(tf.abs(raw), 0.25));
      const dy = normals('dy', SHAPE);
      const f = (value: tf.Tensor) => leakyRelu(value, slope);
      expectClose(tf.grad(f)(x, dy), numericGradient(f, x, dy, 2 ** -4), { atol: 2e-5 });
    });
  });

  it('has its exact second-order gradient', () => {
    tf.tidy(() => {
      const x = normals('x', SHAPE);
      const direction = normals('direction', SHAPE);
      // The gradient of Σ f(x)² is 2·f(x)·f′(x), whose own is 2·f′(x)².
      const gradient = tf.grad((value) => tf.sum(tf.square(leakyRelu(value, slope))));
      const second = tf.grad((value) => tf.sum(tf.mul(gradient(value), direction)))(x);
      const expected = tf.mul(direction, tf.where(tf.greater(x, 0), 2, 2 * slope ** 2));
      expectClose(second, expected, { rtol: 1e-5, atol: 1e-6 });
    });
  });

  it('gives zero the slope of the negative side, and passes NaN on', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([0, Number.NaN]);
      const gradient = tf.grad((value) => leakyRelu(value, slope))(x, tf.ones([2]));
      expect(gradient.dataSync()[0]).toBeCloseTo(slope, 7);
      expect(leakyRelu(x, slope).dataSync()[1]).toBeNaN();
    });
  });
});

describe('relu', () => {
  it('is leaky relu of slope 0', () => {
    tf.tidy(() => {
      const x = normals('x', SHAPE);
      expectClose(relu(x), leakyRelu(x, 0));
      expectClose(relu(x), tf.relu(x));
    });
  });
});
