import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { KERNEL_SHAPES } from '../../src/export/trace/kernel-shapes.js';
import { kernelWriters } from '../../src/export/writers/index.js';
import {
  biasAdd,
  instanceNorm,
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
const positive = (value: tf.Tensor): tf.Tensor => tf.add(tf.abs(value), 0.5);
const filter = (...sizes: [number, number, number, number]) => weight(...sizes) as tf.Tensor4D;

type Case = readonly [name: string, shapes: InputShapes, f: Computation];

const unary = (name: string, f: (value: tf.Tensor) => tf.Tensor): Case => [name, x, (i) => f(i.x!)];
const binary = (name: string, f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Case => [
  name,
  xy,
  (i) => f(i.x!, i.y!),
];
const asFloat = (value: tf.Tensor): tf.Tensor => tf.cast(value, 'float32');

const CASES: readonly Case[] = [
  unary('Abs', tf.abs),
  unary('Neg', tf.neg),
  unary('Exp', tf.exp),
  unary('Log', (v) => tf.log(positive(v))),
  unary('Sqrt', (v) => tf.sqrt(positive(v))),
  unary('Rsqrt', (v) => tf.rsqrt(positive(v))),
  unary('Square', tf.square),
  unary('Reciprocal', (v) => tf.reciprocal(positive(v))),
  unary('Sin', tf.sin),
  unary('Cos', tf.cos),
  unary('Floor', tf.floor),
  unary('Ceil', tf.ceil),
  unary('Round', (v) => tf.round(tf.mul(v, 3))),
  unary('Sign', tf.sign),
  unary('Erf', tf.erf),
  unary('Tanh', tf.tanh),
  unary('Sigmoid', tf.sigmoid),
  unary('Softplus', tf.softplus),
  unary('Elu', tf.elu),
  unary('Selu', tf.selu),
  unary('Relu', tf.relu),
  unary('Relu6', (v) => tf.relu6(tf.mul(v, 5))),
  unary('Identity', (v) => tf.add(tf.clone(v), 1)),
  unary('LogicalNot', (v) => asFloat(tf.logicalNot(tf.greater(v, 0)))),
  unary('ClipByValue', (v) => tf.clipByValue(v, -0.5, 0.25)),
  unary('ClipByValue by the size', (v) => tf.clipByValue(tf.mul(v, 9), 0, v.shape[2]! - 1)),
  unary('LeakyRelu', (v) => tf.leakyRelu(v, 0.3)),
  unary('FrameloomLeakyRelu', (v) => leakyRelu(v, 0.2)),
  unary('FrameloomLeakyRelu of slope 0', (v) => relu(v)),
  unary('Prelu', (v) => tf.prelu(v, vector())),
  unary('Softmax', (v) => tf.softmax(v)),
  unary('Cast', (v) => asFloat(tf.cast(tf.mul(v, 3), 'int32'))),
  binary('Add', tf.add),
  binary('Sub', tf.sub),
  binary('Multiply', tf.mul),
  binary('RealDiv', (a, b) => tf.div(a, positive(b))),
  binary('FloorDiv', (a, b) => tf.floorDiv(tf.mul(a, 9), positive(b))),
  binary('Pow', (a, b) => tf.pow(positive(a), b)),
  binary('SquaredDifference', tf.squaredDifference),
  binary('Maximum', tf.maximum),
  binary('Minimum', tf.minimum),
  binary('AddN', (a, b) => tf.addN([a, b, a])),
  binary('Greater', (a, b) => asFloat(tf.greater(a, b))),
  binary('GreaterEqual', (a, b) => asFloat(tf.greaterEqual(a, b))),
  binary('Less', (a, b) => asFloat(tf.less(a, b))),
  binary('LessEqual', (a, b) => asFloat(tf.lessEqual(a, b))),
  binary('Equal', (a, b) => asFloat(tf.equal(tf.sign(a), tf.sign(b)))),
  binary('NotEqual', (a, b) => asFloat(tf.notEqual(tf.sign(a), tf.sign(b)))),
  binary('LogicalAnd', (a, b) => asFloat(tf.logicalAnd(tf.greater(a, 0), tf.greater(b, 0)))),
  binary('LogicalOr', (a, b) => asFloat(tf.logicalOr(tf.greater(a, 0), tf.greater(b, 0)))),
  binary('Select', (a, b) => tf.where(tf.greater(a, 0), a, b)),
  unary('a number for each channel', (v) => tf.add(tf.mul(v, vector()), 3)),
  unary('a column for each place', (v) => {
    const columns = tf.reshape(tf.range(0, v.shape[2]!), [1, 1, v.shape[2]!, 1]);
    return tf.add(v, columns);
  }),
  unary('Sum', (v) => tf.sum(v, [1, 2])),
  unary('Mean', (v) => tf.mean(v, [1, 2], true)),
  unary('Mean of channels', (v) => tf.sub(v, tf.mean(v, 3, true))),
  unary('Max', (v) => tf.max(v, 3)),
  unary('Min', (v) => tf.min(v, [1], true)),
  unary('Prod', (v) => tf.prod(v, 3)),
  unary('Reshape', (v) => tf.reshape(v, [v.shape[0], -1, CHANNELS])),
  unary('Reshape of two sizes', (v) =>
    tf.reshape(v, [v.shape[0], v.shape[1]!, v.shape[2]! * CHANNELS]),
  ),
  unary('Reshape to what it is', (v) => tf.add(tf.reshape(v, v.shape), 1)),
  unary('ExpandDims', (v) => tf.expandDims(v, 1)),
  unary('Transpose', (v) => tf.transpose(v, [0, 2, 1, 3])),
  unary('Slice', (v) => tf.slice(v, [0, 1, 0, 2], [-1, v.shape[1]! - 1, 3, 4])),
  unary('StridedSlice', (v) => tf.stridedSlice(v, [0, 0, 1, 0], v.shape, [1, 2, 2, 1])),
  binary('Concat', (a, b) => tf.concat([a, b, a], 3)),
  binary('Concat of rows', (a, b) => tf.concat([a, b], 1)),
  unary('SplitV', (v) => tf.sub(tf.split(v, [3, 5], 3)[1]!, 1)),
  unary('SplitV of columns', (v) => tf.split(v, 2, 2)[1]!),
  binary('Pack', (a, b) => tf.stack([a, b], 1)),
  unary('Unpack', (v) => tf.unstack(v, 3)[2]!),
  unary('Tile', (v) => tf.tile(v, [1, 2, 1, 3])),
  unary('PadV2', (v) =>
    tf.pad(
      v,
      [
        [0, 0],
        [1, 2],
        [3, 0],
        [0, 1],
      ],
      0.5,
    ),
  ),
  unary('MirrorPad', (v) =>
    tf.mirrorPad(
      v as tf.Tensor4D,
      [
        [0, 0],
        [1, 2],
        [3, 0],
        [0, 0],
      ],
      'reflect',
    ),
  ),
  unary('MirrorPad, symmetric', (v) =>
    tf.mirrorPad(
      v as tf.Tensor4D,
      [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ],
      'symmetric',
    ),
  ),
  unary('Reverse', (v) => tf.reverse(v, [1, 3])),
  unary('GatherV2', (v) => tf.gather(v, tf.tensor1d([2, 0, 7], 'int32'), 3)),
  unary('DepthToSpace', (v) => tf.depthToSpace(v as tf.Tensor4D, 2, 'NHWC')),
  unary('Range', (v) => tf.range(1, v.shape[1]!, 2)),
  unary('Fill', (v) => tf.add(v, tf.fill([v.shape[1]!, 1, 1], 2))),
  unary('ZerosLike', (v) => tf.sub(tf.zerosLike(v), v)),
  unary('OnesLike', (v) => tf.sub(tf.onesLike(v), v)),
  unary('zeros made in JavaScript', (v) => tf.add(v, tf.zeros(v.shape))),
  unary('BatchMatMul', (v) =>
    tf.matMul(tf.reshape(v, [v.shape[0], -1, CHANNELS]), weight(1, 5, CHANNELS), false, true),
  ),
  unary('Conv2D', (v) => tf.conv2d(v as tf.Tensor4D, filter(3, 3, CHANNELS, 5), 1, 'same')),
  unary('Conv2D, halving', (v) =>
    tf.conv2d(v as tf.Tensor4D, filter(3, 3, CHANNELS, 5), 2, 'same'),
  ),
  unary('Conv2D, 4 wide', (v) => tf.conv2d(v as tf.Tensor4D, filter(4, 4, CHANNELS, 5), 2, 'same')),
  unary('Conv2D, valid and dilated', (v) =>
    tf.conv2d(v as tf.Tensor4D, filter(3, 2, CHANNELS, 5), 1, 'valid', 'NHWC', 2),
  ),
  unary('DepthwiseConv2dNative', (v) =>
    tf.depthwiseConv2d(v as tf.Tensor4D, filter(3, 3, CHANNELS, 2), 1, 'same'),
  ),
  unary('_FusedConv2D', (v) =>
    tf.fused.conv2d({
      x: v as tf.Tensor4D,
      filter: filter(3, 3, CHANNELS, 5),
      strides: 1,
      pad: 'same',
      bias: vector(5),
      activation: 'relu',
    }),
  ),
  unary('Conv2DBackpropInput', (v) => {
    const [samples, height, width] = v.shape as [number, number, number];
    const size: [number, number, number, number] = [samples, height * 2, width * 2, 5];
    return tf.conv2dTranspose(v as tf.Tensor4D, filter(3, 3, 5, CHANNELS), size, 2, 'same');
  }),
  unary('Conv2DBackpropInput, 4 wide', (v) => {
    const [samples, height, width] = v.shape as [number, number, number];
    const size: [number, number, number, number] = [samples, height * 2, width * 2, 5];
    return tf.conv2dTranspose(v as tf.Tensor4D, filter(4, 4, 5, CHANNELS), size, 2, 'same');
  }),
  unary('FrameloomBiasAdd', (v) => biasAdd(v as tf.Tensor4D, vector())),
  unary('FrameloomBiasAdd after a convolution', (v) =>
    biasAdd(tf.conv2d(v as tf.Tensor4D, filter(1, 1, CHANNELS, 5), 1, 'same'), vector(5)),
  ),
  unary('FrameloomInstanceNorm', (v) => instanceNorm(v as tf.Tensor4D, vector(), vector())),
  unary('FusedBatchNorm', (v) =>
    tf.batchNorm(v as tf.Tensor4D, vector(), tf.square<tf.Tensor1D>(vector()), vector(), vector()),
  ),
  unary('AvgPool', (v) => tf.avgPool(v as tf.Tensor4D, 3, 2, 'same')),
  unary('MaxPool', (v) => tf.maxPool(v as tf.Tensor4D, 2, 2, 'valid')),
  ...(['corners', 'half pixels', 'neither'] as const).flatMap((how): Case[] => {
    const flags = [how === 'corners', how === 'half pixels'] as const;
    const twice = (v: tf.Tensor): [number, number] => [v.shape[1]! * 2, v.shape[2]! * 2];
    return [
      unary(`ResizeBilinear by ${how}`, (v) =>
        tf.image.resizeBilinear(v as tf.Tensor4D, twice(v), ...flags),
      ),
      unary(`ResizeNearestNeighbor by ${how}`, (v) =>
        tf.image.resizeNearestNeighbor(v as tf.Tensor4D, twice(v), ...flags),
      ),
    ];
  }),
  unary('ResizeBilinear to a fixed size', (v) =>
    tf.image.resizeBilinear(v as tf.Tensor4D, [9, 5], true),
  ),
  unary('pixels into channels', (v) => spaceToDepth(v as tf.Tensor4D)),
  unary('channels into pixels', (v) => depthToSpace(v as tf.Tensor4D)),
  [
    'FrameloomGatherRows, as the warp uses it',
    { x: shape(3), flow: shape(2) },
    (i) => warp(i.x!, tf.mul(i.flow!, 3)),
  ],
];

/** The warp is a composite of other kernels as long as it is not one itself. */
const NOT_MET = ['FrameloomWarp'];

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
    expect(Object.keys(kernelWriters(true)).sort()).toEqual(Object.keys(KERNEL_SHAPES).sort());
  });

  it('was tried, each one', () => {
    const missed = Object.keys(KERNEL_SHAPES).filter((kernel) => !met.has(kernel));
    expect(missed).toEqual(NOT_MET);
  });
});

