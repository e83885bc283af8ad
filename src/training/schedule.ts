import * as tf from '@tensorflow/tfjs-core';
import { randomStream } from '../base/random.js';
import type { Window } from '../clips/index.js';
import type { GeneratorOptions } from '../networks/index.js';
import { stepMemory, type Checkpointing, type StepMemory } from './auto-checkpointing.js';
import type { LossOptions, TrainingOptions } from './options.js';
import type { RolloutInput } from './rollout.js';
import type { StepPlan } from './step-plan.js';

/** Frames rolled out at a step: the curriculum grows by one frame at a time up to `frames`. */
export function rolloutFrames(options: TrainingOptions, step: number): number {
  const { startFrames, growEverySteps } = options.rollout;
  return Math.min(options.frames, startFrames + Math.floor(step / growEverySteps));
}

/** Frames that a step's rollout is warmed up by: all of them in some of the steps, none in others. */
export function warmUpFrames(
  options: TrainingOptions,
  longest: number,
  seed: number,
  step: number,
): number {
  const { frames, fraction, fromStep } = options.warmUp;
  if (step < fromStep || fraction === 0) return 0;
  return randomStream(seed, 'warm-up', step).uniform() < fraction ? Math.min(frames, longest) : 0;
}

/** 1 until `decayFromFraction` of the steps, then linear to 0 at the end. */
export function rateFactor(options: TrainingOptions, step: number): number {
  const { steps, optimizer } = options;
  const start = optimizer.decayFromFraction * steps;
  if (step < start || steps <= start) return 1;
  return Math.max(0, (steps - step) / (steps - start));
}

/** How much of the new generator enters the average (StyleGAN2's ramped half-life). */
export function averageShare(options: TrainingOptions, step: number): number {
  const { halfLifeSteps, rampUpFraction } = options.ema;
  const halfLife = Math.min(halfLifeSteps, (step + 1) * rampUpFraction);
  return halfLife === 0 ? 1 : 1 - 0.5 ** (1 / halfLife);
}

/** Everything of a step that is no data, as a pure function of its number. */
export function stepPlan(
  options: { training: TrainingOptions; losses: LossOptions; judgeRaw: boolean },
  checkpointing: Checkpointing,
  step: number,
): StepPlan & StepMemory {
  const { training, losses, judgeRaw } = options;
  const { optimizer } = training;
  const factor = rateFactor(training, step);
  const frames = rolloutFrames(training, step);
  return {
    step,
    judgeRaw,
    generatorLearningRate: optimizer.generatorLearningRate * factor,
    discriminatorLearningRate: optimizer.discriminatorLearningRate * factor,
    beta1: optimizer.beta1,
    beta2: optimizer.beta2,
    averageShare: averageShare(training, step),
    ...stepMemory(checkpointing, frames),
    r1: step % losses.r1EverySteps === 0 ? losses.r1 * losses.r1EverySteps : 0,
  };
}

/** The step's window with its draws: cold start, teacher forcing and noise. The caller disposes. */
export function rolloutInput(
  window: Window,
  options: { training: TrainingOptions; generator: GeneratorOptions; seed: number },
  step: number,
): RolloutInput {
  const { training, generator, seed } = options;
  const random = randomStream(seed, 'noise', step);
  const coldStart = random.uniform() < training.coldStartFraction;
  const { probability, untilSteps } = training.teacherForcing;
  const share = step < untilSteps ? probability * (1 - step / untilSteps) : 0;
  const [samples, total, height, width] = window.frames.shape;
  const frames = rolloutFrames(training, step);
  const warmUp = total - window.leadFrames - frames;
  const teacherForced = Array.from({ length: frames }, (_, t) => random.uniform() < share && t > 0);
  let noise: tf.Tensor5D | null = null;
  if (generator.noiseChannels > 0) {
    const shape: [number, number, number, number, number] = [
      samples,
      warmUp + frames,
      height / 4,
      width / 4,
      generator.noiseChannels,
    ];
    const values = new Float32Array(shape.reduce((product, size) => product * size));
    noise = tf.tensor5d(random.fillNormal(values), shape);
  }
  const { condition, leadFrames: lead } = window;
  return { frames: window.frames, condition, noise, lead, warmUp, coldStart, teacherForced };
}
