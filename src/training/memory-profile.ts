import * as tf from '@tensorflow/tfjs-core';
import {
  costsAt,
  evenSegments,
  PHASES,
  trackPeak,
  type Peak,
  type Phase,
  type PhaseBytes,
  type Schedule,
  type StepCosts,
} from '../autodiff/index.js';
import { disposeState, type Model, type TrainingState } from './model.js';
import type { LossOptions, TrainingOptions } from './options.js';
import type { RolloutInput } from './rollout.js';
import { trainStep } from './step.js';

/** Of a pipeline, what decides what a step takes. */
export interface ProfileOptions {
  readonly training: TrainingOptions;
  readonly losses: LossOptions;
  readonly frameDiscriminator: { readonly judgeRaw: boolean };
}

export interface FrameSize {
  readonly height: number;
  readonly width: number;
}

/** The two sizes that are measured; others follow by the line through them. */
export const PROFILE_SIZES: readonly [FrameSize, FrameSize] = [
  { height: 48, width: 64 },
  { height: 80, width: 96 },
];

/** A step to measure. */
export interface Trial {
  readonly frames: number;
  /** Null for one tape. */
  readonly segments: Schedule | null;
  readonly judgedFrames: number;
  readonly warmUp: number;
}

/** A smooth pattern: what is measured does not depend on the values, but they must not diverge. */
const pattern = <R extends tf.Rank>(shape: tf.ShapeMap[R]): tf.Tensor<R> =>
  tf.tidy(() => {
    const size = shape.reduce((product, length) => product * length, 1);
    return tf.reshape<R>(tf.sin(tf.mul(tf.range(0, size), 0.37)), shape);
  });

/** A training's state by its size alone: drawing the weights would take longer than the step. */
function stateOfSize({ generator, discriminators }: Model): TrainingState {
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
  const { noiseChannels } = generator.options;
  return {
    frames: whole(3)!,
    condition: whole(generator.conditionChannels),
    noise:
      noiseChannels > 0
        ? pattern<tf.Rank.R5>([1, made, height / 4, width / 4, noiseChannels])
        : null,
    lead,
    warmUp: trial.warmUp,
    coldStart: false,
    teacherForced: Array.from({ length: trial.frames }, () => false),
  };
}

/**
 * Runs one step of one window op by op, weights, optimizer and window made for it and measured with
 * it: the bytes that its tensors take in all.
 */
export function measureStep(
  model: Model,
  { losses, frameDiscriminator }: ProfileOptions,
  trial: Trial,
  size: FrameSize,
): Peak<void> {
  const plan = {
    ...{ step: 0, generatorLearningRate: 1e-4, discriminatorLearningRate: 1e-4 },
    ...{ beta1: 0.5, beta2: 0.999, averageShare: 0.5 },
    judgeRaw: frameDiscriminator.judgeRaw,
    r1: losses.r1 * losses.r1EverySteps,
    segments: trial.segments,
    judgedFrames: trial.judgedFrames,
  };
  return trackPeak(() => {
    const state = stateOfSize(model);
    const input = windowOf(model, trial, size);
    const { state: next } = trainStep(model, state, input, losses, plan);
    tf.dispose([input.frames, ...[input.condition, input.noise].filter((x) => x !== null)]);
    disposeState(state);
    disposeState(next);
  });
}

/** The phases that a step's own are named by; what has no name is around the optimizer's update. */
const peakIn = (peak: Peak<void>, phase: Phase): number =>
  peak.phases[phase === 'update' ? '' : phase]?.peakBytes ?? 0;

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

const pixelsOf = ({ height, width }: FrameSize): number => height * width;

/**
 * More than the longest rollout of a training takes on one tape, from a single short step of small
 * frames: everything is taken to grow with the pixels and with the frames, which weights do not.
 */
export function plainBound(model: Model, options: ProfileOptions, size: FrameSize): number {
  const { batch, frames, warmUp } = options.training;
  const { frames: short } = shortest(model);
  const trial = { frames: short, segments: null, judgedFrames: short, warmUp: 0 };
  const [small] = PROFILE_SIZES;
  const { peakBytes } = measureStep(model, options, trial, small);
  const larger = Math.max(1, (pixelsOf(size) * batch) / pixelsOf(small));
  const longer = Math.max(1, (frames + warmUp.frames) / short);
  return Math.ceil(peakBytes * larger * longer);
}

