import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels, warp } from '../../src/kernels/index.js';
import { golden, type GoldenTensor } from '../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../tensors.js';
import { numericGradient } from './support.js';

interface WarpCase {
  image: GoldenTensor;
  flow: GoldenTensor;
  output: GoldenTensor;
  outputGradient: GoldenTensor;
  imageGradient: GoldenTensor;
  flowGradient: GoldenTensor;
}

const SHAPE = [2, 3, 4, 2] as [number, number, number, number];

describe.each(['tensorflow', 'cpu'] as const)('warp on %s', (prefer) => {
  beforeAll(async () => {
    await useBackend({ prefer });
    registerKernels();
  });

  it('is there', () => {
    expect(tf.getBackend()).toBe(prefer);
  });

  it.each(golden<WarpCase>('warp'))('equals PyTorch: $name', async (example) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const image = tensorOf<tf.Rank.R4>(example.image);
        const flow = tensorOf<tf.Rank.R4>(example.flow);
        expectClose(warp(image, flow), example.output, { rtol: 1e-5, atol: 2e-6 });
        const [dImage, dFlow] = tf.grads((a, b) => warp(a as tf.Tensor4D, b as tf.Tensor4D))(
          [image, flow],
          tensorOf(example.outputGradient),
        ) as [tf.Tensor, tf.Tensor];
        expectClose(dImage, example.imageGradient, { rtol: 1e-5, atol: 5e-6 });
        expectClose(dFlow, example.flowGradient, { rtol: 1e-5, atol: 5e-6 });
      }),
    );
  });
});

describe('warp', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
  });

  const image = () => tf.tanh(normals<tf.Rank.R4>('image', SHAPE));

  it('has the gradients of finite differences', () => {
    tf.tidy(() => {
      const pixels = image();
      const dy = normals('dy', SHAPE);
      // Fractions of 0.25 to 0.75 of a pixel, some beyond the border: no kink within the step.
      const whole = tf.round(tf.mul(normals<tf.Rank.R4>('flow', SHAPE), 1.5));
      const part = tf.add(tf.mul(tf.sigmoid(normals('part', SHAPE)), 0.5), 0.25);
      const flow = tf.add<tf.Tensor4D>(whole, part);
      const [dImage, dFlow] = tf.grads((a, b) => warp(a as tf.Tensor4D, b as tf.Tensor4D))(
        [pixels, flow],
        dy,
      ) as [tf.Tensor, tf.Tensor];
      // Linear in the image and piecewise bilinear in the flow: any step is exact but for rounding.
      const byImage = numericGradient((x) => warp(x as tf.Tensor4D, flow), pixels, dy, 0.5);
      const byFlow = numericGradient((x) => warp(pixels, x as tf.Tensor4D), flow, dy, 0.125);
      expectClose(dImage, byImage, { rtol: 1e-5, atol: 5e-6 });
      expectClose(dFlow, byFlow, { rtol: 1e-5, atol: 2e-5 });
      const clamped = dFlow.dataSync().filter((value) => value === 0).length;
      expect(clamped).toBeGreaterThan(0);
    });
  });

  it('returns the image itself for no flow', () => {
    tf.tidy(() => {
      // Not bit by bit: the last pixel is its left neighbour plus the difference to it.
      expectClose(warp(image(), tf.zeros(SHAPE)), image(), { atol: 2e-7 });
    });
  });

  it('reads whole pixels exactly, clamped to the border', () => {
    fc.assert(
      fc.property(fc.integer({ min: -7, max: 7 }), fc.integer({ min: -7, max: 7 }), (dx, dy) =>
        tf.tidy(() => {
          const [height, width] = [3, 4];
          const source = Float32Array.from({ length: height * width }, (_, i) => i);
          const flow = tf.tile(tf.tensor4d([dx, dy], [1, 1, 1, 2]), [1, height, width, 1]);
          const clamp = (value: number, last: number) => Math.min(last, Math.max(0, value));
          const expected = Array.from(source, (_, i) => {
            const y = clamp(Math.floor(i / width) + dy, height - 1);
            return source[y * width + clamp((i % width) + dx, width - 1)]!;
          });
          const shape: [number, number, number, number] = [1, height, width, 1];
          const warped = warp(tf.tensor4d(source, shape), flow);
          expectClose(warped, { shape, values: expected });
        }),
      ),
      { numRuns: 25 },
    );
  });

  it('keeps to the range of the image, however far the flow', () => {
    tf.tidy(() => {
      const flow = tf.mul<tf.Tensor4D>(normals('far', SHAPE), 1e4);
      const warped = warp(image(), flow);
      expect(tf.max(warped).dataSync()[0]).toBeLessThanOrEqual(tf.max(image()).dataSync()[0]!);
      expect(tf.min(warped).dataSync()[0]).toBeGreaterThanOrEqual(tf.min(image()).dataSync()[0]!);
    });
  });

  it('passes NaN in the flow on as NaN, so that the loss can name it', () => {
    tf.tidy(() => {
      const flow = tf.fill<tf.Rank.R4>(SHAPE, Number.NaN);
      const values = warp(image(), flow).dataSync();
      expect([...values].every(Number.isNaN)).toBe(true);
      const dImage = tf.grad((x) => warp(x as tf.Tensor4D, flow))(image());
      expect(dImage.shape).toEqual(SHAPE);
    });
  });

  it('refuses shapes that do not fit', () => {
    tf.tidy(() => {
      const bad = (flow: typeof SHAPE) => () => warp(image(), tf.zeros(flow));
      expect(bad([1, 3, 4, 2])).toThrow(expect.objectContaining({ code: 'bad-shape' }));
      expect(bad([2, 3, 4, 3])).toThrow('flow has shape [2, 3, 4, 3], expected [2, 3, 4, 2]');
    });
  });
});
