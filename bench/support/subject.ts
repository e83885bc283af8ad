import * as tf from '@tensorflow/tfjs-core';
import type { Runner } from '../../src/backend/graph/index.js';
import { evenSegments, trackPeak } from '../../src/autodiff/index.js';
import {
  frameDiscriminatorOptions,
  generatorOptions,
  sequenceDiscriminatorOptions,
} from '../../src/networks/index.js';
import type { StepMemory } from '../../src/planning/index.js';
import {
  createModel,
  disposeState,
  initialState,
  type Model,
  type TrainingState,
} from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import type { RolloutInput } from '../../src/training/rollout.js';
import { stepOutputs, trainStep } from '../../src/training/step.js';
import type { StepPlan } from '../../src/training/step-plan.js';
import type { Settings, Size } from './settings.js';

export const LEAD = 2;
const SEED = 1;

/** One way that Frameloom trains, with its window and its state. */
export interface Subject {
  readonly model: Model;
  readonly input: RolloutInput;
  readonly plan: StepPlan;
  state: TrainingState;
  /** One training step, on a window of its own or a given one; the state moves on. @returns seconds */
  step(window?: Pick<RolloutInput, 'frames' | 'condition'>): Promise<number>;
  /** The bytes of tensors that one step holds at most; the state stays. */
  peakBytes(): number;
  dispose(): void;
}

/** A smooth moving pattern [N, T, H, W, C] in [−1, 1]: speed does not depend on it. */
export function pattern(
  samples: number,
  frames: number,
  { width, height }: Size,
  channels: number,
): tf.Tensor5D {
  const values = new Float32Array(samples * frames * height * width * channels);
  for (let i = 0; i < values.length; i += 1) {
    const x = Math.floor(i / channels) % width;
    const y = Math.floor(i / (channels * width)) % height;
    const t = Math.floor(i / (channels * width * height)) % frames;
    values[i] = Math.sin(x / 7 + y / 5 + t / 3 + (i % channels));
  }
  return tf.tensor5d(values, [samples, frames, height, width, channels]);
}

export function presetModel(preset: Settings['preset']): Model {
  return createModel(
    {
      generator: generatorOptions.parse({ preset }),
      frameDiscriminator: frameDiscriminatorOptions.parse({}),
      sequenceDiscriminator: sequenceDiscriminatorOptions.parse({}),
    },
    1,
  );
}

export interface SubjectOptions {
  readonly preset: Settings['preset'];
  readonly size: Size;
  readonly frames: number;
  /** How gradients are taken; on one tape unless given. */
  readonly memory?: StepMemory;
  readonly runner: Runner;
}

/** Every frame recomputed by itself, the discriminators judging all at once. */
export const everyFrame = (frames: number): StepMemory => ({
  segments: evenSegments(frames, 1),
  stretches: null,
  judgedFrames: frames,
});

/** Opens a subject on the backend in use; the runner stays the caller's. */
export function openSubject(options: SubjectOptions): Subject {
  const { preset, size, frames, runner } = options;
  const model = presetModel(preset);
  const losses = lossOptions.parse({});
  const input: RolloutInput = {
    frames: pattern(1, LEAD + frames, size, 3),
    condition: pattern(1, LEAD + frames, size, 1),
    noise: null,
    ...{ lead: LEAD, warmUp: 0, coldStart: false, visibleFrom: 0 },
    teacherForced: Array.from({ length: frames }, () => false),
  };
  const plan: StepPlan = {
    step: 0,
    generatorLearningRate: 4e-4,
    discriminatorLearningRate: 2e-4,
    beta1: 0.5,
    beta2: 0.999,
    averageShare: 0.05,
    segments: null,
    ...options.memory,
    adversarialWeight: 1,
    matchingWeight: 1,
    explodesAbove: null,
    gradientCarried: 1,
    judgesWait: false,
    sight: null,
    r1: 0,
    r2: 0,
    lecam: null,
    judgeRaw: true,
  };
  let updates = 0;
  return {
    model,
    input,
    plan,
    state: initialState(model, SEED),
    async step(window = input) {
      const started = performance.now();
      const now = { ...plan, step: updates };
      const all = { ...input, frames: window.frames, condition: window.condition };
      const { state: next, skipped } = await trainStep(model, this.state, all, losses, now, runner);
      const seconds = (performance.now() - started) / 1000;
      disposeState(this.state);
      if (skipped !== null) throw new Error(`a step was skipped: ${skipped}`);
      this.state = next;
      updates += 1;
      return seconds;
    },
    peakBytes() {
      const now = { ...plan, step: updates };
      return trackPeak(() => {
        tf.dispose(stepOutputs(model, this.state, input, losses, now, runner));
      }).peakBytes;
    },
    dispose() {
      disposeState(this.state);
      tf.dispose([input.frames, input.condition!]);
    },
  };
}
