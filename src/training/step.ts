import * as tf from '@tensorflow/tfjs-core';
import {
  eagerRunner,
  prefixed,
  withPrefix,
  withoutPrefix,
  type NamedTensors,
  type Runner,
} from '../backend/graph/index.js';
import { readOnce, scoped } from '../backend/scope.js';
import { foldTime } from '../networks/index.js';
import { adamUpdate, averageUpdate } from '../autodiff/adam.js';
import type { RealSide } from './judged-parts.js';
import { withPull } from './judges-pull.js';
import type { LossTerms } from './micro-batch.js';
import { disposeState, flattenState, stateOf, type Model, type TrainingState } from './model.js';
import type { LossOptions } from './options.js';
import type { RolloutInput } from './rollout.js';
import { stepGradients } from './step-gradients.js';
import { sightAmong } from './sight.js';
import { shortening, timesItsLoss } from './shortening.js';
import { BY_LOSS, type Side } from './signals.js';
import { healthOf, judgeStep, type Verdict } from './step-health.js';
import {
  dialsOf,
  keyOf,
  packInputs,
  piecesKey,
  unpackWindow,
  type RateName,
  type StepPlan,
} from './step-plan.js';
import { warmUp } from './warm-up.js';

export interface StepResult {
  /** The new state; where the step was skipped the old one, in handles of its own. */
  readonly state: TrainingState;
  /** Each term's weighted value, `generator/…` and `discriminator/…`. */
  readonly terms: Readonly<Record<string, number>>;
  /**
   * Numbers about the step besides: `…/gradient_norm` of both sides, `generator/gradient_by_loss`,
   * `generator/judges_pull` or without a reconstruction `generator/judges_gradient`, and of the
   * discriminators `frame_pairs`, `frame_real_score`, `frame_fake_score`, `frame_real_sign`, `frame_fake_sign` and
   * the same of sequences, and `stable_rank` where spectral norm is on, which knows the largest singular values:
   * the least of all layers.
   */
  readonly signals: Verdict['signals'];
  /** Why the update was left out; null where it was made. */
  readonly skipped: string | null;
  /** Its last frames, [N, lead, H, W, 3], where the plan asks for them and there were as many; else null. */
  readonly left: { readonly shape: readonly number[]; readonly data: Float32Array } | null;
}

