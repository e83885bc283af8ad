import * as tf from '@tensorflow/tfjs-core';
import { trackPeak, type Peak } from '../autodiff/index.js';
import {
  actionNumbers,
  type FrameDiscriminatorOptions,
  type SequenceDiscriminatorOptions,
} from '../networks/index.js';
import type { FrameSize, MeasuredStep, Trial } from '../planning/index.js';
import { disposeState, type Model, type TrainingState } from './model.js';
import type { LossOptions, TrainingOptions } from './options.js';
import type { RolloutInput } from './rollout.js';
import { widestSight } from './schedule.js';
import { needsNudge, type StepPlan } from './step-plan.js';
import { stepOutputs } from './step.js';

/** Of a pipeline, what decides what a step takes. */
export interface ProfileOptions {
  readonly training: TrainingOptions;
  readonly losses: LossOptions;
  readonly frameDiscriminator: Pick<FrameDiscriminatorOptions, 'judgeRaw' | 'antiAlias'>;
  readonly sequenceDiscriminator: Pick<SequenceDiscriminatorOptions, 'antiAlias'>;
}

/** A smooth pattern: what is measured does not depend on the values, but they must not diverge. */
export const pattern = <R extends tf.Rank>(shape: tf.ShapeMap[R]): tf.Tensor<R> =>
  tf.tidy(() => {
    const size = shape.reduce((product, length) => product * length, 1);
    return tf.reshape<R>(tf.sin(tf.mul(tf.range(0, size), 0.37)), shape);
  });

/** A training's state by its size alone: drawing the weights would take longer than the step. */
export function stateOfSize({ generator, discriminators }: Model): TrainingState {
  const filled = (length: number): tf.Tensor1D => tf.fill([length], 0.02);
  const moments = (length: number) => ({ mean: filled(length), square: filled(length) });
  const [own, judges] = [generator.layout.size, discriminators.layout.size];
  return {
    generator: filled(own),
    average: filled(own),
    generatorAdam: moments(own),
    discriminators: filled(judges),
    discriminatorAdam: moments(judges),
    spectral: filled(discriminators.spectralNorm.layout.size),
  };
}

/** A window for a rollout of so many frames. */
function windowOf(model: Model, trial: Trial, size: FrameSize): RolloutInput {
  const { generator } = model;
  const { lead } = shortest(model);
  const { height, width } = size;
  const made = trial.frames + trial.warmUp;
  const whole = (channels: number): tf.Tensor5D | null =>
    channels > 0 ? pattern<tf.Rank.R5>([1, lead + made, height, width, channels]) : null;
  const { noiseChannels, styleChannels } = generator.options;
  return {
    frames: whole(3)!,
    condition: whole(generator.conditionChannels),
    noise:
      noiseChannels > 0
        ? pattern<tf.Rank.R5>([1, made, height / 4, width / 4, noiseChannels])
        : null,
    ...(generator.actionColumns > 0 && {
      actions: pattern<tf.Rank.R3>([1, lead + made, actionNumbers(generator.actionColumns)]),
      otherActions: pattern<tf.Rank.R3>([1, lead + made, actionNumbers(generator.actionColumns)]),
    }),
    ...(styleChannels > 0 && { looks: pattern<tf.Rank.R4>([1, height, width, 3]) }),
    lead,
    warmUp: trial.warmUp,
    coldStart: false,
    visibleFrom: 0,
    teacherForced: Array.from({ length: trial.frames }, () => false),
  };
}

/** The motion that flow is held to in such a window; none where it is held to nothing. */
const motionOf = (
  { generator }: Model,
  { flowTeacher }: LossOptions,
  { frames }: Trial,
  { height, width }: FrameSize,
): { readonly motion?: tf.Tensor5D } =>
  flowTeacher > 0 && generator.options.flow
    ? { motion: pattern<tf.Rank.R5>([1, frames, height, width, 3]) }
    : {};

/** What slopes are approximated by in such a window. */
const nudgeOf = (model: Model, { frames }: Trial, { height, width }: FrameSize): tf.Tensor5D =>
  pattern<tf.Rank.R5>([1, shortest(model).lead + frames, height, width, 3]);

/** Real frames in front of a rollout, and its fewest frames in which everything has its turn. */
function shortest({ generator, discriminators }: Model): { lead: number; frames: number } {
  const { historyFrames, conditionFrames } = generator.options;
  const lead = Math.max(historyFrames, conditionFrames - 1);
  const spans = discriminators.sequences.map(
    ({ stride }) => (discriminators.sequenceFrames - 1) * stride,
  );
  // Long enough that each sequence discriminator has several runs, one more for each more frame.
  return { lead, frames: 3 + Math.max(0, ...spans.map((span) => span - lead)) };
}

/**
 * One step of one window op by op, with all that may be asked of one; weights, optimizer and window are made for it
 * and measured with it.
 */
function measureStep(
  model: Model,
  { training, losses, frameDiscriminator }: ProfileOptions,
  trial: Trial,
  size: FrameSize,
): Peak<void> {
  const plan: StepPlan = {
    step: 0,
    generatorLearningRate: 1e-4,
    discriminatorLearningRate: 1e-4,
    beta1: 0.5,
    beta2: 0.999,
    averageShare: 0.5,
    judgeRaw: frameDiscriminator.judgeRaw,
    adversarialWeight: 1,
    matchingWeight: 1,
    explodesAbove: null,
    gradientCarried: 1,
    judgesWait: false,
    sight: widestSight(training, size),
    r1: losses.r1 * losses.r1EverySteps,
    r2: losses.r2 * losses.r2EverySteps,
    lecam: losses.lecam > 0 ? { weight: losses.lecam, anchors: {} } : null,
    segments: trial.segments,
    stretches: trial.stretches,
    judgedFrames: trial.judgedFrames,
  };
  return trackPeak(() => {
    const state = stateOfSize(model);
    const input = {
      ...windowOf(model, trial, size),
      ...motionOf(model, losses, trial, size),
      ...(needsNudge(losses, plan) && { nudge: nudgeOf(model, trial, size) }),
    };
    // Nothing has to be read to know what was held.
    const made = stepOutputs(model, state, input, losses, plan);
    const { frames, condition, noise } = input;
    const { nudge = null, motion = null, looks = null } = input;
    const { actions = null, otherActions = null } = input;
    const own = [condition, noise, nudge, motion, looks, actions, otherActions];
    tf.dispose([frames, ...own.filter((x) => x !== null)]);
    disposeState(state);
    tf.dispose(made);
  });
}

/** A training's step for who plans its memory. */
export function measuredStep(model: Model, options: ProfileOptions): MeasuredStep {
  const { generator } = model;
  // Shares of the arithmetic are the same at every size.
  const size = { height: 64, width: 64 };
  const whole = generator.macs(size);
  return {
    measure: (trial, at) => measureStep(model, options, trial, at),
    shortestFrames: shortest(model).frames,
    historyFrames: generator.options.historyFrames,
    blockShares: generator.blocks(true).map((block) => block.macs(size) / whole),
    warmUp: options.training.warmUp,
  };
}
