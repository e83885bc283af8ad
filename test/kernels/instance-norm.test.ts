import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { nativeBackend } from '../../src/backend/native.js';
import { instanceNorm, registerKernels } from '../../src/kernels/index.js';
import { instanceNormFused, instanceNormGradFused } from '../../src/kernels/instance-norm/fused.js';
import {
  instanceNormGradReference,
  instanceNormReference,
} from '../../src/kernels/instance-norm/reference.js';
import { golden, type GoldenTensor } from '../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../tensors.js';
import { nativeOps, numericGradient } from './support.js';

interface NormCase {
  epsilon: number;
  x: GoldenTensor;
  gamma: GoldenTensor;
  beta: GoldenTensor;
  output: GoldenTensor;
  outputGradient: GoldenTensor;
  xGradient: GoldenTensor;
  gammaGradient: GoldenTensor;
  betaGradient: GoldenTensor;
}

const EPSILON = { epsilon: 1e-5 };

const norm = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor =>
  instanceNorm(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D);

/** A batch with its scale, shift and cotangent. */
function example(samples: number) {
  const shape = [samples, 5, 4, 2];
  return {
    x: tf.add<tf.Tensor4D>(tf.mul(normals('x', shape), 2), 0.5),
    gamma: tf.add<tf.Tensor1D>(normals('gamma', [2]), 1),
    beta: normals<tf.Rank.R1>('beta', [2]),
    dy: normals<tf.Rank.R4>('dy', shape),
  };
}

describe.each(['tensorflow', 'cpu'] as const)('instance norm on %s', (prefer) => {
  beforeAll(async () => {
    await useBackend({ prefer });
    registerKernels();
  });

  it('is there', () => {
    expect(tf.getBackend()).toBe(prefer);
  });

  it.each(golden<NormCase>('instance-norm'))('equals PyTorch: $name', async (item) => {
    expect(item.epsilon).toBe(EPSILON.epsilon);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const inputs = [item.x, item.gamma, item.beta].map((value) => tensorOf(value));
        const [x, gamma, beta] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor];
        expectClose(norm(x, gamma, beta), item.output, { rtol: 1e-5, atol: 2e-6 });
        const gradients = tf.grads(norm)(inputs, tensorOf(item.outputGradient));
        expectClose(gradients[0]!, item.xGradient, { rtol: 1e-5, atol: 2e-6 });
        expectClose(gradients[1]!, item.gammaGradient, { rtol: 1e-5, atol: 1e-5 });
        expectClose(gradients[2]!, item.betaGradient, { rtol: 1e-5, atol: 1e-5 });
      }),
    );
  });
});

