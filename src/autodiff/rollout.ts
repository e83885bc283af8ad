import * as tf from '@tensorflow/tfjs-core';
import {
  numbered,
  ordered,
  prefixed,
  withoutPrefix,
  type NamedTensors,
  type Runner,
} from '../backend/graph/index.js';
import type { Piece } from './backpropagate.js';
import { valueAndGradients } from './value-and-gradients.js';

/** What steps of a recurrent computation leave: the last state and the outputs on the way. */
export interface Stretch {
  readonly state: readonly tf.Tensor[];
  readonly outputs: readonly tf.Tensor[];
}

/**
 * A recurrent computation of `length` steps that can be run from any step on. Each is a pure function
 * of tensors: a recomputed step is the same step, and steps of one kind can be one recorded graph.
 */
export interface Rollout {
  readonly length: number;
  readonly initialState: readonly tf.Tensor[];
  /** The parameters as steps read them; differentiable. The calling scope owns them. */
  unflatten(parameters: tf.Tensor1D): NamedTensors;
  /** What step `t` reads besides parameters and state. The calling scope owns it. */
  given(t: number): NamedTensors;
  /** Steps of one kind compute the same from equal tensors. */
  kind(t: number): string;
  /** Step `t`, differentiable. Nothing but its tensors and constants may enter. */
  step(
    parameters: NamedTensors,
    state: readonly tf.Tensor[],
    given: NamedTensors,
    t: number,
  ): Stretch;
}

/** Steps `from` … `to` − 1 on the calling tape, if there is one. */
export function runSteps(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  first: readonly tf.Tensor[],
  from: number,
  to: number,
  given: (t: number) => NamedTensors = (t) => rollout.given(t),
): Stretch {
  const weights = rollout.unflatten(parameters);
  const outputs: tf.Tensor[] = [];
  let state = first;
  for (let t = from; t < to; t += 1) {
    const next = rollout.step(weights, state, given(t), t);
    outputs.push(...next.outputs);
    state = next.state;
  }
  return { state, outputs };
}

/** Step `t` by a runner, without a tape. The caller owns every tensor of it. */
export function forwardStep(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  state: readonly tf.Tensor[],
  t: number,
  runner: Runner,
): Stretch {
  const made = tf.tidy((): NamedTensors => {
    const given = prefixed('given.', rollout.given(t));
    const inputs = { parameters, ...numbered('state', state), ...given };
    return runner.call(`forward ${rollout.kind(t)}`, inputs, (tensors) => {
      const own = ordered('state', tensors);
      const weights = rollout.unflatten(tensors.parameters as tf.Tensor1D);
      const next = rollout.step(weights, own, withoutPrefix('given.', tensors), t);
      // Whoever runs the steps disposes of each tensor by itself.
      const seen = new Set<tf.Tensor>(own);
      const once = (tensor: tf.Tensor): tf.Tensor => {
        if (seen.has(tensor)) return tf.clone(tensor);
        seen.add(tensor);
        return tensor;
      };
      const [last, outputs] = [next.state.map(once), next.outputs.map(once)];
      return { ...numbered('state', last), ...numbered('output', outputs) };
    });
  });
  return { state: ordered('state', made), outputs: ordered('output', made) };
}

/**
 * The vector-Jacobian product of a piece by a runner, on a tape of its own: from cotangents of its
 * outputs and of its last state to those of the parameters and of its first state.
 *
 * @param stateCotangent null where nothing depends on the last state
 */
export function pullBackSteps(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  { from, to, state }: Piece,
  outputCotangents: readonly tf.Tensor[],
  stateCotangent: readonly tf.Tensor[] | null,
  runner: Runner,
): { gradient: tf.Tensor1D; stateCotangent: readonly tf.Tensor[] } {
  const steps = Array.from({ length: to - from }, (_, i) => i);
  const givenTo = (i: number): string => `given${i}.`;
  const made = tf.tidy((): NamedTensors => {
    const given = steps.map((i) => prefixed(givenTo(i), rollout.given(from + i)));
    const inputs: NamedTensors = {
      ...{ parameters, ...numbered('state', state) },
      ...numbered('cotangent', outputCotangents),
      ...(stateCotangent && numbered('last', stateCotangent)),
      ...(Object.assign({}, ...given) as NamedTensors),
    };
    const kinds = steps.map((i) => rollout.kind(from + i)).join(', ');
    return runner.call(`back ${kinds}`, inputs, (tensors) => {
      const flat = tensors.parameters as tf.Tensor1D;
      const first = ordered('state', tensors);
      const cotangents = ordered('cotangent', tensors);
      const last = ordered('last', tensors);
      // A scalar whose gradient is the product: ⟨outputs, cotangents⟩ + ⟨state, its cotangent⟩.
      const paired = (): tf.Scalar => {
        const own = (t: number): NamedTensors => withoutPrefix(givenTo(t - from), tensors);
        const stretch = runSteps(rollout, flat, first, from, to, own);
        const terms = stretch.outputs.map((output, i) => inner(output, cotangents[i]!));
        terms.push(...last.map((cotangent, i) => inner(stretch.state[i]!, cotangent)));
        return tf.addN(terms);
      };
      const [gradient, ...rest] = valueAndGradients(paired, [flat, ...first]).gradients;
      return { gradient: gradient!, ...numbered('state', rest) };
    });
  });
  return { gradient: made.gradient as tf.Tensor1D, stateCotangent: ordered('state', made) };
}

const inner = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.sum(tf.mul(a, b));