/** Scalars as numbers, in one read. */
async function readScalars(scalars: NamedTensors): Promise<Record<string, number>> {
  const names = Object.keys(scalars);
  if (names.length === 0) return {};
  const values = await readOnce(tf.stack(names.map((name) => scalars[name]!)));
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

/** Terms among a step's outputs begin with this. */
const TERM = 'term.';
/** Numbers about its losses begin with this. */
const SIGNAL = 'signal.';
/** What {@link healthOf} makes begins with this. */
const HEALTH = 'health.';
/** The frames that it leaves, where it does. */
const LEFT = 'left';
/** The least stable rank, where there is one. */
const RANK = 'rank';
/** Gradients of both networks begin with this. */
const GRADIENT = 'gradient.';

/** The state after a step, from the one before, the gradients and the step's rates; and its health. */
function updated(
  old: TrainingState,
  tensors: NamedTensors,
  { beta1, beta2, judgesWait }: StepPlan,
): NamedTensors {
  const rate = (name: RateName): tf.Scalar => tensors[name] as tf.Scalar;
  const adam = { beta1, beta2, epsilon: rate('rate.epsilon') };
  const gradients = {
    generator: tensors['gradient.generator'] as tf.Tensor1D,
    discriminators: tensors['gradient.discriminators'] as tf.Tensor1D,
  };
  const factor = shortening(tensors.times as tf.Scalar, rate('rate.explodes'));
  const shortened = tf.mul<tf.Tensor1D>(gradients.generator, factor);
  const generator = adamUpdate(old.generator, shortened, old.generatorAdam, {
    ...adam,
    rate: rate('rate.generator'),
  });
  const judges = judgesWait
    ? { parameters: old.discriminators, state: old.discriminatorAdam }
    : adamUpdate(old.discriminators, gradients.discriminators, old.discriminatorAdam, {
        ...adam,
        rate: rate('rate.discriminators'),
      });
  const { generator: ofGenerator } = gradients;
  const learning = judgesWait ? { generator: ofGenerator } : gradients;
  const next: TrainingState = {
    generator: generator.parameters,
    generatorAdam: generator.state,
    average: averageUpdate(old.average, generator.parameters, rate('rate.average')),
    discriminators: judges.parameters,
    discriminatorAdam: judges.state,
    spectral: old.spectral,
  };
  return { ...flattenState(next), ...prefixed(HEALTH, healthOf(learning, next)) };
}

/** What was done, with the axes of frames. */
const alongTime = (actions: tf.Tensor3D): tf.Tensor5D => {
  const [samples, frames, numbers] = actions.shape;
  return tf.reshape(actions, [samples, frames, 1, 1, numbers]);
};

/** What could have been done, where it costs the discriminators something to believe it. */
const othersOf = ({ otherActions }: RolloutInput, losses: LossOptions): tf.Tensor5D | null =>
  otherActions && losses.mismatchedActions > 0 ? alongTime(otherActions) : null;

/** What several processes that train on one step do between its two halves. */
export interface Exchange {
  /** How many processes there are. */
  readonly size: number;
  /** Tensors of this process's windows, and of the same shapes those of all: their means. */
  means(own: NamedTensors): NamedTensors;
}

/**
 * The two halves of a step as functions of nothing but the tensors of `packInputs`: what is learnt from its windows, and
 * the update. Of one process they are one function.
 */
function stepHalves(
  model: Model,
  input: RolloutInput,
  losses: LossOptions,
  plan: StepPlan,
  runner: Runner,
  processes = 1,
) {
  const { discriminators } = model;
  const { lead } = input;
  const frames = input.teacherForced.length;
  const learnt = (tensors: NamedTensors): NamedTensors => {
    const before = stateOf(tensors);
    const { spectral, rank } = runner.call(
      'power iteration',
      { weights: before.discriminators, vectors: before.spectral },
      ({ weights, vectors }): NamedTensors => {
        const { layout, spectralNorm } = discriminators;
        const parameters = layout.unflatten(weights as tf.Tensor1D);
        const fresh = spectralNorm.iterate(parameters, vectors as tf.Tensor1D);
        const least = spectralNorm.leastStableRank(parameters, fresh);
        return { spectral: fresh, ...(least && { rank: least }) };
      },
    );
    const state = { ...before, spectral: spectral as tf.Tensor1D };
    const { input: window, front } = unpackWindow(input, tensors);
    const generated = (x: tf.Tensor5D): tf.Tensor4D =>
      foldTime(tf.slice(x, [0, lead, 0, 0, 0], [-1, frames, -1, -1, -1]));
    const real: RealSide = {
      window: window.frames,
      frames: generated(window.frames),
      condition: window.condition && generated(window.condition),
      // Across the seam nothing real could look like it, whatever is made: what is in front was made by other conditions, and
      // what was done in it is not what was done here. Where nothing is told there is no seam.
      lead: plan.elsewhere && (window.condition ?? window.actions) ? 0 : (front?.shape[1] ?? 0),
      front,
      nudge: window.nudge ?? null,
      ...(window.motion && { motion: window.motion }),
      ...(window.actions && {
        done: { actions: alongTime(window.actions), others: othersOf(window, losses) },
      }),
    };
    const context = {
      model,
      losses,
      plan,
      dials: dialsOf(tensors),
      sight: sightAmong(tensors),
      runner,
    };
    const { terms, signals, left, ...gradients } = stepGradients(context, state, window, real);
    return {
      spectral: state.spectral,
      ...(rank && { [RANK]: rank }),
      ...prefixed(GRADIENT, gradients),
      ...prefixed(TERM, terms),
      ...prefixed(SIGNAL, signals),
      ...(left && { [LEFT]: left }),
    };
  };
  const update = (tensors: NamedTensors, found: NamedTensors): NamedTensors => {
    const gradients = withoutPrefix(GRADIENT, found) as Record<Side, tf.Tensor1D>;
    const terms = withoutPrefix(TERM, found) as LossTerms;
    const { [LEFT]: left, [RANK]: rank } = found;
    const state = { ...stateOf(tensors), spectral: found.spectral as tf.Tensor1D };
    const times = timesItsLoss(gradients.generator, terms);
    const rates = Object.entries(tensors).filter(([name]) => name.startsWith('rate.'));
    const next = runner.call(
      plan.judgesWait ? 'update of the generator' : 'update',
      {
        ...flattenState(state),
        ...Object.fromEntries(rates),
        ...prefixed(GRADIENT, gradients),
        times,
      },
      (inputs) => updated(stateOf(inputs), inputs, plan),
    );
    const ranked = rank && { 'discriminator/stable_rank': rank };
    const signals = withPull(withoutPrefix(SIGNAL, found) as LossTerms, processes);
    return {
      ...next,
      ...(left && { [LEFT]: left }),
      ...prefixed(TERM, terms),
      ...prefixed(SIGNAL, { ...signals, ...ranked, [BY_LOSS]: times }),
    };
  };
  return { learnt, update };
}

/** What is learnt from windows, which is exchanged. */
const isLearnt = (name: string): boolean =>
  [GRADIENT, TERM, SIGNAL].some((prefix) => name.startsWith(prefix));

/** What each process finds of an update by itself: on other processors it may differ in its last bits. */
const isAboutUpdate = (name: string): boolean =>
  name.startsWith(HEALTH) || name === `${SIGNAL}${BY_LOSS}` || name.endsWith('/stable_rank');

const selected = (tensors: NamedTensors, is: (name: string) => boolean): NamedTensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => is(name)));

