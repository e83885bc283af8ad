import * as tf from '@tensorflow/tfjs-core';
import { registerFused, runKernel, runNativeOp, type KernelFunction } from '../native.js';

const FORWARD = 'FrameloomLeakyRelu';
const BACKWARD = 'FrameloomLeakyReluGrad';

const fused: KernelFunction = ([x], { slope }) =>
  slope === 0
    ? runNativeOp('Relu', [x!], 1)
    : runNativeOp('LeakyRelu', [x!], 1, { alpha: { float: slope! } });

// Both gradient ops look only at the sign of the features, which the output shares with the input;
// so the output is what is kept, and the input of the activation may go.
const gradFused: KernelFunction = ([dy, y], { slope }) =>
  slope === 0
    ? runNativeOp('ReluGrad', [dy!, y!], 1)
    : runNativeOp('LeakyReluGrad', [dy!, y!], 1, { alpha: { float: slope! } });

const reference: KernelFunction = ([x], { slope }) => [tf.maximum(x!, tf.mul(x!, slope!))];

const gradReference: KernelFunction = ([dy, y], { slope }) => [
  tf.where(tf.greater(y!, 0), dy!, tf.mul(dy!, slope!)),
];

export function registerActivation(): void {
  registerFused(FORWARD, ['x'], fused, reference);
  registerFused(BACKWARD, ['dy', 'y'], gradFused, gradReference);
  tf.registerGradient({
    kernelName: FORWARD,
    outputsToSave: [true],
    gradFunc: (dy, saved, attrs) => ({
      x: () =>
        runKernel(
          BACKWARD,
          { dy: dy as tf.Tensor, y: saved[0]! },
          attrs as Record<string, number>,
        )[0]!,
    }),
  });
  // Linear in dy, and y decides by its sign alone: this is exact, for gradient penalties.
  tf.registerGradient({
    kernelName: BACKWARD,
    inputsToSave: ['y'],
    gradFunc: (ddx, saved, attrs) => ({
      dy: () =>
        runKernel(
          BACKWARD,
          { dy: ddx as tf.Tensor, y: saved[0]! },
          attrs as Record<string, number>,
        )[0]!,
      y: () => tf.zerosLike(saved[0]!),
    }),
  });
}

/**
 * max(x, slope·x), elementwise; slope 0 is ReLU.
 * @param slope in [0, 1)
 */
export function leakyRelu<T extends tf.Tensor>(x: T, slope: number): T {
  return runKernel(FORWARD, { x }, { slope })[0] as T;
}

export const relu = <T extends tf.Tensor>(x: T): T => leakyRelu(x, 0);
