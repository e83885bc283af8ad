import * as tf from '@tensorflow/tfjs-core';
import { eagerRunner, type NamedTensors, type Runner } from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import { plainGradient, valueAndGradients, type RolloutGradient } from '../autodiff/index.js';
import { FrameloomError } from '../base/error.js';
import { foldTime } from '../networks/index.js';
import { adamUpdate, averageUpdate } from './adam.js';
import { discriminatorLoss } from './discriminator-loss.js';
import {
  generatorLoss,
  realFeatures,
  sumOf,
  type LossTerms,
  type RealSide,
} from './generator-loss.js';
import { disposeState, flattenState, stateOf, type Model, type TrainingState } from './model.js';
import type { LossOptions } from './options.js';
import { createRollout, sortOutputs, type RolloutInput } from './rollout.js';
import {
  discriminatorGradientInParts,
  generatorGradientInParts,
  r1GradientInParts,
  type PartsOptions,
} from './step-in-parts.js';
import { keyOf, packInputs, type RateName, type StepPlan } from './step-plan.js';
import { warmUp } from './warm-up.js';

export interface StepResult {
  readonly state: TrainingState;
  /** Each term's weighted value, `generator/…` and `discriminator/…`. */
  readonly terms: Readonly<Record<string, number>>;
}

/** Remembers a closure's terms beyond its scope. */
function keepTerms(terms: LossTerms, prefix: string, into: LossTerms): void {
  for (const [name, term] of Object.entries(terms)) {
    into[`${prefix}/${name}`] = tf.keep(tf.clone(term));
  }
}

/** How the step's losses are cut, and where their terms go. */
const partsOptions = (
  model: Model,
  real: RealSide,
  losses: LossOptions,
  { judgeRaw, judgedFrames = real.frames.shape[0] }: StepPlan,
  report: (own: LossTerms) => void,
): PartsOptions => ({
  ...{ discriminators: model.discriminators, real, losses, judgeRaw, judgedFrames, report },
});

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
  const judges = scoped(() =>
    discriminators.spectralNorm.normalize(
      discriminators.layout.unflatten(state.discriminators),
      state.spectral,
    ),
  );
  const rollout = createRollout(generator, input);
  if (plan.segments !== null) {
    const report = (own: LossTerms): void => keepTerms(own, 'generator', terms);
    const options = partsOptions(model, real, losses, plan, report);
    return generatorGradientInParts(rollout, state.generator, judges, plan.segments, options);
  }
  const features = realFeatures(discriminators, judges, real);
  const loss = (outputs: readonly tf.Tensor[]): tf.Scalar => {
    const out = sortOutputs(outputs, input.teacherForced.length);
    const own = generatorLoss(discriminators, judges, real, features, out, losses, plan.judgeRaw);
    keepTerms(own, 'generator', terms);
    return sumOf(own);
  };
  return plainGradient(rollout, state.generator, loss);
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
  const report = (own: LossTerms): void => keepTerms(own, 'discriminator', terms);
  const wholeGradient = (): tf.Tensor1D => {
    const { gradients } = valueAndGradients(() => {
      const out = sortOutputs(outputs, frames);
      const judges = judgesOf(flat);
      const own = discriminatorLoss(model.discriminators, judges, real, out, losses, plan.judgeRaw);
      report(own);
      return sumOf(own);
    }, [flat]);
    return gradients[0] as tf.Tensor1D;
  };
  const gradient =
    plan.segments === null
      ? wholeGradient()
      : discriminatorGradientInParts(
          ...([flat, outputs, frames, judgesOf] as const),
          partsOptions(model, real, losses, plan, report),
        );
  if (plan.r1 === 0) return gradient;
  const score = (
    parameters: tf.Tensor1D,
    x: tf.Tensor4D,
    condition: tf.Tensor4D | null,
  ): tf.Scalar => {
    const judged = model.discriminators.judgeFrames(judgesOf(parameters), x, condition);
    const perScale = judged.map(({ logits }) => tf.mul(tf.mean(logits), x.shape[0]));
    return tf.div(tf.addN(perScale), perScale.length);
  };
  const judgedFrames = plan.segments === null ? frames : (plan.judgedFrames ?? frames);
  const penalty = r1GradientInParts(score, flat, real, plan.r1, judgedFrames);
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