/** Of a step's inputs, what the update reads. */
function ofUpdate(inputs: NamedTensors, state: TrainingState): NamedTensors {
  const names = new Set(Object.keys(flattenState(state)));
  return selected(inputs, (name) => names.has(name) || name.startsWith('rate.'));
}

/** The tensors of a step, which nothing has read yet; as {@link trainStep} takes it. The caller's to dispose of. */
export const stepOutputs = (
  model: Model,
  state: TrainingState,
  input: RolloutInput,
  losses: LossOptions,
  plan: StepPlan,
  runner: Runner = eagerRunner,
  exchange?: Exchange,
): NamedTensors =>
  scoped(() => {
    const pieces = withPrefix(runner, piecesKey(losses, plan));
    const warm = warmUp(model.generator, state.generator, input, pieces);
    const inputs = packInputs(state, warm, plan);
    // Pieces of their own keep what is computed again from being merged with what was dropped.
    const own = plan.segments === null ? eagerRunner : pieces;
    const { learnt, update } = stepHalves(model, warm.input, losses, plan, own);
    // Which frames are forced is drawn for each step: pieces by themselves serve every draw.
    const isDrawn = plan.segments !== null && input.teacherForced.includes(true);
    const key = keyOf(warm.input, losses, plan);
    if (exchange === undefined) {
      const step = (tensors: NamedTensors): NamedTensors => update(tensors, learnt(tensors));
      return isDrawn ? step(inputs) : runner.call(key, inputs, step);
    }
    const found = isDrawn ? learnt(inputs) : runner.call(`learnt by ${key}`, inputs, learnt);
    const { [LEFT]: left, ...told } = { ...found, ...exchange.means(selected(found, isLearnt)) };
    const made = runner.call(
      `update by means ${plan.beta1} ${plan.beta2} ${plan.judgesWait}`,
      { ...prefixed('old.', ofUpdate(inputs, state)), ...prefixed('found.', told) },
      (tensors) =>
        stepHalves(model, warm.input, losses, plan, eagerRunner, exchange.size).update(
          withoutPrefix('old.', tensors),
          withoutPrefix('found.', tensors),
        ),
    );
    return {
      ...made,
      ...(left && { [LEFT]: left }),
      ...exchange.means(selected(made, isAboutUpdate)),
    };
  });

/**
 * One training step on one window: the generator's gradient through its whole rollout, the
 * discriminators' on the same frames, one Adam update of each from the same weights, and the
 * averaged generator's. `state` is left as it was, and is the caller's to dispose of.
 *
 * The step judges what it made. Where a loss, a gradient or anything of the new state is not finite, or
 * beyond what a network can be run with, the update is left out, as when mixed precision overflows: one
 * bad window costs one step. A training that goes on skipping has diverged, which is for the caller to see.
 *
 * What it reads it awaits: on a card that is the one way that does not hold it up.
 *
 * @param runner of this model's steps: op by op, or each as one recorded graph, of which the pieces of
 *   a step in segments are functions; with teacher forcing such pieces are graphs of their own
 * @param exchange where other processes train on the same step: what is learnt is then the mean of all, and so the
 *   same update is made in each of them
 */
export async function trainStep(
  model: Model,
  state: TrainingState,
  input: RolloutInput,
  losses: LossOptions,
  plan: StepPlan,
  runner: Runner = eagerRunner,
  exchange?: Exchange,
): Promise<StepResult> {
  const outputs = stepOutputs(model, state, input, losses, plan, runner, exchange);
  const next = stateOf(outputs);
  const kept = new Set<tf.Tensor>(Object.values(flattenState(next)));
  try {
    const terms = await readScalars(withoutPrefix(TERM, outputs));
    const health = await readScalars(withoutPrefix(HEALTH, outputs));
    const told = await readScalars(withoutPrefix(SIGNAL, outputs));
    const { [LEFT]: last } = outputs;
    const left = last ? { shape: last.shape, data: await last.data<'float32'>() } : null;
    const { signals: norms, broken } = judgeStep(terms, health);
    const signals = { ...norms, ...told };
    if (broken === null) return { state: next, terms, signals, skipped: null, left };
    disposeState(next);
    return { state: copyOf(state), terms, signals, skipped: broken, left: null };
  } catch (error) {
    disposeState(next);
    throw error;
  } finally {
    tf.dispose(Object.values(outputs).filter((tensor) => !kept.has(tensor)));
  }
}

/** The same tensors in handles of their own. */
const copyOf = (state: TrainingState): TrainingState =>
  stateOf(
    Object.fromEntries(
      Object.entries(flattenState(state)).map(([name, tensor]) => [name, tf.clone(tensor)]),
    ),
  );
