import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../backend/scope.js';
import {
  inPhase,
  segmentedGradient,
  type LossGradient,
  type Rollout,
  type RolloutGradient,
  type Schedule,
} from '../autodiff/index.js';
import type { Discriminators, Parameters } from '../networks/index.js';
import { sumOf, type LossTerms, type RealSide } from './generator-loss.js';
import { discriminatorParts, generatorParts, type JudgedStep } from './judged-parts.js';
import { r1Gradient } from './losses/r1.js';
import { gradientsOfParts, microBatches } from './micro-batch.js';
import type { LossOptions } from './options.js';
import { sortOutputs } from './rollout.js';

/** How a step in parts is cut, and by what it is judged. */
export interface PartsOptions {
  readonly discriminators: Discriminators;
  readonly real: RealSide;
  readonly losses: LossOptions;
  readonly judgeRaw: boolean;
  /** Frames, and runs of frames, of a sample that the discriminators judge at once. */
  readonly judgedFrames: number;
  /** Takes the loss's terms; they are let go after the call. */
  readonly report: (terms: LossTerms) => void;
}

const judgedStep = (
  { discriminators, real, losses, judgeRaw }: PartsOptions,
  outputs: readonly tf.Tensor[],
  frames: number,
): JudgedStep => ({
  ...{ discriminators, real, losses, judgeRaw },
  out: sortOutputs(outputs, frames),
});

/**
 * The gradient of `generatorLoss` through a rollout in segments, the loss in micro-batches.
 *
 * @param judges the discriminators' weights, normalized; constants
 */
export function generatorGradientInParts(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  judges: Parameters,
  segments: Schedule,
  options: PartsOptions,
): RolloutGradient {
  const lossGradient: LossGradient = (outputs) => {
    const step = judgedStep(options, outputs, rollout.length);
    const parts = generatorParts(step, judges, options.judgedFrames);
    const { terms, gradients } = gradientsOfParts(outputs, parts);
    options.report(terms);
    return { value: sumOf(terms), cotangents: gradients };
  };
  return segmentedGradient(rollout, parameters, lossGradient, segments);
}

/**
 * The gradient of `discriminatorLoss` in micro-batches.
 *
 * @param outputs the rollout's, off the generator's tape
 * @param frames of the rollout
 * @param judgesOf the weights by name, normalized; differentiable
 */
export function discriminatorGradientInParts(
  flat: tf.Tensor1D,
  outputs: readonly tf.Tensor[],
  frames: number,
  judgesOf: (flat: tf.Tensor1D) => Parameters,
  options: PartsOptions,
): tf.Tensor1D {
  return inPhase('train', () =>
    tf.tidy(() => {
      const step = judgedStep(options, outputs, frames);
      const parts = discriminatorParts(step, flat, judgesOf, options.judgedFrames);
      const { terms, gradients } = gradientsOfParts([flat], parts);
      options.report(terms);
      return gradients[0] as tf.Tensor1D;
    }),
  );
}

/**
 * R1's penalty and gradient in micro-batches of so many frames of a sample.
 *
 * @param score as for `r1Gradient`, with the condition of the frames that it is given
 */
export function r1GradientInParts(
  score: (parameters: tf.Tensor1D, x: tf.Tensor4D, condition: tf.Tensor4D | null) => tf.Scalar,
  flat: tf.Tensor1D,
  real: RealSide,
  gamma: number,
  judgedFrames: number,
): { penalty: tf.Scalar; gradient: tf.Tensor1D } {
  const samples = real.window.shape[0];
  const count = real.frames.shape[0];
  return inPhase('train', () =>
    scoped(() => {
      let sum = { penalty: tf.scalar(0), gradient: tf.zerosLike(flat) };
      for (const { from, to, share } of microBatches(count, judgedFrames * samples)) {
        const before = sum;
        sum = scoped(() => {
          const rows = (x: tf.Tensor4D): tf.Tensor4D =>
            tf.slice(x, [from, 0, 0, 0], [to - from, -1, -1, -1]);
          const condition = real.condition && rows(real.condition);
          const own = r1Gradient(
            (parameters, x) => score(parameters, x, condition),
            flat,
            rows(real.frames),
            gamma * share,
          );
          return {
            penalty: tf.add(before.penalty, own.penalty),
            gradient: tf.add(before.gradient, own.gradient),
          };
        });
        tf.dispose([before.penalty, before.gradient]);
      }
      return sum;
    }),
  );
}
