import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors, Runner } from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import {
  inPhase,
  segmentedGradient,
  type LossGradient,
  type Recomputation,
  type Rollout,
  type RolloutGradient,
} from '../autodiff/index.js';
import type { Discriminators, Parameters } from '../networks/index.js';
import { sumOf, type LossTerms, type RealSide } from './generator-loss.js';
import { framesPart } from './frames-part.js';
import type { JudgedPart, JudgedStep, Judges } from './judged-parts.js';
import { r1Gradient } from './losses/r1.js';
import { gradientsOfParts, microBatches } from './micro-batch.js';
import type { LossOptions } from './options.js';
import { sortOutputs } from './rollout.js';
import { runBatches, runsPart } from './runs-part.js';

/** How a step in parts is cut, and by what it is judged. */
export interface PartsOptions {
  readonly discriminators: Discriminators;
  readonly real: RealSide;
  readonly losses: LossOptions;
  readonly judgeRaw: boolean;
  /** Frames, and runs of frames, of a sample that the discriminators judge at once. */
  readonly judgedFrames: number;
  /** Takes a loss's terms; they are let go after the call. */
  readonly report: (terms: LossTerms, side: 'generator' | 'discriminator') => void;
  /** Runs each piece of the step. */
  readonly runner: Runner;
}

type R1Options = Pick<PartsOptions, 'discriminators' | 'real' | 'judgedFrames' | 'runner'>;

/** Both losses of a step in parts: of at most `size` frames, then of at most `size` runs of frames. */
export function judgedParts(step: JudgedStep, judges: Judges, size: number): (() => JudgedPart)[] {
  const frames = microBatches(step.out.frames.length, size).map(
    (batch) => () => framesPart(step, judges, batch),
  );
  if (step.losses.sequenceAdversarial === 0) return frames;
  const runs = runBatches(step, size).map((batch) => () => runsPart(step, judges, batch));
  return [...frames, ...runs];
}

/**
 * The gradient of `generatorLoss` through a rollout in segments, and that of `discriminatorLoss` in
 * the judges' weights on the same frames; both losses in micro-batches.
 */
export function gradientsInParts(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  judges: Judges,
  how: Recomputation,
  options: PartsOptions,
): { generator: RolloutGradient; discriminators: tf.Tensor1D } {
  const { discriminators, real, losses, judgeRaw, judgedFrames, report, runner } = options;
  return scoped(() => {
    let judged: tf.Tensor1D | undefined;
    const lossGradient: LossGradient = (outputs) => {
      const out = sortOutputs(outputs, rollout.length);
      const step = { discriminators, real, losses, judgeRaw, out };
      const made = gradientsOfParts(
        { generator: outputs, discriminators: [judges.flat] },
        judgedParts(step, judges, judgedFrames),
        runner,
      );
      report(made.generator.terms, 'generator');
      report(made.discriminators.terms, 'discriminator');
      judged = tf.keep(made.discriminators.gradients[0] as tf.Tensor1D);
      return { value: sumOf(made.generator.terms), cotangents: made.generator.gradients };
    };
    const generator = segmentedGradient(rollout, parameters, lossGradient, how, runner);
    // Kept beyond the loss's scope, it is the calling scope's again as a clone.
    const discriminatorsGradient = tf.clone(judged!);
    judged!.dispose();
    return { generator, discriminators: discriminatorsGradient };
  });
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
