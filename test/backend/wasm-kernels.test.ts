import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { randomStream } from '../../src/base/random.js';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

function uniform(purpose: string, shape: number[]): tf.Tensor {
  const draw = randomStream(7, 'eval', purpose);
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => 2 * draw.uniform() - 1),
    shape,
  );
}

/** Runs it on a backend and gives the values with their shape. */
async function on(backend: 'wasm' | 'cpu', make: () => tf.Tensor) {
  await useBackend({ prefer: backend });
  const tensor = tf.tidy(make);
  const result = { shape: tensor.shape, values: [...tensor.dataSync()] };
  tensor.dispose();
  return result;
}

/** Holds what the two backends make to each other; NaN is never close to anything. */
async function expectSame(make: () => tf.Tensor, tolerance = 2e-5): Promise<void> {
  const wasm = await on('wasm', make);
  const cpu = await on('cpu', make);
  expect(wasm.shape).toEqual(cpu.shape);
  const scale = Math.max(1, ...cpu.values.map(Math.abs));
  for (const [i, value] of cpu.values.entries()) {
    const difference = Math.abs(wasm.values[i]! - value);
    if (!(difference <= tolerance * scale)) {
      expect.fail(`element ${i}: wasm ${wasm.values[i]} and cpu ${value}`);
    }
  }
}

type Pad = 'valid' | 'same' | [[0, 0], [number, number], [number, number], [0, 0]];

function filterGradient(shape: {
  size: [number, number, number, number];
  filter: [number, number, number, number];
  strides: [number, number];
  pad: Pad | number;
  rounding?: 'floor' | 'ceil';
}): () => tf.Tensor {
  return () => {
    const { size, filter, strides, pad, rounding } = shape;
    const info = tf.backend_util.computeConv2DInfo(size, filter, strides, 1, pad, rounding);
    const x = uniform('x', size);
    const dy = uniform('dy', info.outShape);
    return tf.engine().runKernel<tf.Tensor>(
      tf.Conv2DBackpropFilter,
      { x, dy },
      // 'NHWC' always: the JavaScript backend, to which this is held, has no other.
      { strides, pad, dataFormat: 'NHWC', dimRoundingMode: rounding!, filterShape: filter },
    );
  };
}

