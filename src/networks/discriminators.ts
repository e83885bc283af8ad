import * as tf from '@tensorflow/tfjs-core';
import { actionNumbers } from './acting.js';
import { createDiscriminator, type Discriminator, type Judgement } from './discriminator.js';
import type { Size } from './layers.js';
import type { FrameDiscriminatorOptions, SequenceDiscriminatorOptions } from './options.js';
import { ParameterLayout, type Parameters } from './parameters.js';
import { createSpectralNorm, type SpectralNorm } from './spectral-norm.js';

const IMAGE_CHANNELS = 3;

export interface SequenceJudge {
  readonly stride: number;
  readonly discriminator: Discriminator;
}

/** The frame discriminator and one sequence discriminator for each temporal stride, as one. */
export interface Discriminators {
  readonly layout: ParameterLayout;
  readonly spectralNorm: SpectralNorm;
  /**
   * The weights as the judges read them, normalized; differentiable in `flat` [layout.size].
   * @param vectors the singular vectors [spectralNorm.layout.size]; constants
   */
  weights(flat: tf.Tensor1D, vectors: tf.Tensor1D): Parameters;
  /** Judges frames [N, H, W, 3] with their conditions [N, H, W, C]. */
  judgeFrames(
    parameters: Parameters,
    frames: tf.Tensor4D,
    condition: tf.Tensor4D | null,
  ): Judgement[];
  readonly sequences: readonly SequenceJudge[];
  /** Frames judged together by a sequence discriminator. */
  readonly sequenceFrames: number;
  macs(size: Size): { frame: number; sequence: number };
}

/** Frames from the first to the last of a run. */
export const runSpan = (count: number, stride: number): number => (count - 1) * stride + 1;

/** `auto` as a number. */
const withChannels = <T extends { readonly channels: number | 'auto' }>(
  options: T,
  generatorChannels: number,
): T & { readonly channels: number } => ({
  ...options,
  channels: options.channels === 'auto' ? generatorChannels : options.channels,
});

/**
 * All discriminators of a training; they share one flat parameter vector and one optimizer.
 * @param generatorChannels what `auto` stands for in their options
 * @param actionColumns numbers that are told of what was done at each frame, 0 for none: those who judge sequences are
 *   told them of all frames of one; a single frame hardly shows what was done
 */
export function createDiscriminators(
  ofFrames: FrameDiscriminatorOptions,
  ofSequences: SequenceDiscriminatorOptions,
  conditionChannels: number,
  generatorChannels: number,
  actionColumns = 0,
): Discriminators {
  const frameOptions = withChannels(ofFrames, generatorChannels);
  const sequenceOptions = withChannels(ofSequences, generatorChannels);
  const frame = createDiscriminator('frame', IMAGE_CHANNELS + conditionChannels, {
    ...frameOptions,
    conditionChannels,
  });
  const sequences = sequenceOptions.temporalStrides.map((stride) => ({
    stride,
    discriminator: createDiscriminator(
      `sequence.stride${stride}`,
      IMAGE_CHANNELS * sequenceOptions.frames,
      {
        ...sequenceOptions,
        ...(actionColumns > 0 && {
          told: actionNumbers(actionColumns) * runSpan(sequenceOptions.frames, stride),
        }),
      },
    ),
  }));
  const all = [frame, ...sequences.map(({ discriminator }) => discriminator)];
  const normalized = [
    ...(frameOptions.spectralNorm ? frame.layout.specs : []),
    ...(sequenceOptions.spectralNorm
      ? sequences.flatMap(({ discriminator }) => discriminator.layout.specs)
      : []),
  ];
  const layout = new ParameterLayout(all.flatMap((judge) => judge.layout.specs));
  const spectralNorm = createSpectralNorm(normalized);
  return {
    layout,
    spectralNorm,
    weights: (flat, vectors) => spectralNorm.normalize(layout.unflatten(flat), vectors),
    judgeFrames: (parameters, frames, condition) =>
      frame.judge(parameters, condition ? tf.concat([condition, frames], 3) : frames),
    sequences,
    sequenceFrames: sequenceOptions.frames,
    macs: (size) => ({
      frame: frame.macs(size),
      sequence: sequences.reduce((sum, { discriminator }) => sum + discriminator.macs(size), 0),
    }),
  };
}

/**
 * Every run of `count` frames, `stride` apart, as channels.
 * @param window [N, T, H, W, C]
 * @param firstLast the earliest time that a run's last frame may have
 * @returns [N·runs, H, W, count·C], or null when the window is too short for one
 */
export function frameRuns(
  window: tf.Tensor5D,
  count: number,
  stride: number,
  firstLast: number,
): tf.Tensor4D | null {
  const [samples, frames, height, width, channels] = window.shape;
  const span = (count - 1) * stride;
  const start = Math.max(0, firstLast - span);
  const runs = frames - span - start;
  if (runs < 1) return null;
  return tf.tidy(() => {
    const slices = Array.from({ length: count }, (_, i) =>
      tf.slice(window, [0, start + i * stride, 0, 0, 0], [-1, runs, -1, -1, -1]),
    );
    return tf.reshape(tf.concat(slices, 4), [samples * runs, height, width, count * channels]);
  });
}