/**
 * What a training step takes at a size, a window at a time, measured by running a few short ones on
 * the current backend.
 */
export function profileStep(model: Model, options: ProfileOptions, size: FrameSize): StepCosts {
  const { frames: short } = shortest(model);
  const long = short + 1;
  const { warmUp } = options.training;
  const warms = warmUp.frames > 0 && warmUp.fraction > 0;
  const before = warms ? 1 : 0;
  const run = (frames: number, every: number | null, more = 0): Peak<void> => {
    const segments = every === null ? null : evenSegments(frames, every);
    const trial = { frames, segments, judgedFrames: every ?? frames, warmUp: before + more };
    return measureStep(model, options, trial, size);
  };

  const plain = [run(short, null), run(long, null)] as const;
  const shorter = run(short, 1);
  const longer = run(long, 1);
  const wider = run(long, 2);
  const warmer = warms ? run(short, 1, 2) : shorter;
  const warmerPlain = warms ? run(short, null, 2) : plain[0];
  /** All warm-up frames besides those that were measured, by two of them. */
  const moreWarmUp = warms ? (warmUp.frames - before) / 2 : 0;

  const stateBytes = model.generator.options.historyFrames * 3 * 4 * size.height * size.width;
  const keeps = (phase: Phase): boolean =>
    phase === 'forward' || phase === 'judge' || phase === 'back';
  const phases = Object.fromEntries(
    PHASES.map((phase): [Phase, PhaseBytes] => {
      const kept = keeps(phase) ? stateBytes : 0;
      const few = peakIn(shorter, phase) - kept * (short - 1);
      const many = peakIn(longer, phase) - kept * (long - 1);
      const wide = peakIn(wider, phase) - kept * (Math.ceil(long / 2) - 1);
      const perFrame = many - few;
      const perWider = phase === 'forward' || phase === 'update' ? 0 : wide - many;
      const warming = (peakIn(warmer, phase) - peakIn(shorter, phase)) * moreWarmUp;
      return [
        phase,
        {
          base: few - perFrame * short - perWider + warming,
          perFrame,
          perTapeFrame: phase === 'back' ? perWider : 0,
          perJudgedFrame: phase === 'back' ? 0 : perWider,
        },
      ];
    }),
  ) as Record<Phase, PhaseBytes>;

  const [plainFew, plainMany] = plain.map(({ peakBytes }) => peakBytes) as [number, number];
  const plainPerFrame = plainMany - plainFew;
  const seconds = (phase: Phase): number =>
    longer.phases[phase === 'update' ? '' : phase]?.seconds ?? 0;
  const forwardSeconds = seconds('forward') / long;
  return {
    plain: {
      base: plainFew - plainPerFrame * short + (warmerPlain.peakBytes - plainFew) * moreWarmUp,
      perFrame: plainPerFrame,
      perTapeFrame: 0,
      perJudgedFrame: 0,
    },
    phases,
    stateBytes,
    forwardSeconds,
    plainSeconds: (seconds('judge') + seconds('back') + seconds('train')) / long,
    fixedSeconds: Math.max(0, seconds('update') - before * forwardSeconds),
    warmUpFrames: warmUp.frames * warmUp.fraction,
  };
}

/**
 * What a training step takes as a function of frame size and batch. Measures small frames, a few
 * seconds in all, because what is asked for may not fit.
 */
export function profileCosts(
  model: Model,
  options: ProfileOptions,
  sizes = PROFILE_SIZES,
): (size: FrameSize, batch: number) => StepCosts {
  const [small, large] = sizes.map((size) => ({
    pixels: pixelsOf(size),
    costs: profileStep(model, options, size),
  })) as [Parameters<typeof costsAt>[1], Parameters<typeof costsAt>[2]];
  return (size, batch) => costsAt(pixelsOf(size) * batch, small, large);
}