describe('Conv2DBackpropFilter on WebAssembly', () => {
  it.each([
    ['same padding', { size: [2, 7, 6, 3], filter: [3, 3, 3, 4], strides: [1, 1], pad: 'same' }],
    ['valid padding', { size: [1, 7, 6, 3], filter: [3, 2, 3, 4], strides: [1, 1], pad: 'valid' }],
    ['strides', { size: [2, 9, 8, 2], filter: [4, 4, 2, 3], strides: [2, 2], pad: 'same' }],
    ['unlike strides', { size: [1, 9, 8, 2], filter: [3, 3, 2, 3], strides: [2, 3], pad: 'valid' }],
    [
      'a padding number',
      { size: [1, 6, 6, 2], filter: [3, 3, 2, 2], strides: [2, 2], pad: 1, rounding: 'floor' },
    ],
    [
      'a padding number rounded up',
      { size: [1, 6, 6, 2], filter: [3, 3, 2, 2], strides: [2, 2], pad: 1, rounding: 'ceil' },
    ],
    [
      'explicit padding',
      {
        size: [1, 6, 7, 2],
        filter: [3, 3, 2, 2],
        strides: [2, 1],
        pad: [
          [0, 0],
          [2, 1],
          [0, 3],
          [0, 0],
        ],
        rounding: 'floor',
      },
    ],
    ['a filter of one', { size: [1, 4, 5, 3], filter: [1, 1, 3, 6], strides: [1, 1], pad: 'same' }],
  ] as [string, Parameters<typeof filterGradient>[0]][])(
    'equals the JavaScript backend with %s',
    async (_name, shape) => {
      await expectSame(filterGradient(shape));
      expect(tf.getKernel(tf.Conv2DBackpropFilter, 'wasm')).toBeDefined();
    },
  );

  it('equals the JavaScript backend whatever the sizes', async () => {
    const small = fc.integer({ min: 1, max: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          batch: fc.integer({ min: 1, max: 2 }),
          ...{ height: fc.integer({ min: 4, max: 9 }), width: fc.integer({ min: 4, max: 9 }) },
          ...{ kh: small, kw: small, inputs: small, outputs: small, sh: small, sw: small },
          pad: fc.constantFrom('same' as const, 'valid' as const),
        }),
        async ({ batch, height, width, kh, kw, inputs, outputs, sh, sw, pad }) => {
          await expectSame(
            filterGradient({
              size: [batch, height, width, inputs],
              filter: [kh, kw, inputs, outputs],
              strides: [sh, sw],
              pad,
            }),
          );
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });

  it('gives a convolution its gradient by finite differences, in either layout', async () => {
    await useBackend({ prefer: 'wasm' });
    const gradientIn = (layout: 'NHWC' | 'NCHW'): number[] =>
      tf.tidy(() => {
        const x = uniform('x', [1, 5, 6, 2]);
        const dy = uniform('dy', [1, 5, 6, 3]);
        const to = (t: tf.Tensor) => (layout === 'NHWC' ? t : tf.transpose(t, [0, 3, 1, 2]));
        const attrs = {
          strides: [1, 1],
          pad: 'same',
          dataFormat: layout,
          filterShape: [3, 3, 2, 3],
        };
        const kernel = tf.getKernel(tf.Conv2DBackpropFilter, 'wasm');
        const result = kernel.kernelFunc({
          inputs: { x: to(x), dy: to(dy) },
          backend: tf.backend(),
          attrs: attrs,
        });
        return [...(result as tf.Tensor).dataSync()];
      });
    const [nhwc, nchw] = [gradientIn('NHWC'), gradientIn('NCHW')];
    expect(nchw).toEqual(nhwc);

    const numeric = tf.tidy(() => {
      const x = uniform('x', [1, 5, 6, 2]) as tf.Tensor4D;
      const dy = uniform('dy', [1, 5, 6, 3]);
      const at = (index: number, step: number): number => {
        const filter = tf.tensor4d(
          new Float32Array(54).fill(0).fill(step, index, index + 1),
          [3, 3, 2, 3],
        );
        return tf.sum(tf.mul(tf.conv2d(x, filter, 1, 'same'), dy)).dataSync()[0]!;
      };
      // Linear in the filter: a whole step is exact.
      return [0, 17, 53].map((index) => at(index, 1) - at(index, 0));
    });
    for (const [i, index] of [0, 17, 53].entries()) {
      expect(nhwc[index]).toBeCloseTo(numeric[i]!, 4);
    }
  });
});

describe('kernels that WebAssembly borrows from JavaScript', () => {
  it('gives gather its gradient', async () => {
    await expectSame(() => {
      const x = uniform('table', [5, 3]);
      return tf.grad((t) => tf.sum(tf.square(tf.gather(t, tf.tensor1d([4, 0, 4, 1], 'int32')))))(x);
    });
    expect(tf.getKernel(tf.UnsortedSegmentSum, 'wasm')).toBeDefined();
  });

  it('gives a depthwise convolution both gradients', async () => {
    await expectSame(() => {
      const x = uniform('x', [1, 6, 6, 2]) as tf.Tensor4D;
      const filter = uniform('filter', [3, 3, 2, 1]) as tf.Tensor4D;
      const [dx, dFilter] = tf.grads((a: tf.Tensor, b: tf.Tensor) =>
        tf.sum(tf.square(tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same'))),
      )([x, filter]);
      return tf.concat([tf.reshape(dx!, [-1]), tf.reshape(dFilter!, [-1])]);
    });
    expect(tf.getKernel(tf.DepthwiseConv2dNativeBackpropFilter, 'wasm')).toBeDefined();
  });

  it('contracts by einsum', async () => {
    await expectSame(() =>
      tf.einsum('bij,bjk->bik', uniform('a', [2, 3, 4]), uniform('b', [2, 4, 5])),
    );
    expect(tf.getKernel(tf.Einsum, 'wasm')).toBeDefined();
  });
});
