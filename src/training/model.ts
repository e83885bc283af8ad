import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../backend/scope.js';
import { FrameloomError } from '../base/error.js';
import {
  createDiscriminators,
  createGenerator,
  generatorWidth,
  type Discriminators,
  type FrameDiscriminatorOptions,
  type Generator,
  type GeneratorOptions,
  type SequenceDiscriminatorOptions,
} from '../networks/index.js';
import type { AdamState } from '../autodiff/adam.js';
import type { SnapshotTensors } from './run/snapshot-store.js';

/** The networks of a training: definitions, no numbers. */
export interface Model {
  readonly generator: Generator;
  readonly discriminators: Discriminators;
}

export interface ModelOptions {
  readonly generator: GeneratorOptions;
  readonly frameDiscriminator: FrameDiscriminatorOptions;
  readonly sequenceDiscriminator: SequenceDiscriminatorOptions;
}

/** @param actionColumns numbers that are told of what was done at each frame; 0 unless given */
export function createModel(
  options: ModelOptions,
  conditionChannels: number,
  actionColumns = 0,
): Model {
  return {
    generator: createGenerator(options.generator, conditionChannels, actionColumns),
    discriminators: createDiscriminators(
      options.frameDiscriminator,
      options.sequenceDiscriminator,
      conditionChannels,
      generatorWidth(options.generator),
      actionColumns,
    ),
  };
}

/**
 * Refuses runs of frames that no window holds, which would never be judged.
 * @throws FrameloomError bad-option
 */
export function assertStridesFit({
  generator,
  sequenceDiscriminator,
  training,
  losses,
}: Pick<ModelOptions, 'generator' | 'sequenceDiscriminator'> & {
  readonly training: { readonly frames: number };
  readonly losses: { readonly sequenceAdversarial: number };
}): void {
  if (losses.sequenceAdversarial === 0) return;
  const { frames, temporalStrides } = sequenceDiscriminator;
  const lead = Math.max(generator.historyFrames, generator.conditionFrames - 1);
  const length = lead + training.frames;
  const stride = temporalStrides.find((one) => (frames - 1) * one >= length);
  if (stride === undefined) return;
  throw new FrameloomError(
    'bad-option',
    `runs of ${frames} frames at a stride of ${stride} span ${(frames - 1) * stride + 1} frames, and a window has ${length} (${training.frames} and ${lead} in front)`,
    {
      path: 'sequenceDiscriminator.temporalStrides',
      hint: `raise training.frames to ${(frames - 1) * stride + 1 - lead}, or leave that stride out`,
    },
  );
}

/**
 * The models of a training at the sizes that data.size is divided to, 1 that of data.size itself: of the same weights, and
 * with a flow that is as long beside the frame, for it is in pixels.
 */
export function modelsBySize(
  options: ModelOptions,
  conditionChannels: number,
  actionColumns = 0,
): (divideBy: number) => Model {
  const made = new Map<number, Model>();
  return (divideBy) => {
    const { generator } = options;
    const flowScalePixels = generator.flowScalePixels / divideBy;
    const model =
      made.get(divideBy) ??
      createModel(
        { ...options, generator: { ...generator, flowScalePixels } },
        conditionChannels,
        actionColumns,
      );
    made.set(divideBy, model);
    return model;
  };
}

/** All numbers that training changes, each one flat vector. */
export interface TrainingState {
  readonly generator: tf.Tensor1D;
  /** The averaged generator (EMA). */
  readonly average: tf.Tensor1D;
  readonly generatorAdam: AdamState;
  readonly discriminators: tf.Tensor1D;
  readonly discriminatorAdam: AdamState;
  /** Singular vectors of spectral norm. */
  readonly spectral: tf.Tensor1D;
}

/** Power iterations before the first step: σ starts right, not as a random projection. */
const FIRST_ITERATIONS = 20;

/** Numbers that a training begins with in the place of random ones; null where it does not. */
export interface GivenWeights {
  readonly generator: Float32Array;
  readonly discriminators: Float32Array | null;
  /** The singular vectors of just these discriminators. */
  readonly spectral: Float32Array | null;
}

