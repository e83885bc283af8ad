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
import type { Judges } from './judged-parts.js';
import type { Model, TrainingState } from './model.js';
import type { LossOptions } from './options.js';
import { createRollout, sortOutputs, type RolloutInput } from './rollout.js';
import {
  discriminatorGradientInParts,
  generatorGradientInParts,
  r1GradientInParts,
  type PartsOptions,
} from './step-in-parts.js';
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

/** How the losses of a step in segments are cut. */
const partsOptions = (
  { model, losses, plan, runner, terms }: StepContext,
  real: RealSide,
  side: 'generator' | 'discriminator',
): PartsOptions => ({
  ...{ discriminators: model.discriminators, real, losses, runner, judgeRaw: plan.judgeRaw },
  judgedFrames: plan.judgedFrames ?? real.frames.shape[0] / real.window.shape[0],
  report: (own) => keepTerms(own, side, terms),
});

/** The generator's loss and its gradient through a rollout, as the plan says. */
export function generatorGradient(
  context: StepContext,
  state: TrainingState,
  input: RolloutInput,
  real: RealSide,
): RolloutGradient {
  const { model, losses, plan, terms } = context;
  const { generator, discriminators } = model;
  const rollout = createRollout(generator, input);
  if (plan.segments !== null) {
    const options = partsOptions(context, real, 'generator');
    const judges = judgesOf(state);
    return generatorGradientInParts(rollout, state.generator, judges, plan.segments, options);
  }
  const judges = scoped(() => discriminators.weights(state.discriminators, state.spectral));
  const features = realFeatures(discriminators, judges, real);
  const loss = (outputs: readonly tf.Tensor[]): tf.Scalar => {
    const out = sortOutputs(outputs, input.teacherForced.length);
    const own = generatorLoss(discriminators, judges, real, features, out, losses, plan.judgeRaw);
    keepTerms(own, 'generator', terms);
    return sumOf(own);
  };
  return plainGradient(rollout, state.generator, loss);
}

const judgesOf = ({ discriminators, spectral }: TrainingState): Judges => ({
  flat: discriminators,
  vectors: spectral,
});

/** The discriminators' gradient on the frames of a rollout, as the plan says. */
export function discriminatorGradient(
  context: StepContext,
  state: TrainingState,
  real: RealSide,
  outputs: readonly tf.Tensor[],
  frames: number,
): tf.Tensor1D {
  const { model, losses, plan, terms } = context;
  const judges = judgesOf(state);
  const options = partsOptions(context, real, 'discriminator');
  const wholeGradient = (): tf.Tensor1D => {
    const whole = (): tf.Scalar => {
      const out = sortOutputs(outputs, frames);
      const weights = model.discriminators.weights(judges.flat, judges.vectors);
      const own = discriminatorLoss(
        ...([model.discriminators, weights, real, out, losses, plan.judgeRaw] as const),
      );
      options.report(own);
      return sumOf(own);
    };
    const { gradients } = inPhase('train', () => valueAndGradients(whole, [judges.flat]));
    return gradients[0] as tf.Tensor1D;
  };
  const gradient =
    plan.segments === null
      ? wholeGradient()
      : discriminatorGradientInParts(judges, outputs, frames, options);
  if (plan.r1 === 0) return gradient;
  const judgedFrames = plan.segments === null ? frames : options.judgedFrames;
  const penalty = r1GradientInParts(judges, plan.r1, { ...options, judgedFrames });
  terms['discriminator/r1'] = tf.keep(tf.clone(penalty.penalty));
  return tf.add(gradient, penalty.gradient);
}
