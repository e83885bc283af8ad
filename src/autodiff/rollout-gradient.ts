import * as tf from '@tensorflow/tfjs-core';
import { backpropagate, type Chain, type LossGradient } from './backpropagate.js';
import type { Schedule } from './schedule.js';
import { valueAndGradients } from './value-and-gradients.js';

/** What a stretch of a recurrent computation leaves: its last state and the outputs on the way. */
export interface Stretch {
  readonly state: readonly tf.Tensor[];
  readonly outputs: readonly tf.Tensor[];
}

/** A recurrent computation of `length` steps that can be run from any step on. */
export interface Rollout {
  readonly length: number;
  readonly initialState: readonly tf.Tensor[];
  /**
   * Runs steps `from` … `to` − 1. It must be a pure function: a recomputed stretch is the same
   * stretch. Nothing but the parameters, the state and constants may enter.
   */
  run(parameters: tf.Tensor1D, state: readonly tf.Tensor[], from: number, to: number): Stretch;
}

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
    const { value, gradients } = valueAndGradients(() => {
      const { outputs } = rollout.run(parameters, rollout.initialState, 0, rollout.length);
      kept.push(...outputs.map((output) => tf.keep(tf.clone(output))));
      return loss(outputs);
    }, [parameters]);
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
 * Backpropagation through time with gradient checkpointing: {@link backpropagate}, op by op. The
 * result equals `plainGradient`'s; the peak is one segment's activations.
 *
 * @param schedule the segments, first to last; they add up to `rollout.length`
 */
export function checkpointedGradient(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  loss: RolloutLoss,
  schedule: Schedule,
): RolloutGradient {
  const lossGradient: LossGradient = (outputs) => {
    const { value, gradients } = valueAndGradients(() => loss(outputs), outputs);
    return { value, cotangents: gradients };
  };
  return segmentedGradient(rollout, parameters, lossGradient, schedule);
}

/** {@link checkpointedGradient} by a loss that brings its own gradients in the outputs. */
export function segmentedGradient(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  lossGradient: LossGradient,
  schedule: Schedule,
): RolloutGradient {
  const chain = chainOf(rollout, parameters);
  const { value, gradient, outputs } = backpropagate(chain, lossGradient, schedule);
  return { loss: value, gradient, outputs };
}

/** A rollout's steps, run and pulled back op by op. */
function chainOf(rollout: Rollout, parameters: tf.Tensor1D): Chain {
  return {
    length: rollout.length,
    initialState: rollout.initialState,
    forward(state, from, to) {
      const all = tf.tidy(() => {
        const stretch = rollout.run(parameters, state, from, to);
        // Whoever runs the chain disposes of each by itself.
        const own = new Set<tf.Tensor>(state);
        return [...stretch.state, ...stretch.outputs].map((tensor) => {
          if (own.has(tensor)) return tf.clone(tensor);
          own.add(tensor);
          return tensor;
        });
      });
      return { state: all.slice(0, state.length), outputs: all.slice(state.length) };
    },
    pullBack({ from, to, state }, outputCotangents, stateCotangent) {
      const [gradient, ...rest] = pullBack(
        () => rollout.run(parameters, state, from, to),
        [parameters, ...state],
        outputCotangents,
        stateCotangent,
      );
      return { gradient: gradient as tf.Tensor1D, stateCotangent: rest };
    },
  };
}

/**
 * The vector-Jacobian product of a stretch: from cotangents of its outputs and of its last state to
 * those of `xs`.
 *
 * @param stateCotangent null where nothing depends on the last state
 */
function pullBack(
  run: () => Stretch,
  xs: readonly tf.Tensor[],
  outputCotangents: readonly tf.Tensor[],
  stateCotangent: readonly tf.Tensor[] | null,
): tf.Tensor[] {
  // A scalar whose gradient is the product: ⟨outputs, cotangents⟩ + ⟨state, its cotangent⟩.
  const paired = (): tf.Scalar => {
    const stretch = run();
    const terms = stretch.outputs.map((output, i) => inner(output, outputCotangents[i]!));
    if (stateCotangent) {
      terms.push(...stretch.state.map((tensor, i) => inner(tensor, stateCotangent[i]!)));
    }
    return tf.addN(terms);
  };
  return valueAndGradients(paired, xs).gradients;
}

const inner = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.sum(tf.mul(a, b));