/** @param given null for a training that starts from nothing */
export function initialState(
  model: Model,
  seed: number,
  given: GivenWeights | null = null,
): TrainingState {
  const { generator, discriminators } = model;
  const { layout, spectralNorm } = discriminators;
  return scoped((): TrainingState => {
    const weights = tf.tensor1d(given?.generator ?? generator.layout.initialize(seed));
    const judges = tf.tensor1d(given?.discriminators ?? layout.initialize(seed));
    const named = layout.unflatten(judges);
    let spectral = tf.tensor1d(given?.spectral ?? spectralNorm.layout.initialize(seed));
    const iterations = given?.spectral ? 0 : FIRST_ITERATIONS;
    for (let i = 0; i < iterations; i += 1) spectral = spectralNorm.iterate(named, spectral);
    const moments = (like: tf.Tensor1D): AdamState => ({
      mean: tf.zerosLike(like),
      square: tf.zerosLike(like),
    });
    return {
      generator: weights,
      average: tf.clone(weights),
      generatorAdam: moments(weights),
      discriminators: judges,
      discriminatorAdam: moments(judges),
      spectral,
    };
  });
}

export function disposeState(state: TrainingState): void {
  tf.dispose(flattenState(state));
}

/** The state's tensors in one record. */
export function flattenState(state: TrainingState): Record<string, tf.Tensor1D> {
  const { generatorAdam, discriminatorAdam, ...flat } = state;
  return {
    ...flat,
    'generatorAdam.mean': generatorAdam.mean,
    'generatorAdam.square': generatorAdam.square,
    'discriminatorAdam.mean': discriminatorAdam.mean,
    'discriminatorAdam.square': discriminatorAdam.square,
  };
}

/** The inverse of `flattenState`; other tensors among them are left out. */
export function stateOf(tensors: Readonly<Record<string, tf.Tensor>>): TrainingState {
  const flat = (name: string): tf.Tensor1D => tensors[name] as tf.Tensor1D;
  const adam = (name: string): AdamState => ({
    mean: flat(`${name}.mean`),
    square: flat(`${name}.square`),
  });
  return {
    generator: flat('generator'),
    average: flat('average'),
    generatorAdam: adam('generatorAdam'),
    discriminators: flat('discriminators'),
    discriminatorAdam: adam('discriminatorAdam'),
    spectral: flat('spectral'),
  };
}

/** A copy of the state as named arrays, for a snapshot. */
export async function stateToTensors(model: Model, state: TrainingState): Promise<SnapshotTensors> {
  const read = async (tensor: tf.Tensor1D): Promise<Float32Array> =>
    (await tensor.data()) as Float32Array;
  const flat = async (name: string, tensor: tf.Tensor1D) => {
    const data = await read(tensor);
    return { [name]: { shape: [data.length], data } };
  };
  const { generator, discriminators } = model;
  return {
    ...generator.layout.toNamed(await read(state.generator), 'generator.'),
    ...generator.layout.toNamed(await read(state.average), 'average.'),
    ...discriminators.layout.toNamed(await read(state.discriminators), 'discriminators.'),
    ...(await flat('spectral', state.spectral)),
    ...(await flat('optimizer.generator.mean', state.generatorAdam.mean)),
    ...(await flat('optimizer.generator.square', state.generatorAdam.square)),
    ...(await flat('optimizer.discriminators.mean', state.discriminatorAdam.mean)),
    ...(await flat('optimizer.discriminators.square', state.discriminatorAdam.square)),
  };
}

/**
 * The state that `stateToTensors` wrote.
 * @throws FrameloomError bad-snapshot when it is of another network
 */
export function stateFromTensors(model: Model, tensors: SnapshotTensors): TrainingState {
  const { generator, discriminators } = model;
  const flat = (name: string, size: number): tf.Tensor1D => {
    const found = tensors[name];
    if (found?.data.length !== size) {
      throw new FrameloomError('bad-snapshot', `${name} is missing or not ${size} numbers long`, {
        hint: 'the snapshot is of another network; use the pipeline it was trained with',
      });
    }
    return tf.tensor1d(found.data);
  };
  const adam = (name: string, size: number): AdamState => ({
    mean: flat(`optimizer.${name}.mean`, size),
    square: flat(`optimizer.${name}.square`, size),
  });
  return scoped((): TrainingState => ({
    generator: tf.tensor1d(generator.layout.fromNamed(tensors, 'generator.')),
    average: tf.tensor1d(generator.layout.fromNamed(tensors, 'average.')),
    generatorAdam: adam('generator', generator.layout.size),
    discriminators: tf.tensor1d(discriminators.layout.fromNamed(tensors, 'discriminators.')),
    discriminatorAdam: adam('discriminators', discriminators.layout.size),
    spectral: flat('spectral', discriminators.spectralNorm.layout.size),
  }));
}
