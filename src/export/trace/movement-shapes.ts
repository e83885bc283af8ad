import * as tf from '@tensorflow/tfjs-core';
import type { KernelShape } from './kernel-shape.js';

const axisOf = (axis: unknown, rank: number): number => {
  const number = Number(axis ?? 0);
  return number < 0 ? number + rank : number;
};

const listOf = (inputs: Readonly<Record<string, tf.TensorInfo>>): tf.TensorInfo[] =>
  Object.values(inputs);

/** A number of equal parts, or their sizes, of which one may be −1: what is left. */
function splitSizes(split: number | readonly number[], whole: number): number[] {
  if (typeof split === 'number') return Array<number>(split).fill(whole / split);
  const rest = whole - split.reduce((sum, size) => sum + Math.max(0, size), 0);
  return split.map((size) => (size < 0 ? rest : size));
}

const pad: KernelShape = ({ x }, { paddings, mode, constantValue }) => {
  const pairs = paddings as readonly (readonly [number, number])[];
  const shape = x!.shape.map((size, i) => size + pairs[i]![0] + pairs[i]![1]);
  const before = pairs.map(([first]) => first);
  const after = pairs.map(([, last]) => last);
  return {
    outputs: [{ shape, dtype: x!.dtype }],
    attributes: { before, after, mode: mode ?? 'constant', constantValue: constantValue ?? 0 },
  };
};

const constantFill =
  (value: number): KernelShape =>
  ({ x }) => ({
    outputs: [{ shape: x!.shape, dtype: x!.dtype }],
    attributes: { value, shape: x!.shape },
  });

const gather: KernelShape = ({ x, indices }, { axis, batchDims }) => {
  if (Number(batchDims ?? 0) !== 0) throw new Error('gather with batch dimensions is not exported');
  const at = axisOf(axis, x!.shape.length);
  const shape = [...x!.shape.slice(0, at), ...indices!.shape, ...x!.shape.slice(at + 1)];
  return { outputs: [{ shape, dtype: x!.dtype }], attributes: { axis: at } };
};

/** What moves numbers and does not change them. */
export const movementShapes: Readonly<Record<string, KernelShape>> = {
  [tf.Reshape]: ({ x }, { shape }) => {
    const exact = tf.util.inferFromImplicitShape(
      shape as number[],
      tf.util.sizeFromShape(x!.shape),
    );
    return { outputs: [{ shape: exact, dtype: x!.dtype }], attributes: { shape: exact } };
  },
  [tf.ExpandDims]: ({ input }, { dim }) => {
    const shape = [...input!.shape];
    shape.splice(axisOf(dim, shape.length + 1), 0, 1);
    return { outputs: [{ shape, dtype: input!.dtype }], attributes: { shape } };
  },
  [tf.Transpose]: ({ x }, { perm }) => {
    const order = perm as readonly number[];
    const shape = order.map((axis) => x!.shape[axis]!);
    return { outputs: [{ shape, dtype: x!.dtype }], attributes: { perm: order } };
  },
  [tf.Slice]: ({ x }, { begin, size }) => {
    const [starts, sizes] = tf.slice_util.parseSliceParams(x!, begin as number[], size as number[]);
    const ends = starts!.map((start, i) => start + sizes![i]!);
    return {
      outputs: [{ shape: sizes!, dtype: x!.dtype }],
      attributes: { begin: starts, end: ends },
    };
  },
  [tf.StridedSlice]: ({ x }, attributes) => {
    const { begin, end, strides } = attributes as unknown as tf.StridedSliceAttrs;
    const masks = attributes as unknown as tf.StridedSliceAttrs;
    const info = tf.slice_util.sliceInfo(
      x!.shape,
      begin,
      end,
      strides,
      masks.beginMask,
      masks.endMask,
      masks.ellipsisMask,
      masks.newAxisMask,
      masks.shrinkAxisMask,
    );
    return {
      outputs: [{ shape: info.finalShape, dtype: x!.dtype }],
      attributes: {
        begin: info.begin,
        end: info.end,
        strides: info.strides,
        shape: info.finalShape,
      },
    };
  },
  [tf.Concat]: (inputs, { axis }) => {
    const parts = listOf(inputs);
    const at = axisOf(axis, parts[0]!.shape.length);
    const shape = tf.backend_util.computeOutShape(
      parts.map((part) => part.shape),
      at,
    );
    return { outputs: [{ shape, dtype: parts[0]!.dtype }], attributes: { axis: at } };
  },
  [tf.SplitV]: ({ x }, { numOrSizeSplits, axis }) => {
    const at = axisOf(axis, x!.shape.length);
    const sizes = splitSizes(numOrSizeSplits as number | readonly number[], x!.shape[at]!);
    const outputs = sizes.map((size) => ({
      shape: x!.shape.map((whole, i) => (i === at ? size : whole)),
      dtype: x!.dtype,
    }));
    return { outputs, attributes: { axis: at, sizes } };
  },
  [tf.Pack]: (inputs, { axis }) => {
    const parts = listOf(inputs);
    const shape = [...parts[0]!.shape];
    const at = axisOf(axis, shape.length + 1);
    shape.splice(at, 0, parts.length);
    return { outputs: [{ shape, dtype: parts[0]!.dtype }], attributes: { axis: at } };
  },
  [tf.Unpack]: ({ value }, { axis }) => {
    const at = axisOf(axis, value!.shape.length);
    const shape = value!.shape.filter((_, i) => i !== at);
    const outputs = Array.from({ length: value!.shape[at]! }, () => ({
      shape,
      dtype: value!.dtype,
    }));
    return { outputs, attributes: { axis: at } };
  },
  [tf.Tile]: ({ x }, { reps }) => {
    const repeats = reps as readonly number[];
    const shape = x!.shape.map((size, i) => size * repeats[i]!);
    return { outputs: [{ shape, dtype: x!.dtype }], attributes: { repeats } };
  },
  [tf.PadV2]: pad,
  [tf.MirrorPad]: pad,
  [tf.Reverse]: ({ x }, { dims }) => ({
    outputs: [{ shape: x!.shape, dtype: x!.dtype }],
    attributes: { axes: tf.util.parseAxisParam(dims as number | number[], x!.shape) },
  }),
  [tf.GatherV2]: gather,
  FrameloomGatherRows: ({ table, indices }) => ({
    outputs: [{ shape: [...indices!.shape, table!.shape[1]!], dtype: table!.dtype }],
    attributes: { axis: 0 },
  }),
  [tf.DepthToSpace]: ({ x }, { blockSize }) => {
    const block = Number(blockSize);
    const [samples, height, width, channels] = x!.shape as [number, number, number, number];
    const shape = [samples, height * block, width * block, channels / (block * block)];
    return { outputs: [{ shape, dtype: x!.dtype }], attributes: { block } };
  },
  [tf.Range]: (_, { start, stop, step, dtype }) => ({
    outputs: [
      {
        shape: [Math.max(0, Math.ceil((Number(stop) - Number(start)) / Number(step)))],
        dtype: (dtype ?? 'float32') as tf.DataType,
      },
    ],
    attributes: { start, stop, step },
  }),
  [tf.Fill]: (_, { shape, value, dtype }) => ({
    outputs: [{ shape: shape as number[], dtype: (dtype ?? 'float32') as tf.DataType }],
    attributes: { shape, value },
  }),
  [tf.ZerosLike]: constantFill(0),
  [tf.OnesLike]: constantFill(1),
};
