import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../backend/graph/index.js';
import {
  foldTime,
  unfoldTime,
  type Discriminators,
  type Judgement,
  type Parameters,
} from '../networks/index.js';
import { logitsOf, type LossTerms, type RealSide } from './generator-loss.js';
import { meanOf, type AdversarialLoss } from './losses/adversarial.js';
import type { LossPart } from './micro-batch.js';
import type { LossOptions } from './options.js';
import type { RolledOut } from './rollout.js';

/** What a step's losses are made of, the same for all parts. */
export interface JudgedStep {
  readonly discriminators: Discriminators;
  readonly real: RealSide;
  readonly out: RolledOut;
  readonly losses: LossOptions;
  readonly judgeRaw: boolean;
}

/** The discriminators' weights and singular vectors, as the parts are given them. */
export interface Judges {
  /** [discriminators.layout.size]. */
  readonly flat: tf.Tensor1D;
  /** [discriminators.spectralNorm.layout.size]. */
  readonly vectors: tf.Tensor1D;
}

/** A part of the generator's loss, in the rollout's outputs, and of the discriminators', in `flat`. */
export type JudgedPart = LossPart<'generator' | 'discriminators'>;

/** The discriminators' weights from a part's tensors. */
export const weightsOf = (discriminators: Discriminators, tensors: NamedTensors): Parameters =>
  discriminators.weights(tensors.flat as tf.Tensor1D, tensors.vectors as tf.Tensor1D);

/** Times `from` … `to` − 1 of frames that are folded into the batch, [N·(to − from), H, W, C]. */
export function timesOf(
  folded: tf.Tensor4D,
  samples: number,
  from: number,
  to: number,
): tf.Tensor4D {
  const window = unfoldTime(folded, samples);
  return foldTime(tf.slice(window, [0, from, 0, 0, 0], [-1, to - from, -1, -1, -1]));
}

export const repeated = (x: tf.Tensor4D, times: number): tf.Tensor4D =>
  tf.concat(Array.from({ length: times }, () => x));

/** Adds a term that has a weight, times its share. */
export const adder =
  (terms: LossTerms) =>
  (name: string, weight: number, share: number, term: () => tf.Scalar): void => {
    if (weight > 0) terms[name] = tf.mul(tf.tidy(term), weight * share);
  };

/**
 * Half of what the discriminators minimize for real and for generated input, each judged by itself as
 * the generator's loss has them judged.
 */
export function halves(
  loss: AdversarialLoss,
  onReal: readonly Judgement[],
  onFake: readonly Judgement[],
  share: number,
): { real: tf.Scalar; fake: tf.Scalar } {
  const half = (values: tf.Scalar[]): tf.Scalar => tf.mul(meanOf(values), 0.5 * share);
  return {
    real: half(logitsOf(onReal).map(loss.real)),
    fake: half(logitsOf(onFake).map(loss.fake)),
  };
}
