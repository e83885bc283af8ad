import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { KERNEL_SHAPES } from '../../src/export/trace/kernel-shapes.js';
import { KERNEL_WRITERS } from '../../src/export/writers/index.js';
import {
  biasAdd,
  change,
  enlarge,
  instanceNorm,
  place,
  leakyRelu,
  registerKernels,
  relu,
  warp,
} from '../../src/kernels/index.js';
import { depthToSpace, spaceToDepth } from '../../src/networks/pixel-shuffle.js';
import { expectSame, toOnnx, type Computation, type InputShapes } from './support.js';

const CHANNELS = 8;

const shape =
  (channels: number, factor = 4): InputShapes[string] =>
  ({ samples, rows, columns }) => [...[samples, rows * factor, columns * factor, channels]];
const x = { x: shape(CHANNELS) };
const xy = { x: shape(CHANNELS), y: shape(CHANNELS) };

beforeAll(async () => {
  await useBackend();
  registerKernels();
});

/** A weight that does not come out the same when its axes are mixed up. */
const weight = (...sizes: number[]): tf.Tensor => {
  const count = sizes.reduce((a, b) => a * b);
  return tf.tensor(
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + 0.3) * 0.4),
    sizes,
  );
};
const vector = (size = CHANNELS): tf.Tensor1D => weight(size) as tf.Tensor1D;
const filter = (...sizes: [number, number, number, number]) => weight(...sizes) as tf.Tensor4D;

type Case = readonly [name: string, shapes: InputShapes, f: Computation];

