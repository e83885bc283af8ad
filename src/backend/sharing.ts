import * as tf from '@tensorflow/tfjs-core';

interface ReferenceCounting {
  incRef(dataId: object): void;
}

/**
 * Gradients reshape to the shape that a tensor has already and cast to its own type, hundreds of
 * times a step; the native backend runs an op each time. Here such a call shares the data instead.
 */
function shareWhenUnchanged(
  kernelName: 'Reshape' | 'Cast',
  unchanged: (x: tf.TensorInfo, attributes: tf.NamedAttrMap) => boolean,
): void {
  const original = tf.getKernel(kernelName, 'tensorflow');
  tf.unregisterKernel(kernelName, 'tensorflow');
  tf.registerKernel({
    ...original,
    kernelFunc: (call) => {
      const x = call.inputs.x!;
      if (!unchanged(x, call.attrs!)) return original.kernelFunc(call);
      (call.backend as ReferenceCounting).incRef(x.dataId);
      return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
    },
  });
}

/** For when the native backend's own kernels have just been registered. */
export function shareUnchanged(): void {
  shareWhenUnchanged('Reshape', ({ shape }, attributes) => {
    const wanted = attributes.shape as readonly number[];
    return wanted.length === shape.length && wanted.every((size, axis) => size === shape[axis]);
  });
  shareWhenUnchanged('Cast', ({ dtype }, attributes) => attributes.dtype === dtype);
}
