import * as tf from '@tensorflow/tfjs-core';
import {
  inPhase,
  plainGradient,
  valueAndGradients,
  type RolloutGradient,
} from '../autodiff/index.js';
import type { Runner } from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import { discriminatorLoss } from './discriminator-loss.js';
import {
  generatorLoss,
  realFeatures,
  sumOf,
  type LossTerms,
  type RealSide,
} from './generator-loss.js';
import type { Model, TrainingState } from './model.js';
import type { LossOptions } from './options.js';
import { createRollout, sortOutputs, type RolloutInput } from './rollout.js';
import { gradientsInParts, r1GradientInParts } from './step-in-parts.js';
import type { StepPlan } from './step-plan.js';

/** Remembers a closure's terms beyond its scope. */
function keepTerms(terms: LossTerms, prefix: string, into: LossTerms): void {
  for (const [name, term] of Object.entries(terms)) {
    into[`${prefix}/${name}`] = tf.keep(tf.clone(term));
  }
}

/** One step's computation: everything of it but the tensors. */
export interface StepContext {
  readonly model: Model;
  readonly losses: LossOptions;
  readonly plan: StepPlan;
  /** Runs each piece of a step in segments. */
  readonly runner: Runner;
  /** Where the terms go, named `generator/…` and `discriminator/…`. */
  readonly terms: LossTerms;
}

/** Both networks' gradients, of the same frames and by the same discriminators. */
export interface StepGradients {
  readonly generator: tf.Tensor1D;
  readonly discriminators: tf.Tensor1D;
}

/** Both losses and their gradients, the generator's through its rollout, as the plan says. */
export function stepGradients(
  context: StepContext,
  state: TrainingState,
  input: RolloutInput,
  real: RealSide,
): StepGradients {
  const { model, losses, plan, runner, terms } = context;
  const frames = input.teacherForced.length;
  const judges = { flat: state.discriminators, vectors: state.spectral };
  const judgedFrames = plan.segments === null ? frames : (plan.judgedFrames ?? frames);
  const cut = { discriminators: model.discriminators, real, judgedFrames, runner };
  const made =
    plan.segments === null
      ? wholeGradients(context, state, input, real)
      : gradientsInParts(
          ...([createRollout(model.generator, input), state.generator, judges] as const),
          { segments: plan.segments, stretches: plan.stretches },
          {
            ...{ ...cut, losses, judgeRaw: plan.judgeRaw },
            report: (own, side) => keepTerms(own, side, terms),
          },
        );
  const generator = made.generator.gradient;
  if (plan.r1 === 0) return { generator, discriminators: made.discriminators };
  const penalty = r1GradientInParts(judges, plan.r1, cut);
  terms['discriminator/r1'] = tf.keep(tf.clone(penalty.penalty));
  return { generator, discriminators: tf.add(made.discriminators, penalty.gradient) };
}

/** Both losses on one tape each. */
function wholeGradients(
  { model, losses, plan, terms }: StepContext,
  state: TrainingState,
  input: RolloutInput,
  real: RealSide,
): { generator: RolloutGradient; discriminators: tf.Tensor1D } {
  const { generator, discriminators } = model;
  const frames = input.teacherForced.length;
  const judges = scoped(() => discriminators.weights(state.discriminators, state.spectral));
  const features = realFeatures(discriminators, judges, real);
  const generatorsLoss = (outputs: readonly tf.Tensor[]): tf.Scalar => {
    const out = sortOutputs(outputs, frames);
    const own = generatorLoss(discriminators, judges, real, features, out, losses, plan.judgeRaw);
    keepTerms(own, 'generator', terms);
    return sumOf(own);
  };
  const rolled = plainGradient(createRollout(generator, input), state.generator, generatorsLoss);
  const discriminatorsLoss = (): tf.Scalar => {
    const out = sortOutputs(rolled.outputs, frames);
    const weights = discriminators.weights(state.discriminators, state.spectral);
    const own = discriminatorLoss(
      ...([discriminators, weights, real, out, losses, plan.judgeRaw] as const),
    );
    keepTerms(own, 'discriminator', terms);
    return sumOf(own);
  };
  const { gradients } = inPhase('train', () =>
    valueAndGradients(discriminatorsLoss, [state.discriminators]),
  );
  return { generator: rolled, discriminators: gradients[0] as tf.Tensor1D };
}
