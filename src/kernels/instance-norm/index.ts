import * as tf from '@tensorflow/tfjs-core';
import { assertShape } from '../../base/shape.js';
import { registerFused, runKernel } from '../native.js';
import { instanceNormFused, instanceNormGradFused } from './fused.js';
import {
  instanceNormGradReference,
  instanceNormReference,
  instanceNormSecondOrder,
} from './reference.js';

const FORWARD = 'FrameloomInstanceNorm';
const BACKWARD = 'FrameloomInstanceNormGrad';
const EPSILON = 1e-5;

export function registerInstanceNorm(): void {
  registerFused(FORWARD, ['x', 'gamma', 'beta'], instanceNormFused, instanceNormReference);
  registerFused(
    BACKWARD,
    ['dy', 'x', 'gamma', 'mean', 'variance'],
    instanceNormGradFused,
    instanceNormGradReference,
  );
  tf.registerGradient({
    kernelName: FORWARD,
    inputsToSave: ['x', 'gamma'],
    outputsToSave: [false, true, true],
    gradFunc: (dy, saved, attrs) => {
      const [x, gamma, mean, variance] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const [dx, dgamma, dbeta] = runKernel(
        BACKWARD,
        { dy: (dy as tf.Tensor[])[0]!, x, gamma, mean, variance },
        attrs as Record<string, number>,
      );
      return { x: () => dx!, gamma: () => dgamma!, beta: () => dbeta! };
    },
  });
  tf.registerGradient({
    kernelName: BACKWARD,
    inputsToSave: ['dy', 'x', 'gamma', 'mean', 'variance'],
    gradFunc: (cotangents, saved, attrs) => {
      const [dy, x, gamma, mean, variance] = saved as [
        ...[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor],
      ];
      const second = instanceNormSecondOrder(
        cotangents as [tf.Tensor, tf.Tensor, tf.Tensor],
        [dy, x, gamma],
        (attrs as { epsilon: number }).epsilon,
      );
      return {
        dy: () => second.dy,
        x: () => second.x,
        gamma: () => second.gamma,
        mean: () => tf.zerosLike(mean),
        variance: () => tf.zerosLike(variance),
      };
    },
  });
}

/**
 * Instance normalization (Ulyanov et al. 2016): each channel of each sample to mean `beta` and
 * deviation `gamma`.
 *
 * @param x [N, H, W, C]
 * @param gamma [C]
 * @param beta [C]
 * @returns [N, H, W, C]
 * @throws FrameloomError bad-shape
 */
export function instanceNorm(x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D): tf.Tensor4D {
  const { C } = assertShape(x, ['N', 'H', 'W', 'C'], 'x');
  assertShape(gamma, [C!], 'gamma');
  assertShape(beta, [C!], 'beta');
  return runKernel(FORWARD, { x, gamma, beta }, { epsilon: EPSILON })[0] as tf.Tensor4D;
}
