import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import type { NativeBackend } from '../src/backend/native.js';
import { randomStream } from '../src/base/random.js';

/** A tensor as golden files hold it: float32, row by row. */
export interface PlainTensor {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** |actual − expected| ≤ atol + rtol·|expected|, element by element. */
export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
}

interface Comparable {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: ArrayLike<number>;
}

function comparable(value: tf.Tensor | PlainTensor | number): Comparable {
  if (typeof value === 'number') return { shape: [], dtype: 'float32', values: [value] };
  if (value instanceof tf.Tensor) {
    return { shape: value.shape, dtype: value.dtype, values: value.dataSync() };
  }
  return { shape: value.shape, dtype: 'float32', values: value.values };
}

/**
 * Asserts that two tensors have one shape, one dtype and values within the tolerance (exactly equal
 * without one). NaN is close to nothing; an infinity only to itself. The message names the worst
 * element.
 */
export function expectClose(
  actual: tf.Tensor | PlainTensor | number,
  expected: tf.Tensor | PlainTensor | number,
  { rtol = 0, atol = 0 }: Tolerance = {},
): void {
  const a = comparable(actual);
  const e = comparable(expected);
  expect(a.shape, 'shape').toEqual(e.shape);
  expect(a.dtype, 'dtype').toBe(e.dtype);
  expect(a.values.length, 'number of values').toBe(e.values.length);
  let worst = 0;
  let worstExcess = -Infinity;
  let wrong = 0;
  for (let i = 0; i < e.values.length; i += 1) {
    const [x, y] = [a.values[i]!, e.values[i]!];
    if (x === y) continue;
    const excess = Math.abs(x - y) - (atol + rtol * Math.abs(y));
    // Not "excess > 0": NaN compares false with everything.
    if (!(excess <= 0)) wrong += 1;
    if (!(excess <= worstExcess)) {
      worst = i;
      worstExcess = Number.isNaN(excess) ? Infinity : excess;
    }
  }
  if (wrong > 0) {
    expect.fail(
      `${wrong} of ${e.values.length} values differ beyond rtol ${rtol}, atol ${atol}; ` +
        `the worst is value ${worst}: ${a.values[worst]} instead of ${e.values[worst]}`,
    );
  }
}

/** max|a − b| / max|b|, NaN when either holds NaN. */
export function relativeDifference(a: tf.Tensor, b: tf.Tensor): number {
  expect(a.shape).toEqual(b.shape);
  const [x, y] = [a.dataSync(), b.dataSync()];
  let difference = 0;
  let size = 0;
  for (let i = 0; i < y.length; i += 1) {
    difference = maximum(difference, Math.abs(x[i]! - y[i]!));
    size = maximum(size, Math.abs(y[i]!));
  }
  return difference === 0 ? 0 : difference / size;
}

const maximum = (a: number, b: number): number => (a >= b ? a : b > a ? b : Number.NaN);

/** Handles that native TensorFlow holds, of which a tensor of TF.js is only one owner; 0 where it is not loaded. */
function nativeHandles(): number {
  if (!tf.engine().backendNames().includes('tensorflow')) return 0;
  return (tf.findBackend('tensorflow') as unknown as NativeBackend).binding.getNumOfTensors();
}

/**
 * Asserts that as many tensors are alive after `run` as before, and as many handles of native TensorFlow. A
 * tensor has no handle before an op reads it: what `run` uses from outside is to be used before.
 */
export async function expectNoLeak(run: () => unknown): Promise<void> {
  const before = [tf.memory().numTensors, nativeHandles()];
  await run();
  const left = [tf.memory().numTensors, nativeHandles()].map((count, i) => count - before[i]!);
  expect({ tensors: left[0], handles: left[1] }, 'left behind').toEqual({ tensors: 0, handles: 0 });
}

/** A golden or made-up tensor on the current backend; the caller disposes of it. */
export const tensorOf = <R extends tf.Rank>({ shape, values }: PlainTensor): tf.Tensor<R> =>
  tf.tensor<R>(Float32Array.from(values), [...shape] as tf.ShapeMap[R], 'float32');

/** Standard normals, the same for the same name; the caller disposes of them. */
export function normals<R extends tf.Rank>(name: string, shape: readonly number[]): tf.Tensor<R> {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = randomStream(11, 'eval', name).fillNormal(new Float32Array(size));
  return tensorOf({ shape, values });
}
