import * as tf from '@tensorflow/tfjs-core';
import { assertShape } from '../../base/shape.js';
import { registerFused, runKernel, runNativeOp, type KernelFunction } from '../native.js';

const BACKWARD = 'FrameloomEnlargeGrad';

const gradFused: KernelFunction = ([dy, x]) =>
  runNativeOp('ResizeBilinearGrad', [dy!, x!], 1, {
    align_corners: { bool: false },
    half_pixel_centers: { bool: true },
  });

/** Along one axis each pixel is given (1, 3, 3, 1)/4 of the four around it, the border repeated. */
function shrink(dy: tf.Tensor4D, axis: 1 | 2): tf.Tensor4D {
  const around: [number, number][] = [0, 1, 2, 3].map((i) => (i === axis ? [1, 1] : [0, 0]));
  const padded = tf.mirrorPad(dy, around, 'symmetric');
  const strides = [1, 1, 1, 1].map((one, i) => (i === axis ? 2 : one));
  const taps = [0.25, 0.75, 0.75, 0.25].map((weight, offset) => {
    const begin = [0, 0, 0, 0].map((zero, i) => (i === axis ? offset : zero));
    const end = padded.shape.map((size, i) => (i === axis ? size - (offset < 2 ? 1 : 0) : size));
    const tap = tf.stridedSlice(padded, begin, end, strides);
    const shape = dy.shape.map((size, i) => (i === axis ? size / 2 : size));
    return tf.mul(tf.slice(tap, [0, 0, 0, 0], shape), weight);
  });
  return tf.addN(taps as tf.Tensor4D[]);
}

const gradReference: KernelFunction = ([dy]) => [shrink(shrink(dy as tf.Tensor4D, 1), 2)];

export function registerEnlarge(): void {
  registerFused(BACKWARD, ['dy', 'x'], gradFused, gradReference);
}

/**
 * Twice the height and width, bilinear between the centres of pixels, as PyTorch's `interpolate`
 * without `align_corners`. TensorFlow.js's own gradient of `resizeBilinear` is that of another
 * sampling: it does not know of half-pixel centres.
 *
 * @param x [N, H, W, C]
 * @returns [N, 2H, 2W, C]
 * @throws FrameloomError bad-shape
 */
export function enlarge(x: tf.Tensor4D): tf.Tensor4D {
  const { H, W } = assertShape(x, ['N', 'H', 'W', 'C'], 'x');
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    save([input]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor =>
      runKernel(BACKWARD, { dy, x: saved[0]! })[0]!;
    return { value: tf.image.resizeBilinear(input, [H! * 2, W! * 2], false, true), gradFunc };
  });
  return op(x);
}
