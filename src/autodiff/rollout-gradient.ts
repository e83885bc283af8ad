import * as tf from '@tensorflow/tfjs-core';
import { eagerRunner, type Runner } from '../backend/graph/index.js';
import { backpropagate, type LossGradient } from './backpropagate.js';
import { inPhase } from './peak.js';
import { forwardStep, pullBackSteps, runSteps, type Rollout } from './rollout.js';
import type { Schedule } from './schedule.js';
import { valueAndGradients } from './value-and-gradients.js';

/**
 * A scalar of all outputs of the rollout, in order. It is called once. What it wants to report
 * besides, it keeps with `tf.keep`.
 */
export type RolloutLoss = (outputs: readonly tf.Tensor[]) => tf.Scalar;

export interface RolloutGradient {
  readonly loss: tf.Scalar;
  /** ∂loss/∂parameters. */
  readonly gradient: tf.Tensor1D;
  /** All outputs of the rollout, off the tape. */
  readonly outputs: tf.Tensor[];
}

/** The whole rollout on one tape: fastest, and every activation is kept. */
export function plainGradient(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  loss: RolloutLoss,
): RolloutGradient {
  return tf.tidy(() => {
    const kept: tf.Tensor[] = [];
    const made = (): tf.Tensor[] => {
      const { outputs } = runSteps(rollout, parameters, rollout.initialState, 0, rollout.length);
      kept.push(...outputs.map((output) => tf.keep(tf.clone(output))));
      return [...outputs];
    };
    const whole = (): tf.Scalar => {
      const outputs = inPhase('forward', made);
      return inPhase('judge', () => loss(outputs));
    };
    const { value, gradients } = inPhase('back', () => valueAndGradients(whole, [parameters]));
    return { loss: value, gradient: gradients[0] as tf.Tensor1D, outputs: released(kept) };
  });
}

/** Clones owned by the calling scope, in place of tensors that were kept out of all scopes. */
function released(kept: readonly tf.Tensor[]): tf.Tensor[] {
  return kept.map((tensor) => {
    const copy = tf.clone(tensor);
    tensor.dispose();
    return copy;
  });
}

/**
 * Backpropagation through time with gradient checkpointing: {@link backpropagate}, the steps run and
 * pulled back by a runner. The result equals `plainGradient`'s; the peak is one segment's activations.
 *
 * @param schedule the segments, first to last; they add up to `rollout.length`
 */
export function checkpointedGradient(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  loss: RolloutLoss,
  schedule: Schedule,
  runner: Runner = eagerRunner,
): RolloutGradient {
  const lossGradient: LossGradient = (outputs) => {
    const { value, gradients } = valueAndGradients(() => loss(outputs), outputs);
    return { value, cotangents: gradients };
  };
  return segmentedGradient(rollout, parameters, lossGradient, schedule, runner);
}

/** {@link checkpointedGradient} by a loss that brings its own gradients in the outputs. */
export function segmentedGradient(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  lossGradient: LossGradient,
  schedule: Schedule,
  runner: Runner,
): RolloutGradient {
  const { value, gradient, outputs } = backpropagate(
    {
      length: rollout.length,
      initialState: rollout.initialState,
      forward: (state, step) => forwardStep(rollout, parameters, state, step, runner),
      pullBack: (piece, ...cotangents) =>
        pullBackSteps(rollout, parameters, piece, ...cotangents, runner),
    },
    lossGradient,
    schedule,
  );
  return { loss: value, gradient, outputs };
}
