import * as tf from '@tensorflow/tfjs-core';
import { borrowedKernel } from './borrowed.js';
import { conv2DBackpropFilterConfig } from './conv2d-backprop-filter.js';

/** Gradients and gathers that the backend lacks and that are not worth a kernel of their own. */
const BORROWED = [
  tf.DepthwiseConv2dNativeBackpropFilter,
  tf.DepthwiseConv2dNativeBackpropInput,
  tf.Einsum,
  tf.UnsortedSegmentSum, // the gradient of gather
];

/**
 * Gives the WebAssembly backend the kernels that training needs and it lacks; those that it has
 * stay. Both packages have to be loaded.
 */
export function registerMissingWasmKernels(): void {
  const has = new Set(tf.getKernelsForBackend('wasm').map((kernel) => kernel.kernelName));
  if (!has.has(tf.Conv2DBackpropFilter)) tf.registerKernel(conv2DBackpropFilterConfig('wasm'));
  for (const name of BORROWED) {
    if (!has.has(name)) tf.registerKernel(borrowedKernel(name, 'wasm'));
  }
}
