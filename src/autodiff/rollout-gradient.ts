import * as tf from '@tensorflow/tfjs-core';
import { eagerRunner, type Runner } from '../backend/graph/index.js';
import { backpropagate, type LossGradient } from './backpropagate.js';
import { inPhase } from './peak.js';
import { pullBackInStretches, pullBackSteps, type Puller } from './pull-back.js';
import { forwardStep, runRollout, type Rollout } from './rollout.js';
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
}

/** The whole rollout on one tape: fastest, and every activation is kept. */
export function plainGradient(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  loss: RolloutLoss,
): RolloutGradient & {
  /** All outputs of the rollout, off the tape. */
  readonly outputs: tf.Tensor[];
} {
  return tf.tidy(() => {
    const kept: tf.Tensor[] = [];
    const made = (): tf.Tensor[] => {
      const { outputs } = runRollout(rollout, rollout.unflatten(parameters));
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

/** How a rollout's gradient is taken in pieces. */
export interface Recomputation {
  /** First to last; they add up to the rollout's length. */
  readonly segments: Schedule;
  /** Blocks in each stretch of a step that is a segment by itself; all in one unless given. */
  readonly stretches?: readonly number[] | null | undefined;
}

/**
 * Backpropagation through time with gradient checkpointing: {@link backpropagate}, the steps run and
 * pulled back by a runner. The result equals `plainGradient`'s; the peak is one segment's activations,
 * or those of one stretch of a step's blocks.
 */
export function checkpointedGradient(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  loss: RolloutLoss,
  how: Recomputation,
  runner: Runner = eagerRunner,
): RolloutGradient {
  const lossGradient: LossGradient = (outputs) => {
    const { value, gradients } = valueAndGradients(() => loss(outputs), outputs);
    return { value, cotangents: gradients };
  };
  return segmentedGradient(rollout, parameters, lossGradient, how, runner);
}

/** {@link checkpointedGradient} by a loss that brings its own gradients in the outputs. */
export function segmentedGradient(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  lossGradient: LossGradient,
  { segments, stretches }: Recomputation,
  runner: Runner,
): RolloutGradient {
  return tf.tidy(() => {
    const named = rollout.unflatten(parameters);
    const puller: Puller = { rollout, parameters: named, runner };
    const { value, gradient } = backpropagate(
      {
        length: rollout.length,
        initialState: rollout.initialState,
        forward: (state, step) => forwardStep(rollout, named, state, step, runner),
        zeroGradient: () => rollout.unflatten(tf.zerosLike(parameters)),
        pullBack: (piece, ...others) =>
          stretches && piece.to - piece.from === 1
            ? pullBackInStretches(puller, stretches, piece, ...others)
            : pullBackSteps(puller, piece, ...others),
      },
      lossGradient,
      segments,
    );
    tf.dispose(named);
    return { loss: value, gradient: rollout.flatten(gradient) };
  });
}
