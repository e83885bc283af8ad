import * as tf from '@tensorflow/tfjs-core';
import { inputOf, type KernelWriter } from '../writer.js';
import { convolutionWriters } from './convolution.js';
import { elementwiseWriters } from './elementwise.js';
import { movementWriters } from './movement.js';
import { warpKernel, withWarps } from './warp.js';

const swapLast = (rank: number): number[] => [
  ...Array.from({ length: rank - 2 }, (_, axis) => axis),
  ...[rank - 1, rank - 2],
];

const matMul: KernelWriter = (writer, call) => {
  const operands = (['a', 'b'] as const).map((name) => {
    const value = inputOf(call, name);
    const edge = writer.edge(value);
    if (call.attributes[name === 'a' ? 'transposeA' : 'transposeB'] !== true) return edge;
    return writer.graph.node('Transpose', [edge], { perm: { ints: swapLast(value.shape.length) } });
  });
  writer.set(call.outputs[0]!, writer.graph.node('MatMul', operands));
};

const composite: Readonly<Record<string, KernelWriter>> = {
  ...elementwiseWriters,
  ...movementWriters,
  ...convolutionWriters,
  [tf.BatchMatMul]: matMul,
  FrameloomWarp: warpKernel,
};

/**
 * How each TensorFlow.js kernel is written in ONNX.
 * @param warps false leaves a warp as the many small ops that it is made of
 */
export const kernelWriters = (warps: boolean): Readonly<Record<string, KernelWriter>> =>
  warps ? { ...composite, [tf.Reshape]: withWarps(composite[tf.Reshape]!) } : composite;