describe('the warp', () => {
  const shapes = { x: shape(3), flow: shape(2) };
  const warped: Computation = (i) => warp(i.x!, tf.mul(i.flow!, 3));

  it('becomes one GridSample', async () => {
    const { ops } = await expectSame(shapes, warped, { rtol: 1e-4, atol: 2e-4 });
    expect(ops).toMatchObject({ GridSample: 1 });
    expect(ops).not.toHaveProperty('GatherV2');
  });

  it('is the same left as the ops that it is made of', async () => {
    const { ops } = await expectSame(shapes, warped, { rtol: 1e-5, atol: 1e-5, warps: false });
    expect(ops).not.toHaveProperty('GridSample');
    // One of each size at run time beside the four neighbours.
    expect(ops.Gather).toBeGreaterThanOrEqual(4);
  });

  it('is one each time', async () => {
    const twice: Computation = (i) => warp(warp(i.x!, i.flow!), tf.mul(i.flow!, -2));
    const { ops } = await expectSame(shapes, twice, { rtol: 1e-4, atol: 2e-4 });
    expect(ops).toMatchObject({ GridSample: 2 });
  });
});

describe('what a graph is written with', () => {
  it('needs no transposes where everything is convolutions', () => {
    const { ops } = toOnnx(x, (i) => {
      const a = relu(biasAdd(tf.conv2d(i.x!, filter(3, 3, CHANNELS, 8), 1, 'same'), vector()));
      return tf.transpose(depthToSpace(spaceToDepth(tf.add(a, i.x!))), [0, 3, 1, 2]);
    });
    // The one that the test itself asks for, of the layout that it asks for.
    expect(ops).toEqual({
      Conv: 1,
      Relu: 1,
      Add: 1,
      SpaceToDepth: 1,
      DepthToSpace: 1,
      Transpose: 2,
      Identity: 1,
    });
  });

  it('names a kernel that it does not know', () => {
    expect(() => toOnnx(x, (i) => tf.cumsum(i.x!, 1))).toThrow(
      expect.objectContaining({
        code: 'backend',
        message: 'the kernel Cumsum has no counterpart in ONNX yet',
      }) as Error,
    );
    expect(tf.getBackend()).not.toBe('frameloom-trace');
  });

  it('refuses what reads numbers, and what is other ops at another size', () => {
    expect(() => toOnnx(x, (i) => tf.add(i.x!, i.x!.dataSync()[0]!))).toThrow(
      'the network reads the numbers of a tensor',
    );
    expect(() => toOnnx(x, (i, { rows }) => (rows > 6 ? tf.relu(i.x!) : tf.sigmoid(i.x!)))).toThrow(
      'the network cannot be exported for every size: it runs other ops at another size',
    );
    const rounded: Computation = (i) => tf.avgPool(tf.avgPool(i.x!, 4, 4, 'valid'), 2, 2, 'same');
    expect(() => toOnnx(x, rounded)).toThrow('a size is rounded');
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
