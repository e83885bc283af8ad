import * as tf from '@tensorflow/tfjs-core';
import {
  eagerRunner,
  prefixed,
  withPrefix,
  type NamedTensors,
  type Runner,
} from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import { FrameloomError } from '../base/error.js';
import { foldTime } from '../networks/index.js';
import { adamUpdate, averageUpdate } from './adam.js';
import type { RealSide } from './judged-parts.js';
import type { LossTerms } from './micro-batch.js';
import { disposeState, flattenState, stateOf, type Model, type TrainingState } from './model.js';
import type { LossOptions } from './options.js';
import type { RolloutInput } from './rollout.js';
import { stepGradients } from './step-gradients.js';
import {
  keyOf,
  packInputs,
  piecesKey,
  unpackWindow,
  type RateName,
  type StepPlan,
} from './step-plan.js';
import { warmUp } from './warm-up.js';

export interface StepResult {
  readonly state: TrainingState;
  /** Each term's weighted value, `generator/…` and `discriminator/…`. */
  readonly terms: Readonly<Record<string, number>>;
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

/** The state after a step, from the one before, the gradients and the step's rates. */
function updated(old: TrainingState, tensors: NamedTensors, { beta1, beta2 }: StepPlan) {
  const rate = (name: RateName): tf.Scalar => tensors[name] as tf.Scalar;
  const adam = { beta1, beta2, epsilon: rate('rate.epsilon') };
  const gradient = (name: string): tf.Tensor1D => tensors[`gradient.${name}`] as tf.Tensor1D;
  const generator = adamUpdate(old.generator, gradient('generator'), old.generatorAdam, {
    ...adam,
    rate: rate('rate.generator'),
  });
  const judges = adamUpdate(
    ...([old.discriminators, gradient('discriminators'), old.discriminatorAdam] as const),
    { ...adam, rate: rate('rate.discriminators') },
  );
  return flattenState({
    generator: generator.parameters,
    generatorAdam: generator.state,
    average: averageUpdate(old.average, generator.parameters, rate('rate.average')),
    discriminators: judges.parameters,
    discriminatorAdam: judges.state,
    spectral: old.spectral,
  });
}

/** The step as a function of nothing but the tensors of `packInputs`. */
function stepFunction(
  model: Model,
  input: RolloutInput,
  losses: LossOptions,
  plan: StepPlan,
  runner: Runner,
) {
  const { discriminators } = model;
  const { lead } = input;
  const frames = input.teacherForced.length;
  return (tensors: NamedTensors): NamedTensors => {
    const before = stateOf(tensors);
    const { spectral } = runner.call(
      'power iteration',
      { weights: before.discriminators, vectors: before.spectral },
      ({ weights, vectors }) => ({
        spectral: discriminators.spectralNorm.iterate(
          discriminators.layout.unflatten(weights as tf.Tensor1D),
          vectors as tf.Tensor1D,
        ),
      }),
    );
    const state = { ...before, spectral };
    const { input: window, front } = unpackWindow(input, tensors);
    const generated = (x: tf.Tensor5D): tf.Tensor4D =>
      foldTime(tf.slice(x, [0, lead, 0, 0, 0], [-1, frames, -1, -1, -1]));
    const real: RealSide = {
      window: window.frames,
      frames: generated(window.frames),
      condition: window.condition && generated(window.condition),
      lead: front?.shape[1] ?? 0,
      front,
    };
    const context = { model, losses, plan, runner };
    const { terms, ...gradients } = stepGradients(context, state, window, real);
    const rates = Object.entries(tensors).filter(([name]) => name.startsWith('rate.'));
    const next = runner.call(
      'update',
      {
        ...flattenState(state),
        ...Object.fromEntries(rates),
        ...prefixed('gradient.', gradients),
      },
      (inputs) => updated(stateOf(inputs), inputs, plan),
    );
    return { ...next, ...prefixed(TERM, terms) };
  };
}

/**
 * One training step on one window: the generator's gradient through its whole rollout, the
 * discriminators' on the same frames, one Adam update of each from the same weights, and the
 * averaged generator's. `state` is left as it was: the caller disposes of it once the new one is
 * good.
 *
 * @param runner of this model's steps: op by op, or each as one recorded graph, of which the pieces of
 *   a step in segments are functions; with teacher forcing such pieces are graphs of their own
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
  const outputs = scoped(() => {
    const pieces = withPrefix(runner, piecesKey(losses, plan));
    const warm = warmUp(model.generator, state.generator, input, pieces);
    const inputs = packInputs(state, warm, plan);
    // Pieces of their own keep what is computed again from being merged with what was dropped.
    const own = plan.segments === null ? eagerRunner : pieces;
    const step = stepFunction(model, warm.input, losses, plan, own);
    // Which frames are forced is drawn for each step: pieces by themselves serve every draw.
    const isDrawn = plan.segments !== null && input.teacherForced.includes(true);
    return isDrawn ? step(inputs) : runner.call(keyOf(warm.input, losses, plan), inputs, step);
  });
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
