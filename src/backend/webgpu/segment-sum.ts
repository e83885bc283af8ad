import * as tf from '@tensorflow/tfjs-core';
import type { Program, WebgpuBackend } from './watched.js';

/** What every shader of these begins with: a line each of TF.js's own making stands around it. */
const THREADS = 64;

const flat = (
  shaderKey: string,
  variableNames: readonly string[],
  uniforms: string,
  [length, threads]: readonly [number, number],
  code: string,
  atomic = false,
): Program => ({
  outputShape: [length],
  variableNames,
  uniforms,
  workgroupSize: [THREADS, 1, 1],
  dispatchLayout: { x: [0] },
  dispatch: [Math.max(1, Math.ceil(threads / THREADS)), 1, 1],
  shaderKey,
  atomic,
  getUserCode: () => code,
});

/**
 * Adds each number to its row as an integer of 64 bits, two words of a row's place: integers add up to the same in any
 * order. Counted in 2^(top − place): the largest number's first bit is at `place`, so that as many as there are do not
 * overflow. The word behind all others says that there was one that is not finite.
 */
const ADD = `
  fn main(index : i32) {
    if (index >= uniforms.count) { return; }
    let row = ids[index / uniforms.width];
    if (row < 0 || row >= uniforms.rows) { return; }
    let bits = bitcast<u32>(x[index]);
    let exponent = i32((bits >> 23u) & 255u);
    if (exponent == 255) {
      atomicOr(&result[2 * uniforms.rows * uniforms.width], 1);
      return;
    }
    if (exponent == 0) { return; }
    let top = i32((bitcast<u32>(largest[0]) >> 23u) & 255u);
    let mantissa = (bits & 8388607u) | 8388608u;
    let by = exponent - top + uniforms.place - 23;
    var low = 0u;
    var high = 0u;
    if (by >= 32) { high = mantissa << u32(by - 32); }
    else if (by > 0) { low = mantissa << u32(by); high = mantissa >> u32(32 - by); }
    else if (by > -24) { low = mantissa >> u32(-by); }
    if ((bits >> 31u) == 1u) {
      low = ~low + 1u;
      high = ~high + select(0u, 1u, low == 0u);
    }
    let at = 2 * (row * uniforms.width + index % uniforms.width);
    if (low != 0u) {
      let before = bitcast<u32>(atomicAdd(&result[at], bitcast<i32>(low)));
      if (before + low < before) { high = high + 1u; }
    }
    if (high != 0u) { atomicAdd(&result[at + 1], bitcast<i32>(high)); }
  }
`;

const TO_FLOAT = `
  fn main(index : i32) {
    if (index >= uniforms.count) { return; }
    let top = i32((bitcast<u32>(largest[0]) >> 23u) & 255u);
    if (top == 255 || sums[2 * uniforms.count] != 0) {
      result[index] = uniforms.NAN;
      return;
    }
    var low = bitcast<u32>(sums[2 * index]);
    var high = bitcast<u32>(sums[2 * index + 1]);
    let isNegative = (high >> 31u) == 1u;
    if (isNegative) {
      low = ~low + 1u;
      high = ~high + select(0u, 1u, low == 0u);
    }
    // By a power of two each: neither rounds.
    let one = bitcast<f32>(u32(127 - uniforms.place) << 23u);
    let unit = bitcast<f32>(u32(max(top, 1)) << 23u);
    let value = (f32(high) * 4294967296.0 + f32(low)) * one * unit;
    result[index] = select(value, -value, isNegative);
  }
`;

/**
 * The sum of the rows of each number, which is the same to the bit each time: TF.js adds floats up by whichever thread
 * comes first. Exact to 2^(log2 K − 62) of the largest number, which is more than adding floats would be.
 *
 * @param x [K, …] float32
 * @param segmentIds [K] int32; what has no row is left out
 * @returns [numSegments, …]; NaN all over where a number is not finite
 */
export function segmentSum(
  backend: WebgpuBackend,
  x: tf.Tensor,
  segmentIds: tf.Tensor,
  numSegments: number,
): tf.Tensor {
  const [rows = 1, ...rest] = x.shape;
  const width = rest.reduce((product, length) => product * length, 1);
  const outputs = numSegments * width;
  const shape = [numSegments, ...rest];
  if (rows * width === 0 || outputs === 0) return tf.zeros(shape);
  return tf.tidy(() => {
    const largest = tf.max(tf.abs(x));
    const place = 62 - Math.ceil(Math.log2(rows));
    const sums = tf.zeros([2 * outputs + 1], 'int32');
    const numbers = (...values: number[]) =>
      values.map((value) => ({ type: 'int32' as const, data: [value] }));
    const add = flat(
      ...(['frameloomSegmentSum', ['x', 'ids', 'largest']] as const),
      'count : i32, width : i32, rows : i32, place : i32,',
      [2 * outputs + 1, rows * width],
      ...([ADD, true] as const),
    );
    const inputs = [tf.reshape(x, [-1]), tf.reshape(segmentIds, [-1]), largest];
    backend.runWebGPUProgram(
      ...([add, inputs, 'int32', numbers(rows * width, width, numSegments, place), sums] as const),
    );
    const toFloat = flat(
      ...(['frameloomSegmentSumToFloat', ['sums', 'largest']] as const),
      'count : i32, place : i32,',
      [outputs, outputs],
      TO_FLOAT,
    );
    const made = backend.runWebGPUProgram(
      ...([toFloat, [sums, largest], 'float32', numbers(outputs, place)] as const),
    );
    return tf.reshape(tf.engine().makeTensorFromTensorInfo(made), shape);
  });
}
