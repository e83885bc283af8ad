import * as tf from '@tensorflow/tfjs-core';
import type { RolloutInput } from '../../src/training/rollout.js';
import type { StepPlan } from '../../src/training/step-plan.js';

export const PLAN: StepPlan = {
  step: 0,
  generatorLearningRate: 4e-4,
  discriminatorLearningRate: 2e-4,
  beta1: 0.5,
  beta2: 0.999,
  averageShare: 0.25,
  segments: null,
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

export const disposeInput = ({
  frames,
  condition,
  noise,
  nudge,
  actions,
  otherActions,
}: RolloutInput): void =>
  tf.dispose([
    frames,
    ...[condition, noise, nudge ?? null, actions ?? null, otherActions ?? null].filter(
      (tensor) => tensor !== null,
    ),
  ]);
