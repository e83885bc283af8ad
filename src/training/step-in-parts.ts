import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors, Runner } from '../backend/graph/index.js';
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
import { discriminatorParts } from './discriminator-parts.js';
import { generatorParts } from './generator-parts.js';
import type { JudgedStep, Judges } from './judged-parts.js';
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
  /** Runs each piece of the step. */
  readonly runner: Runner;
}

type R1Options = Pick<PartsOptions, 'discriminators' | 'real' | 'judgedFrames' | 'runner'>;

const judgedStep = (
  { discriminators, real, losses, judgeRaw }: PartsOptions,
  outputs: readonly tf.Tensor[],
  frames: number,
): JudgedStep => ({
  ...{ discriminators, real, losses, judgeRaw },
  out: sortOutputs(outputs, frames),
});

/** The gradient of `generatorLoss` through a rollout in segments, the loss in micro-batches. */
export function generatorGradientInParts(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  judges: Judges,
  segments: Schedule,
  options: PartsOptions,
): RolloutGradient {
  const { judgedFrames, report, runner } = options;
  const lossGradient: LossGradient = (outputs) => {
    const parts = generatorParts(
      judgedStep(options, outputs, rollout.length),
      judges,
      judgedFrames,
    );
    const { terms, gradients } = gradientsOfParts(outputs, parts, runner);
    report(terms);
    return { value: sumOf(terms), cotangents: gradients };
  };
  return segmentedGradient(rollout, parameters, lossGradient, segments, runner);
}

/**
 * The gradient of `discriminatorLoss` in the judges' weights, in micro-batches.
 *
 * @param outputs the rollout's, off the generator's tape
 * @param frames of the rollout
 */
export function discriminatorGradientInParts(
  judges: Judges,
  outputs: readonly tf.Tensor[],
  frames: number,
  options: PartsOptions,
): tf.Tensor1D {
  const { judgedFrames, report, runner } = options;
  return inPhase('train', () =>
    tf.tidy(() => {
      const parts = discriminatorParts(judgedStep(options, outputs, frames), judges, judgedFrames);
      const { terms, gradients } = gradientsOfParts([judges.flat], parts, runner);
      report(terms);
      return gradients[0] as tf.Tensor1D;
    }),
  );
}

/** R1's penalty on the frame discriminator, and its gradient, in micro-batches of frames. */
export function r1GradientInParts(
  { flat, vectors }: Judges,
  gamma: number,
  { discriminators, real, judgedFrames, runner }: R1Options,
): { penalty: tf.Scalar; gradient: tf.Tensor1D } {
  const samples = real.window.shape[0];
  const batches = microBatches(real.frames.shape[0], judgedFrames * samples);
  return inPhase('train', () =>
    scoped(() => {
      let sum = { penalty: tf.scalar(0), gradient: tf.zerosLike(flat) };
      for (const { from, to, share } of batches) {
        const before = sum;
        sum = scoped(() => {
          const rows = (x: tf.Tensor4D): tf.Tensor4D =>
            tf.slice(x, [from, 0, 0, 0], [to - from, -1, -1, -1]);
          const condition = real.condition && { condition: rows(real.condition) };
          const inputs = { flat, vectors, frames: rows(real.frames), ...condition };
          const own = runner.call(`r1 by ${gamma * share}`, inputs, (tensors: NamedTensors) =>
            r1Gradient(
              (weights, x) =>
                frameScore(
                  discriminators,
                  discriminators.weights(weights, tensors.vectors as tf.Tensor1D),
                  x,
                  (tensors.condition as tf.Tensor4D | undefined) ?? null,
                ),
              tensors.flat as tf.Tensor1D,
              tensors.frames as tf.Tensor4D,
              gamma * share,
            ),
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

/** The frame discriminator's mean logit, over patches and scales, summed over the batch. */
function frameScore(
  discriminators: Discriminators,
  weights: Parameters,
  frames: tf.Tensor4D,
  condition: tf.Tensor4D | null,
): tf.Scalar {
  const judged = discriminators.judgeFrames(weights, frames, condition);
  const perScale = judged.map(({ logits }) => tf.mul(tf.mean(logits), frames.shape[0]));
  return tf.div(tf.addN(perScale), perScale.length);
}
