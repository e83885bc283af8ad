import type * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients, type LossGradient } from '../../src/autodiff/index.js';

/** What a rollout's gradient asks for, of a loss that is a plain scalar of its outputs: its value. */
export const byLoss =
  (loss: (outputs: readonly tf.Tensor[]) => tf.Scalar): LossGradient<tf.Scalar> =>
  (outputs) => {
    const { value, gradients } = valueAndGradients(() => loss(outputs), outputs);
    return { result: value, cotangents: gradients };
  };