const unary = (
  name: string,
  f: (value: tf.Tensor4D) => tf.Tensor,
  channels: number = CHANNELS,
): Case => [name, { x: shape(channels) }, (i) => f(i.x!)];
const binary = (name: string, f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Case => [
  name,
  xy,
  (i) => f(i.x!, i.y!),
];
/** Twice the height and width, by a window of so many pixels. */
const larger = (window: number) => (v: tf.Tensor4D) =>
  tf.conv2dTranspose(
    v,
    filter(window, window, 5, CHANNELS),
    [v.shape[0], v.shape[1] * 2, v.shape[2] * 2, 5],
    2,
    'same',
  );

const CASES: readonly Case[] = [
  binary('Add', tf.add),
  binary('Sub', tf.sub),
  binary('Multiply', tf.mul),
  binary('Multiply by a number', (a, b) => tf.mul(tf.add(a, b), 3)),
  unary('Tanh', tf.tanh),
  unary('Sigmoid', tf.sigmoid),
  unary('Floor', (v) => tf.floor(tf.mul(v, 3))),
  unary('ClipByValue', (v) => tf.clipByValue(v, -0.3, 0.2)),
  unary('FrameloomLeakyRelu', (v) => leakyRelu(v, 0.2)),
  unary('FrameloomLeakyRelu of slope 0', (v) => relu(v)),
  unary('FrameloomInstanceNorm', (v) => instanceNorm(v, vector(), vector())),
  unary('FrameloomPlace', (v) => place(v, weight(2, CHANNELS) as tf.Tensor2D)),
  unary('Identity', (v) => tf.tanh(tf.clone(v))),
  unary('Concat', (v) => tf.concat([v, tf.tanh(v)], 3)),
  unary('Conv2D', (v) => tf.conv2d(v, filter(3, 3, CHANNELS, 5), 1, 'same')),
  unary('Conv2D, halving', (v) => tf.conv2d(v, filter(3, 3, CHANNELS, 5), 2, 'same')),
  unary('Conv2D, 4 wide', (v) => tf.conv2d(v, filter(4, 4, CHANNELS, 5), 2, 'same')),
  unary('Conv2D, valid', (v) => tf.conv2d(v, filter(3, 2, CHANNELS, 5), 1, 'valid')),
  unary('Conv2D of 3 channels', (v) => tf.conv2d(v, filter(3, 3, 3, 5), 1, 'same'), 3),
  unary('Conv2D of 6 channels', (v) => tf.conv2d(v, filter(3, 3, 6, 5), 1, 'same'), 6),
  unary('Conv2D of 1 channel', (v) => tf.conv2d(v, filter(1, 1, 1, 5), 1, 'same'), 1),
  unary('FrameloomBiasAdd', (v) =>
    biasAdd(tf.conv2d(v, filter(1, 1, CHANNELS, 5), 1, 'same'), vector(5)),
  ),
  unary('Conv2DBackpropInput', larger(3)),
  unary('Conv2DBackpropInput, 4 wide', larger(4)),
  unary('Slice', (v) => tf.slice(v, [0, 0, 0, 2], [-1, -1, -1, 4])),
  unary('Slice of everything', (v) => tf.tanh(tf.slice(v, [0, 0, 0, 0], [-1, -1, -1, -1]))),
  unary('ResizeBilinear', (v) => enlarge(v)),
  unary('pixels into channels, convolved', (v) =>
    tf.conv2d(spaceToDepth(v), filter(3, 3, 4 * CHANNELS, 5), 1, 'same'),
  ),
  unary(
    'pixels of 6 channels into channels, convolved and halved',
    (v) => tf.conv2d(spaceToDepth(v), filter(3, 3, 24, 5), 2, 'same'),
    6,
  ),
  unary('channels into pixels', (v) => depthToSpace(v)),
  [
    'FrameloomChange',
    { history: shape(6), condition: shape(3) },
    // By little, and not by the same everywhere, so that it is something between nothing and all.
    (i) => change(tf.mul(i.history!, 0.01), tf.mul(i.condition!, 0.05), 1),
  ],
  [
    'FrameloomChange of nothing',
    { history: shape(6), condition: shape(4) },
    (i) => change(tf.mul(i.history!, 0.0005), tf.mul(i.condition!, 0.005), 2),
  ],
  ['FrameloomWarp', { x: shape(3), flow: shape(2) }, (i) => warp(i.x!, tf.mul(i.flow!, 3))],
];

describe('a kernel in ONNX', () => {
  const met = new Set<string>();

  it.each(CASES)('%s computes what TensorFlow.js does', async (name, shapes, f) => {
    const { kernels } = await expectSame(shapes, f, { rtol: 1e-4, atol: 2e-4 });
    for (const kernel of kernels) met.add(kernel);
    // A case is named by its kernel, unless it is about several.
    const named = Object.keys(KERNEL_SHAPES).filter((kernel) => name.split(/[ ,]/)[0] === kernel);
    expect([...kernels]).toEqual(expect.arrayContaining(named));
  });

  it('has a writer for each shape and a shape for each writer', () => {
    // A transpose is met inside a folding of pixels, which is written as a whole.
    expect([...Object.keys(KERNEL_WRITERS), 'Transpose'].sort()).toEqual(
      Object.keys(KERNEL_SHAPES).sort(),
    );
  });

  it('was tried, each one', () => {
    expect(Object.keys(KERNEL_SHAPES).filter((kernel) => !met.has(kernel))).toEqual([]);
  });
});

describe('the warp', () => {
  const shapes = { x: shape(3), flow: shape(2) };
  const warped: Computation = (i) => warp(i.x!, tf.mul(i.flow!, 3));

  it('is one GridSample, whose places are counted in whole numbers', async () => {
    const { ops } = await expectSame(shapes, warped, { rtol: 1e-4, atol: 2e-4 });
    expect(ops).toMatchObject({ GridSample: 1, Range: 2, Shape: 1 });
  });

  it('is the same of four looks at pixels, where there is no GridSample', async () => {
    const close = { rtol: 1e-5, atol: 1e-5, target: 'opencv' } as const;
    const { ops } = await expectSame(shapes, warped, close);
    expect(ops).toMatchObject({ Gather: 4 });
    expect(ops).not.toHaveProperty('GridSample');
    expect(ops).not.toHaveProperty('Shape');
  });

  it('is one each time', async () => {
    const twice: Computation = (i) => warp(warp(i.x!, i.flow!), tf.mul(i.flow!, -2));
    const { ops } = await expectSame(shapes, twice, { rtol: 1e-4, atol: 2e-4 });
    expect(ops).toMatchObject({ GridSample: 2 });
  });
});

describe('what a graph is written with', () => {
  it('is a convolution where pixels become channels, and no transpose', () => {
    const { ops } = toOnnx(x, (i) => {
      const folded = spaceToDepth(i.x!);
      const a = relu(
        biasAdd(tf.conv2d(folded, filter(3, 3, 4 * CHANNELS, 8), 1, 'same'), vector()),
      );
      return depthToSpace(a);
    });
    expect(ops).toEqual({ Conv: 1, Relu: 1, DepthToSpace: 1 });
  });

  it('adds empty channels where there are neither three nor whole fours', () => {
    const of = (channels: number, target: 'web' | 'unity') =>
      toOnnx(
        { x: shape(channels) },
        (i) => tf.conv2d(i.x!, filter(3, 3, channels, 8), 1, 'same'),
        target,
      ).ops;
    expect(of(6, 'web')).toEqual({ Pad: 1, Conv: 1 });
    expect(of(3, 'web')).toEqual({ Conv: 1 });
    expect(of(6, 'unity')).toEqual({ Conv: 1 });
  });

  it('pads evenly where a target can no other', async () => {
    const f: Computation = (i) => larger(3)(i.x!);
    await expectSame(x, f, { rtol: 1e-4, atol: 2e-4, target: 'opencv' });
    expect(toOnnx(x, f, 'opencv').ops).toEqual({ ConvTranspose: 1 });
  });

  it('adds a bias apart where a target fuses the two wrongly', async () => {
    const f: Computation = (i) =>
      biasAdd(tf.conv2d(i.x!, filter(1, 1, CHANNELS, 5), 1, 'same'), vector(5));
    await expectSame(x, f, { rtol: 1e-4, atol: 2e-4, target: 'opencv' });
    expect(toOnnx(x, f, 'opencv').ops).toEqual({ Conv: 1, Add: 1 });
  });

  it.each<[string, Computation]>([
    ['the kernel Cumsum', (i) => tf.cumsum(i.x!, 1)],
    ['the kernel Prelu', (i) => tf.prelu(i.x!, weight(1, 1, 1, CHANNELS) as tf.Tensor4D)],
    ['a reshape that does not put channels into pixels', (i) => tf.reshape(i.x!, [-1, 1, 1, 8])],
    ['a reshape that does not put channels into pixels', (i) => spaceToDepth(i.x!)],
    ['the kernel Transpose', (i) => tf.transpose(i.x!, [0, 2, 1, 3])],
    [
      'a slice of something else than channels',
      (i) => tf.slice(i.x!, [0, 1, 0, 0], [-1, 2, -1, -1]),
    ],
    ['Add of tensors of different axes', (i) => tf.add(i.x!, vector())],
    ['a bias of something else than a convolution', (i) => biasAdd(i.x!, vector())],
    [
      'a resizing other than by a factor, between the centres of pixels',
      (i) => tf.image.resizeBilinear(i.x!, [9, 5]),
    ],
  ])('names what it does not know: %s', (what, f) => {
    expect(() => toOnnx(x, f)).toThrow(
      expect.objectContaining({
        code: 'backend',
        message: `${what} has no counterpart in ONNX yet`,
        hint: 'add it to src/export/trace/kernel-shapes.ts and src/export/writers',
      }) as Error,
    );
    expect(tf.getBackend()).not.toBe('frameloom-trace');
  });

  it('refuses what reads numbers, and what is other ops at another size', () => {
    expect(() => toOnnx(x, (i) => tf.add(i.x!, i.x!.dataSync()[0]!))).toThrow(
      'the network reads the numbers of a tensor',
    );
    expect(() => toOnnx(x, (i, { rows }) => (rows > 6 ? tf.tanh(i.x!) : tf.sigmoid(i.x!)))).toThrow(
      'the network cannot be exported for every size: it runs other ops at another size',
    );
    const halved: Computation = (i) => tf.conv2d(i.x!, filter(3, 3, CHANNELS, 8), 8, 'same');
    expect(() => toOnnx(x, halved)).toThrow('a size is rounded');
    expect(() => toOnnx(x, (i, { rows }) => tf.mul(i.x!, 1 / rows))).toThrow(
      'the network cannot be exported for every size: a constant is computed from the size',
    );
  });

  it('refuses a tensor of another computation', () => {
    const outside = tf.scalar(1);
    expect(() => toOnnx(x, (i) => tf.add(i.x!, outside))).toThrow(
      'the network uses a tensor of another computation',
    );
    outside.dispose();
  });
});
