import * as tf from '@tensorflow/tfjs-core';
import { axesOf, type KernelShape } from './kernel-shape.js';

/** One input that decides shape and type, whatever its name; attributes as they are. */
const like: KernelShape = (inputs, attributes) => {
  const { shape, dtype } = Object.values(inputs)[0]!;
  return { outputs: [{ shape, dtype }], attributes };
};

const broadcast = (shapes: readonly (readonly number[])[]): number[] =>
  shapes.reduce<number[]>(
    (sum, shape) => tf.broadcast_util.assertAndGetBroadcastShape(sum, [...shape]),
    [],
  );

const binary: KernelShape = ({ a, b }) => ({
  outputs: [{ shape: broadcast([a!.shape, b!.shape]), dtype: a!.dtype }],
});

const comparison: KernelShape = ({ a, b }) => ({
  outputs: [{ shape: broadcast([a!.shape, b!.shape]), dtype: 'bool' }],
});

const select: KernelShape = ({ condition, t, e }) => ({
  outputs: [{ shape: broadcast([condition!.shape, t!.shape, e!.shape]), dtype: t!.dtype }],
});

const reduction: KernelShape = ({ x }, { axis, reductionIndices, keepDims }) => {
  const axes = axesOf(axis ?? reductionIndices, x!.shape.length);
  const shape = keepDims
    ? x!.shape.map((size, i) => (axes.includes(i) ? 1 : size))
    : x!.shape.filter((_, i) => !axes.includes(i));
  return {
    outputs: [{ shape, dtype: x!.dtype }],
    attributes: { axes, keepDims: Boolean(keepDims) },
  };
};

const each = (names: readonly string[], shape: KernelShape): Record<string, KernelShape> =>
  Object.fromEntries(names.map((name) => [name, shape]));

export const UNARY = [
  ...[tf.Abs, tf.Neg, tf.Exp, tf.Log, tf.Sqrt, tf.Rsqrt, tf.Square, tf.Reciprocal, tf.Sin, tf.Cos],
  ...[tf.Floor, tf.Ceil, tf.Round, tf.Sign, tf.Erf, tf.Tanh, tf.Sigmoid, tf.Softplus, tf.Elu],
  ...[tf.Selu, tf.Relu, tf.Relu6, tf.Identity, tf.LogicalNot],
] as const;

export const BINARY = [
  ...[tf.Add, tf.Sub, tf.Multiply, tf.RealDiv, tf.FloorDiv, tf.Pow, tf.SquaredDifference],
  ...[tf.Maximum, tf.Minimum],
] as const;

export const COMPARISON = [
  ...[tf.Greater, tf.GreaterEqual, tf.Less, tf.LessEqual, tf.Equal, tf.NotEqual],
  ...[tf.LogicalAnd, tf.LogicalOr],
] as const;

export const REDUCTION = [tf.Sum, tf.Mean, tf.Max, tf.Min, tf.Prod] as const;

export const elementwiseShapes: Readonly<Record<string, KernelShape>> = {
  ...each(UNARY, like),
  ...each(BINARY, binary),
  ...each(COMPARISON, comparison),
  ...each(REDUCTION, reduction),
  [tf.ClipByValue]: like,
  [tf.LeakyRelu]: like,
  [tf.Softmax]: like,
  [tf.Prelu]: like,
  FrameloomLeakyRelu: like,
  FrameloomBiasAdd: like,
  [tf.AddN]: like,
  [tf.Select]: select,
  [tf.Cast]: ({ x }, { dtype }) => ({
    outputs: [{ shape: x!.shape, dtype: dtype as tf.DataType }],
  }),
};
