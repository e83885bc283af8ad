import * as tf from '@tensorflow/tfjs-core';

/**
 * Gives average pooling its second-order gradient, which TensorFlow.js lacks: the gradient is linear
 * in dy, so it is pooling again. Gradient penalties go through it.
 */
export function registerAveragePool(): void {
  tf.registerGradient({
    kernelName: tf.AvgPoolGrad,
    inputsToSave: ['input'],
    gradFunc: (ddx, saved, attrs) => {
      const { filterSize, strides, pad } = attrs as unknown as tf.AvgPoolGradAttrs;
      return {
        dy: () => tf.avgPool(ddx as tf.Tensor4D, filterSize, strides, pad),
        input: () => tf.zerosLike(saved[0]!),
      };
    },
  });
}