describe('the fused instance norm', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
  });

  it.each([1, 2, 3])('equals its reference, batch of %d', async (samples) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const { x, gamma, beta, dy } = example(samples);
        const fused = instanceNormFused([x, gamma, beta], EPSILON);
        const reference = instanceNormReference([x, gamma, beta], EPSILON);
        expectClose(fused[0]!, reference[0]!, { rtol: 1e-5, atol: 2e-6 });
        // Each gradient with the moments of its own forward pass: the fused ones are opaque.
        const fusedGrad = instanceNormGradFused([dy, x, gamma, fused[1]!, fused[2]!], EPSILON);
        const referenceGrad = instanceNormGradReference(
          [dy, x, gamma, reference[1]!, reference[2]!],
          EPSILON,
        );
        fusedGrad.forEach((gradient, i) =>
          expectClose(gradient, referenceGrad[i]!, { rtol: 1e-5, atol: 1e-5 }),
        );
      }),
    );
  });

  it.each([1, 2])('is what runs on the native backend, batch of %d', (samples) => {
    tf.tidy(() => {
      const { x, gamma, beta, dy } = example(samples);
      const ops = nativeOps(() => void tf.grad((value) => norm(value, gamma, beta))(x, dy));
      const count = (name: string) => ops.filter((op) => op === name).length;
      expect(count('FusedBatchNormV3')).toBe(samples);
      expect(count('FusedBatchNormGradV3')).toBe(samples);
      expect(ops).not.toContain('Rsqrt');
    });
  });

  it('keeps nothing in reserve, which TensorFlow’s kernels tell by a scalar', () => {
    const backend = nativeBackend()!;
    const run = vi.spyOn(backend, 'executeMultipleOutputs');
    onTestFinished(() => run.mockRestore());
    tf.tidy(() => {
      const { x, gamma, beta, dy } = example(1);
      tf.grad((value) => norm(value, gamma, beta))(x, dy);
    });
    const [, , inputs] = run.mock.calls.find(([name]) => name === 'FusedBatchNormGradV3')!;
    expect(inputs[5]!.shape).toEqual([]);
  });

  it('has the gradients of finite differences', () => {
    tf.tidy(() => {
      const { x, gamma, beta, dy } = example(2);
      const inputs = [x, gamma, beta];
      const gradients = tf.grads(norm)(inputs, dy);
      inputs.forEach((input, i) => {
        const moved = (value: tf.Tensor): tf.Tensor => {
          const [a, b, c] = inputs.map((other, j) => (j === i ? value : other));
          return norm(a!, b!, c!);
        };
        const numeric = numericGradient(moved, input, dy, 2 ** -6);
        expectClose(gradients[i]!, numeric, { rtol: 1e-3, atol: 1e-3 });
      });
    });
  });

  it.each(['x', 'gamma', 'dy'] as const)(
    'has the second-order gradient of finite differences in %s',
    (name) => {
      tf.tidy(() => {
        const inputs = example(2);
        const cotangents = [inputs.x, inputs.gamma, inputs.gamma].map(({ shape }, i) =>
          normals(`c${i}`, shape),
        );
        const backward = (value: tf.Tensor): tf.Tensor => {
          const changed: Record<string, tf.Tensor> = { ...inputs, [name]: value };
          const { x, gamma, beta, dy } = changed as typeof inputs;
          const first = tf.grads(norm)([x, gamma, beta], dy);
          return tf.concat(
            first.map((gradient, i) => tf.reshape(tf.mul(gradient, cotangents[i]!), [-1])),
          );
        };
        const total = (value: tf.Tensor) => tf.sum(backward(value));
        const ones = tf.onesLike(backward(inputs[name]));
        const numeric = numericGradient(backward, inputs[name], ones, 2 ** -6);
        expectClose(tf.grad(total)(inputs[name]), numeric, { rtol: 5e-3, atol: 5e-3 });
      });
    },
  );

  it('normalizes each sample and channel by itself', () => {
    tf.tidy(() => {
      const { x } = example(2);
      const scale = tf.tensor4d([1, 100], [2, 1, 1, 1]);
      const y = norm(tf.mul(x, scale), tf.ones([2]), tf.zeros([2]));
      const { mean, variance } = tf.moments(y, [1, 2]);
      expectClose(mean, tf.zeros([2, 2]), { atol: 1e-5 });
      expectClose(variance, tf.ones([2, 2]), { atol: 1e-4 });
    });
  });

  it('makes a flat channel its shift, not NaN', () => {
    tf.tidy(() => {
      const beta = tf.tensor1d([0.5, -1]);
      const flat = tf.fill([1, 4, 4, 2], 3);
      expectClose(norm(flat, tf.ones([2]), beta), tf.add(tf.zerosLike(flat), beta), { atol: 1e-5 });
      const gradient = tf.grad((x) => norm(x, tf.ones([2]), beta))(
        flat,
        normals('d', [1, 4, 4, 2]),
      );
      expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
    });
  });

  it('refuses shapes that do not fit', () => {
    tf.tidy(() => {
      const { x, gamma } = example(1);
      expect(() => norm(x, gamma, tf.zeros([4]))).toThrow(
        expect.objectContaining({ code: 'bad-shape' }),
      );
      expect(() => norm(tf.zeros([5, 4, 2]), gamma, gamma)).toThrow('x has shape [5, 4, 2]');
    });
  });
});
