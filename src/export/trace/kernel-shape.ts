import * as tf from '@tensorflow/tfjs-core';

export interface TensorMeta {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
}

export type Attributes = Readonly<Record<string, unknown>>;

/**
 * What a kernel returns for inputs of these shapes, and its attributes in the form that its writer
 * reads: numbers and lists of numbers, nothing left to be derived from a shape.
 */
export type KernelShape = (
  inputs: Readonly<Record<string, tf.TensorInfo>>,
  attributes: Attributes,
) => { outputs: readonly TensorMeta[]; attributes?: Attributes };

/** The axes of a reduction, none negative, in order. */
export const axesOf = (axis: unknown, rank: number): number[] =>
  tf.util
    .parseAxisParam(axis as number | number[], Array<number>(rank).fill(1))
    .sort((a, b) => a - b);