/** Terms among a step's outputs begin with this. */
const TERM = 'term.';

/** The step as a function of nothing but the tensors of `packInputs`. */
function stepFunction(model: Model, input: RolloutInput, losses: LossOptions, plan: StepPlan) {
  const { discriminators } = model;
  const { lead } = input;
  const frames = input.teacherForced.length;
  return (tensors: NamedTensors): NamedTensors => {
    const rate = (name: RateName): tf.Scalar => tensors[name] as tf.Scalar;
    const old = stateOf(tensors);
    const spectral = discriminators.spectralNorm.iterate(
      discriminators.layout.unflatten(old.discriminators),
      old.spectral,
    );
    const state = { ...old, spectral };
    const whole: RolloutInput = {
      ...input,
      frames: tensors.frames as tf.Tensor5D,
      condition: (tensors.condition as tf.Tensor5D | undefined) ?? null,
      noise: (tensors.noise as tf.Tensor5D | undefined) ?? null,
    };
    const { input: window, front } = warmUp(model.generator, old.generator, whole);
    const generated = (x: tf.Tensor5D): tf.Tensor4D =>
      foldTime(tf.slice(x, [0, lead, 0, 0, 0], [-1, frames, -1, -1, -1]));
    const real: RealSide = {
      window: window.frames,
      frames: generated(window.frames),
      condition: window.condition && generated(window.condition),
      lead: front?.shape[1] ?? 0,
      front,
    };
    const terms: LossTerms = {};
    const made = generatorGradient(model, state, window, real, losses, plan, terms);
    const judged = discriminatorGradient(
      model,
      state,
      real,
      made.outputs,
      frames,
      losses,
      plan,
      terms,
    );
    const { beta1, beta2 } = plan;
    const adam = { beta1, beta2, epsilon: rate('rate.epsilon') };
    const generator = adamUpdate(old.generator, made.gradient, old.generatorAdam, {
      ...adam,
      rate: rate('rate.generator'),
    });
    const judges = adamUpdate(old.discriminators, judged, old.discriminatorAdam, {
      ...adam,
      rate: rate('rate.discriminators'),
    });
    const next = flattenState({
      generator: generator.parameters,
      generatorAdam: generator.state,
      average: averageUpdate(old.average, generator.parameters, rate('rate.average')),
      discriminators: judges.parameters,
      discriminatorAdam: judges.state,
      spectral,
    });
    return { ...next, ...released(terms) };
  };
}

/** Terms in the calling scope's keeping again. */
function released(terms: LossTerms): NamedTensors {
  return Object.fromEntries(
    Object.entries(terms).map(([name, term]) => {
      const copy = tf.clone(term);
      term.dispose();
      return [`${TERM}${name}`, copy];
    }),
  );
}

/**
 * One training step on one window: the generator's gradient through its whole rollout, the
 * discriminators' on the same frames, one Adam update of each from the same weights, and the
 * averaged generator's. `state` is left as it was: the caller disposes of it once the new one is
 * good.
 *
 * @param runner runs the step op by op or as one recorded graph
 * @throws FrameloomError diverged, naming the step and the term that is not finite
 */
export function trainStep(
  model: Model,
  state: TrainingState,
  input: RolloutInput,
  losses: LossOptions,
  plan: StepPlan,
  runner: Runner = eagerRunner,
): StepResult {
  const outputs = scoped(() =>
    runner.call(
      keyOf(input, losses, plan),
      packInputs(state, input, plan),
      stepFunction(model, input, losses, plan),
    ),
  );
  const terms = Object.entries(outputs).filter(([name]) => name.startsWith(TERM));
  const next = stateOf(outputs);
  const numbers = readTerms(
    Object.fromEntries(terms.map(([name, term]) => [name.slice(TERM.length), term as tf.Scalar])),
  );
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
