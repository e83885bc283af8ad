import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../backend/scope.js';
import {
  checkpointedGradient,
  plainGradient,
  valueAndGradients,
  type RolloutGradient,
} from '../autodiff/index.js';
import { FrameloomError } from '../base/error.js';
import { foldTime } from '../networks/index.js';
import { adamUpdate, averageUpdate } from './adam.js';
import { discriminatorLoss } from './discriminator-loss.js';
import { generatorLoss, realFeatures, type LossTerms, type RealSide } from './generator-loss.js';
import { r1Gradient } from './losses/r1.js';
import { disposeState, type Model, type TrainingState } from './model.js';
import type { LossOptions } from './options.js';
import { createRollout, sortOutputs, type RolloutInput } from './rollout.js';

/** What one step does besides its data; a pure function of the step's number. */
export interface StepPlan {
  /** Steps done before this one. */
  readonly step: number;
  readonly generatorLearningRate: number;
  readonly discriminatorLearningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  /** How much of the generator enters its average, in (0, 1]. */
  readonly averageShare: number;
  /** Lengths of the segments that gradient checkpointing recomputes; null keeps all on one tape. */
  readonly segments: readonly number[] | null;
  /** The gradient penalty's gamma in this step; 0 leaves it out. */
  readonly r1: number;
  readonly judgeRaw: boolean;
}

export interface StepResult {
  readonly state: TrainingState;
  /** Each term's weighted value, `generator/…` and `discriminator/…`. */
  readonly terms: Readonly<Record<string, number>>;
}

/** 0 when every weight of a side is 0: that side then learns nothing. */
function sumOf(terms: LossTerms): tf.Scalar {
  const values = Object.values(terms);
  return values.length === 0 ? tf.scalar(0) : tf.addN(values);
}

/** Remembers a closure's terms beyond its scope. */
function keepTerms(terms: LossTerms, prefix: string, into: LossTerms): void {
  for (const [name, term] of Object.entries(terms)) {
    into[`${prefix}/${name}`] = tf.keep(tf.clone(term));
  }
}

function generatorGradient(
  model: Model,
  state: TrainingState,
  input: RolloutInput,
  real: RealSide,
  losses: LossOptions,
  plan: StepPlan,
  terms: LossTerms,
): RolloutGradient {
  const { generator, discriminators } = model;
  const { judges, features } = scoped(() => {
    const normalized = discriminators.spectralNorm.normalize(
      discriminators.layout.unflatten(state.discriminators),
      state.spectral,
    );
    return { judges: normalized, features: realFeatures(discriminators, normalized, real) };
  });
  const loss = (outputs: readonly tf.Tensor[]): tf.Scalar => {
    const out = sortOutputs(outputs, input.teacherForced.length);
    const own = generatorLoss(discriminators, judges, real, features, out, losses, plan.judgeRaw);
    keepTerms(own, 'generator', terms);
    return sumOf(own);
  };
  const rollout = createRollout(generator, input);
  return plan.segments === null
    ? plainGradient(rollout, state.generator, loss)
    : checkpointedGradient(rollout, state.generator, loss, plan.segments);
}

function discriminatorGradient(
  model: Model,
  state: TrainingState,
  real: RealSide,
  outputs: readonly tf.Tensor[],
  frames: number,
  losses: LossOptions,
  plan: StepPlan,
  terms: LossTerms,
): tf.Tensor1D {
  const { layout, spectralNorm } = model.discriminators;
  const flat = state.discriminators;
  const judgesOf = (parameters: tf.Tensor1D) =>
    spectralNorm.normalize(layout.unflatten(parameters), state.spectral);
  const { gradients } = valueAndGradients(() => {
    const out = sortOutputs(outputs, frames);
    const own = discriminatorLoss(
      model.discriminators,
      judgesOf(flat),
      real,
      out,
      losses,
      plan.judgeRaw,
    );
    keepTerms(own, 'discriminator', terms);
    return sumOf(own);
  }, [flat]);
  const gradient = gradients[0] as tf.Tensor1D;
  if (plan.r1 === 0) return gradient;
  const score = (parameters: tf.Tensor1D, x: tf.Tensor4D): tf.Scalar => {
    const judged = model.discriminators.judgeFrames(judgesOf(parameters), x, real.condition);
    const perScale = judged.map(({ logits }) => tf.mul(tf.mean(logits), x.shape[0]));
    return tf.div(tf.addN(perScale), perScale.length);
  };
  const penalty = r1Gradient(score, flat, real.frames, plan.r1);
  terms['discriminator/r1'] = tf.keep(tf.clone(penalty.penalty));
  return tf.add(gradient, penalty.gradient);
}

/** The terms as numbers, in one read; the tensors are let go. */
function readTerms(terms: LossTerms): Record<string, number> {
  const names = Object.keys(terms);
  const values = tf.tidy(() => tf.stack(names.map((name) => terms[name]!)).dataSync());
  tf.dispose(terms);
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

/**
 * One training step on one window: the generator's gradient through its whole rollout, the
 * discriminators' on the same frames, one Adam update of each from the same weights, and the
 * averaged generator's. `state` is left as it was: the caller disposes of it once the new one is
 * good.
 *
 * @throws FrameloomError diverged, naming the step and the term that is not finite
 */
export function trainStep(
  model: Model,
  state: TrainingState,
  input: RolloutInput,
  losses: LossOptions,
  plan: StepPlan,
): StepResult {
  const { discriminators } = model;
  const terms: LossTerms = {};
  const frames = input.teacherForced.length;
  const next = scoped((): TrainingState => {
    const spectral = discriminators.spectralNorm.iterate(
      discriminators.layout.unflatten(state.discriminators),
      state.spectral,
    );
    const now = { ...state, spectral };
    const generated = (window: tf.Tensor5D): tf.Tensor4D =>
      foldTime(tf.slice(window, [0, input.lead, 0, 0, 0], [-1, frames, -1, -1, -1]));
    const real: RealSide = {
      window: input.frames,
      frames: generated(input.frames),
      condition: input.condition && generated(input.condition),
      lead: input.coldStart ? 0 : input.lead,
    };
    const forGenerator = generatorGradient(model, now, input, real, losses, plan, terms);
    const judging = discriminatorGradient(
      model,
      now,
      real,
      forGenerator.outputs,
      frames,
      losses,
      plan,
      terms,
    );
    const adam = { beta1: plan.beta1, beta2: plan.beta2, updates: plan.step };
    const generator = adamUpdate(state.generator, forGenerator.gradient, state.generatorAdam, {
      ...adam,
      learningRate: plan.generatorLearningRate,
    });
    const judges = adamUpdate(state.discriminators, judging, state.discriminatorAdam, {
      ...adam,
      learningRate: plan.discriminatorLearningRate,
    });
    return {
      generator: generator.parameters,
      generatorAdam: generator.state,
      average: averageUpdate(state.average, generator.parameters, plan.averageShare),
      discriminators: judges.parameters,
      discriminatorAdam: judges.state,
      spectral,
    };
  });
  const numbers = readTerms(terms);
  const broken = Object.entries(numbers).find(([, value]) => !Number.isFinite(value));
  if (broken) {
    disposeState(next);
    throw new FrameloomError(
      'diverged',
      `training diverged at step ${plan.step + 1}: ${broken[0]} is ${broken[1]}`,
      { hint: 'lower the learning rates or turn spectral norm on; the last snapshot is intact' },
    );
  }
  return { state: next, terms: numbers };
}
