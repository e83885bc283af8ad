import type * as tf from '@tensorflow/tfjs-core';
import type { Generator } from '../networks/index.js';

/** A generator with weights: what evaluates, samples and generates. */
export interface TrainedGenerator {
  readonly generator: Generator;
  /** The averaged weights, one number for each of `generator.layout.size`. */
  readonly weights: Float32Array | tf.Tensor1D;
  readonly seed: number;
}
