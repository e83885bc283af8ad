import * as tf from '@tensorflow/tfjs-core';
import { checkpointedGradient, plainGradient, type LossGradient } from '../autodiff/index.js';
import { prefixed, type Runner } from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import { framesPart } from './frames-part.js';
import type { JudgedPart, JudgedStep, Judges, RealSide } from './judged-parts.js';
import { gradientsOfParts, microBatches, type LossTerms } from './micro-batch.js';
import type { Model, TrainingState } from './model.js';
import type { LossOptions } from './options.js';
import { r1GradientInParts } from './r1-parts.js';
import { createRollout, sortOutputs, type RolloutInput } from './rollout.js';
import { runBatches, runsPart } from './runs-part.js';
import type { StepPlan } from './step-plan.js';

/** One step's computation: everything of it but the tensors. */
export interface StepContext {
  readonly model: Model;
  readonly losses: LossOptions;
  readonly plan: StepPlan;
  /** Runs each piece of a step in segments. */
  readonly runner: Runner;
}

/** Both networks' gradients, of the same frames and by the same discriminators. */
export interface StepGradients {
  readonly generator: tf.Tensor1D;
  readonly discriminators: tf.Tensor1D;
  /** Weighted, named `generator/…` and `discriminator/…`. */
  readonly terms: LossTerms;
}

/** Both losses: of at most `size` frames at a time, then of at most `size` runs of frames. */
export function judgedParts(step: JudgedStep, judges: Judges, size: number): (() => JudgedPart)[] {
  const frames = microBatches(step.out.frames.length, size).map(
    (batch) => () => framesPart(step, judges, batch),
  );
  if (step.losses.sequenceAdversarial === 0) return frames;
  const runs = runBatches(step, size).map((batch) => () => runsPart(step, judges, batch));
  return [...frames, ...runs];
}

/**
 * Both losses and their gradients. The rollout is on one tape or in segments as the plan says; either
 * way the losses are none of it: they give the generator's gradient in the rollout's outputs, from which it
 * is pulled back, and the discriminators' in their weights with it, so that each frame is judged once.
 */
export function stepGradients(
  { model, losses, plan, runner }: StepContext,
  state: TrainingState,
  input: RolloutInput,
  real: RealSide,
): StepGradients {
  return scoped(() => {
    const { discriminators } = model;
    const { segments, stretches, judgeRaw } = plan;
    const judges: Judges = { flat: state.discriminators, vectors: state.spectral };
    const rollout = createRollout(model.generator, input);
    const judgedFrames = segments === null ? rollout.length : (plan.judgedFrames ?? rollout.length);
    const lossGradient: LossGradient<{ discriminators: tf.Tensor1D; terms: LossTerms }> = (
      outputs,
    ) => {
      const out = sortOutputs(outputs, rollout.length);
      const step: JudgedStep = { discriminators, real, losses, judgeRaw, out };
      const parts = judgedParts(step, judges, judgedFrames);
      const wanted = { generator: outputs, discriminators: [judges.flat] };
      const made = gradientsOfParts(wanted, parts, runner);
      return {
        cotangents: made.generator.gradients,
        result: {
          discriminators: made.discriminators.gradients[0] as tf.Tensor1D,
          terms: {
            ...prefixed('generator/', made.generator.terms),
            ...prefixed('discriminator/', made.discriminators.terms),
          } as LossTerms,
        },
      };
    };
    const { gradient: generator, result } =
      segments === null
        ? plainGradient(rollout, state.generator, lossGradient)
        : checkpointedGradient(
            ...([rollout, state.generator, lossGradient] as const),
            ...([{ segments, stretches }, runner] as const),
          );
    if (plan.r1 === 0) return { generator, ...result };
    const r1 = r1GradientInParts(judges, plan.r1, { discriminators, real, judgedFrames, runner });
    return {
      generator,
      discriminators: tf.add(result.discriminators, r1.gradient),
      terms: { ...result.terms, 'discriminator/r1': r1.penalty },
    };
  });
}
