import * as tf from '@tensorflow/tfjs-core';
import { replaceKernel } from '../mended.js';
import { segmentSum } from './segment-sum.js';
import type { WebgpuBackend } from './watched.js';

const NAME = 'webgpu';

/**
 * Mends kernels of TF.js 4.22's WebGPU backend, which is no longer worked on: shaders that are invalid for some shapes,
 * and sums in whatever order threads come. Its backend has to be registered.
 *
 * @param storageBuffers how many a shader may use, by the device's limits
 */
export function mendWebgpuKernels(storageBuffers: number): void {
  replaceKernel(tf.PadV2, NAME, padByAxis);
  replaceKernel(tf.AddN, NAME, (original) => addInParts(original, storageBuffers - 1));
  replaceKernel(tf.UnsortedSegmentSum, NAME, inAnyOrder);
}

/** What padding writes of five axes and more is no valid shader: one axis after the other is padded, as the middle of three. */
function padByAxis(original: tf.KernelFunc): tf.KernelFunc {
  return (call) => {
    const x = call.inputs.x as tf.Tensor;
    const { paddings, constantValue } = call.attrs as unknown as tf.PadV2Attrs;
    if (x.shape.length < 5) return original(call);
    return tf.tidy(() => {
      let padded = tf.clone(x);
      paddings.forEach(([before, after], axis) => {
        if (before === 0 && after === 0) return;
        const { shape } = padded;
        const size = (lengths: readonly number[]) => lengths.reduce((all, own) => all * own, 1);
        const three = [size(shape.slice(0, axis)), shape[axis]!, size(shape.slice(axis + 1))];
        const around: [number, number][] = [
          [0, 0],
          [before, after],
          [0, 0],
        ];
        const wider = tf.pad(tf.reshape(padded, three), around, constantValue);
        padded = tf.reshape(
          wider,
          shape.map((length, i) => (i === axis ? before + length + after : length)),
        );
      });
      return padded;
    });
  };
}

/** A sum binds each of its tensors to its shader, whatever the device allows. */
function addInParts(original: tf.KernelFunc, most: number): tf.KernelFunc {
  return (call) => {
    const tensors = call.inputs as unknown as tf.Tensor[];
    if (tensors.length <= most) return original(call);
    return tf.tidy(() => {
      let sum = tf.addN(tensors.slice(0, most));
      for (let from = most; from < tensors.length; from += most - 1) {
        sum = tf.addN([sum, ...tensors.slice(from, from + most - 1)]);
      }
      return sum;
    });
  };
}

function inAnyOrder(original: tf.KernelFunc): tf.KernelFunc {
  return (call) => {
    const { x, segmentIds } = call.inputs as Record<'x' | 'segmentIds', tf.Tensor>;
    const { numSegments } = call.attrs as unknown as tf.UnsortedSegmentSumAttrs;
    if (x.dtype !== 'float32') return original(call);
    return segmentSum(call.backend as unknown as WebgpuBackend, x, segmentIds, numSegments);
  };
}
