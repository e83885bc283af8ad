import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import type { Runner } from '../../src/backend/graph/index.js';
import {
  actionNumbers,
  frameDiscriminatorOptions,
  generatorOptions,
  sequenceDiscriminatorOptions,
} from '../../src/networks/index.js';
import {
  createModel,
  disposeState,
  type Model,
  type TrainingState,
} from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import type { RolloutInput } from '../../src/training/rollout.js';
import { trainStep } from '../../src/training/step.js';
import type { StepPlan } from '../../src/training/step-plan.js';
import { normals, relativeDifference } from '../tensors.js';

export { disposeInput, PLAN } from './plan.js';

export const [HEIGHT, WIDTH] = [16, 24];

/** Networks small enough for a step to take a tenth of a second. */
export function smallModel(
  generator: Record<string, unknown> = {},
  conditionChannels = 1,
  judges: Record<string, unknown> = {},
  actionColumns = 0,
): Model {
  const judge = { channels: 4, layers: 1, scales: 1, ...judges };
  return createModel(
    {
      generator: generatorOptions.parse({
        channels: 4,
        residualBlocks: 1,
        branchBlocks: 0,
        ...generator,
      }),
      frameDiscriminator: frameDiscriminatorOptions.parse(judge),
      sequenceDiscriminator: sequenceDiscriminatorOptions.parse(judge),
    },
    conditionChannels,
    actionColumns,
  );
}

export interface InputOptions {
  readonly samples?: number;
  readonly frames?: number;
  readonly warmUp?: number;
  /** Frames in front; 2 unless given. */
  readonly lead?: number;
  readonly size?: readonly [height: number, width: number];
  readonly coldStart?: boolean;
  /** With the noise that slopes are approximated by. */
  readonly nudged?: boolean;
  readonly teacherForced?: readonly boolean[];
}

/** A window and the draws of a step; the caller disposes of it. */
export function windowFor(model: Model, options: InputOptions = {}): RolloutInput {
  const {
    samples = 1,
    warmUp = 0,
    frames = 2,
    size = [HEIGHT, WIDTH],
    coldStart = false,
    nudged = false,
    lead = 2,
  } = options;
  const { conditionChannels, options: network } = model.generator;
  const [height, width] = size;
  return {
    frames: tf.tidy(() =>
      tf.tanh(normals<tf.Rank.R5>('frames', [samples, lead + warmUp + frames, height, width, 3])),
    ),
    condition:
      conditionChannels > 0
        ? normals('condition', [
            ...([samples, lead + warmUp + frames, height, width, conditionChannels] as const),
          ])
        : null,
    noise:
      network.noiseChannels > 0
        ? normals('noise', [samples, warmUp + frames, height / 4, width / 4, network.noiseChannels])
        : null,
    ...(model.generator.actionColumns > 0 && {
      actions: actionsOf(model, 'actions', samples, lead + warmUp + frames),
      otherActions: actionsOf(model, 'others', samples, lead + warmUp + frames),
    }),
    lead,
    warmUp,
    coldStart,
    visibleFrom: coldStart ? lead : 0,
    ...(nudged && { nudge: normals('nudge', [samples, lead + frames, height, width, 3]) }),
    teacherForced: options.teacherForced ?? Array.from({ length: frames }, () => false),
  };
}

const actionsOf = (
  { generator }: Model,
  name: string,
  samples: number,
  frames: number,
): tf.Tensor3D => normals(name, [samples, frames, actionNumbers(generator.actionColumns)]);

/** All tensors of a state. */
export const list = (state: TrainingState): tf.Tensor1D[] => [
  ...[state.generator, state.average, state.discriminators, state.spectral],
  ...[state.generatorAdam.mean, state.generatorAdam.square],
  ...[state.discriminatorAdam.mean, state.discriminatorAdam.square],
];

/**
 * That a step has one gradient in whatever way it is run, and that it reaches these of the generator's weights.
 */
export async function expectOneGradient({
  model,
  state,
  input,
  plans,
  moved,
}: {
  readonly model: Model;
  readonly state: TrainingState;
  readonly input: RolloutInput;
  /** The first of them is what the others are held to. */
  readonly plans: readonly (readonly [StepPlan, Runner])[];
  readonly moved: readonly string[];
}): Promise<void> {
  const means: tf.Tensor1D[] = [];
  for (const [plan, runner] of plans) {
    const losses = lossOptions.parse({});
    const { state: next, skipped } = await trainStep(model, state, input, losses, plan, runner);
    expect(skipped).toBeNull();
    means.push(tf.clone(next.generatorAdam.mean));
    disposeState(next);
  }
  const [plain, ...others] = means as [tf.Tensor1D, ...tf.Tensor1D[]];
  for (const other of others) expect(relativeDifference(other, plain)).toBeLessThan(1e-5);
  const named = model.generator.layout.toNamed(plain.dataSync<'float32'>());
  for (const name of moved) {
    expect(Math.max(...named[name]!.data.map(Math.abs))).toBeGreaterThan(0);
  }
  tf.dispose(means);
}
