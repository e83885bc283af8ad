import * as tf from '@tensorflow/tfjs-core';
import { eagerRunner, type NamedTensors, type Runner } from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import { backpropagate, type Carried } from './backpropagate.js';
import { inPhase } from './peak.js';
import { pullBackInStretches, pullBackSteps, type Puller } from './pull-back.js';
import { forwardStep, runRollout, type Rollout } from './rollout.js';
import type { Schedule } from './schedule.js';
import { vectorJacobian, type LossGradient } from './value-and-gradients.js';

export interface RolloutGradient<R> {
  /** What the loss found besides. */
  readonly result: R;
  /** ∂loss/∂parameters. */
  readonly gradient: tf.Tensor1D;
}

/**
 * The whole rollout on one tape: fastest, and every activation is kept. The loss is none of it: it gives
 * its gradient in the outputs, from which the tape is pulled back.
 */
export function plainGradient<R>(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  lossGradient: LossGradient<R>,
): RolloutGradient<R> {
  return scoped(() => {
    const run = (): readonly tf.Tensor[] =>
      inPhase('forward', () => runRollout(rollout, rollout.weights(parameters)).outputs);
    const judge: LossGradient<R> = (outputs) => inPhase('judge', () => lossGradient(outputs));
    const { result, gradients } = inPhase('back', () => vectorJacobian(run, [parameters], judge));
    return { result, gradient: gradients[0] as tf.Tensor1D };
  });
}

/** How a rollout's gradient is taken in segments. */
export interface Recomputation {
  /** First to last; they add up to the rollout's length. */
  readonly segments: Schedule;
  /** Blocks in each stretch of a step that is a segment by itself; all in one unless given. */
  readonly stretches?: readonly number[] | null | undefined;
  /** All of the gradient passes from segment to segment unless given. */
  readonly carried?: CarriedShare | undefined;
}

/** How much of the gradient passes from a segment to the one before. */
export interface CarriedShare {
  /** 1 is the whole gradient, 0 truncated backpropagation through time (Williams & Peng 1990). */
  readonly factor: tf.Scalar;
  /** At segments that begin a multiple of so many steps before the end; at others all of it passes. */
  readonly every: number;
}

/** What is carried to the segment before. Takes it. */
function dampened({ gradient, stateCotangent }: Carried, factor: tf.Scalar): Carried {
  if (stateCotangent === null) return { gradient, stateCotangent };
  const passed = tf.tidy(() => {
    const isSome = tf.greater(factor, 0);
    // Of what has no bound nothing is left, where a product would be no number.
    return stateCotangent.map((own) => tf.where(isSome, tf.mul(own, factor), tf.zerosLike(own)));
  });
  tf.dispose([...stateCotangent]);
  return { gradient, stateCotangent: passed };
}

/** From the gradient in the weights that steps read to the one in the parameters. Takes it. */
function throughWeights(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  gradient: NamedTensors,
): tf.Tensor1D {
  const run = (): tf.Tensor[] => {
    const weights = rollout.weights(parameters);
    return Object.keys(gradient).map((name) => weights[name]!);
  };
  const { gradients } = vectorJacobian(run, [parameters], () => ({
    cotangents: Object.values(gradient),
    result: null,
  }));
  return gradients[0] as tf.Tensor1D;
}

/**
 * Backpropagation through time with gradient checkpointing: {@link backpropagate}, the steps run and
 * pulled back by a runner. The result equals `plainGradient`'s where all of it is carried; the peak is one
 * segment's activations, or those of one stretch of a step's blocks.
 */
export function checkpointedGradient<R>(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  lossGradient: LossGradient<R>,
  { segments, stretches, carried }: Recomputation,
  runner: Runner = eagerRunner,
): RolloutGradient<R> {
  return scoped(() => {
    const named = rollout.weights(parameters);
    const puller: Puller = { rollout, parameters: named, runner };
    const { result, gradient } = backpropagate(
      {
        length: rollout.length,
        initialState: rollout.initialState,
        forward: (state, step) => forwardStep(rollout, named, state, step, runner),
        zeroGradient: () =>
          Object.fromEntries(
            Object.entries(named).map(([name, weight]) => [name, tf.zerosLike(weight)]),
          ),
        pullBack: (open, ...others) => {
          const pulled =
            stretches && open.to - open.from === 1
              ? pullBackInStretches(puller, stretches, open, ...others)
              : pullBackSteps(puller, open, ...others);
          const isEnd = carried !== undefined && (rollout.length - open.from) % carried.every === 0;
          return isEnd ? dampened(pulled, carried.factor) : pulled;
        },
      },
      lossGradient,
      segments,
    );
    tf.dispose(named);
    return { result, gradient: throughWeights(rollout, parameters, gradient) };
  });
}
