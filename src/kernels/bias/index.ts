import * as tf from '@tensorflow/tfjs-core';
import { assertShape } from '../../base/shape.js';
import { registerFused, runKernel, runNativeOp, type KernelFunction } from '../native.js';

const FORWARD = 'FrameloomBiasAdd';
const BACKWARD = 'FrameloomBiasAddGrad';
const LAYOUT = { data_format: { text: 'NHWC' } };

const fused: KernelFunction = ([x, bias]) => runNativeOp('BiasAdd', [x!, bias!], 1, LAYOUT);
const gradFused: KernelFunction = ([dy]) => runNativeOp('BiasAddGrad', [dy!], 1, LAYOUT);
const reference: KernelFunction = ([x, bias]) => [tf.add(x!, bias!)];
const gradReference: KernelFunction = ([dy]) => [tf.sum(dy!, [0, 1, 2])];

export function registerBias(): void {
  registerFused(FORWARD, ['x', 'bias'], fused, reference);
  registerFused(BACKWARD, ['dy'], gradFused, gradReference);
  tf.registerGradient({
    kernelName: FORWARD,
    gradFunc: (dy) => ({
      // A handle of its own: the engine disposes of gradients that it adds up.
      x: () => tf.clone(dy as tf.Tensor),
      bias: () => runKernel(BACKWARD, { dy: dy as tf.Tensor })[0]!,
    }),
  });
}

/**
 * Adds one number to each channel.
 * @param x [N, H, W, C]
 * @param bias [C]
 * @throws FrameloomError bad-shape
 */
export function biasAdd(x: tf.Tensor4D, bias: tf.Tensor1D): tf.Tensor4D {
  const { C } = assertShape(x, ['N', 'H', 'W', 'C'], 'x');
  assertShape(bias, [C!], 'bias');
  return runKernel(FORWARD, { x, bias })[0] as tf.Tensor4D;
}
