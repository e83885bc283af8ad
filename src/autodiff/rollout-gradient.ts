import * as tf from '@tensorflow/tfjs-core';

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

/**
 * A scalar and its gradients, zeros for what it does not depend on (`tf.valueAndGrads` throws
 * there).
 */
export function valueAndGradients(
  f: () => tf.Scalar,
  xs: readonly tf.Tensor[],
): { value: tf.Scalar; gradients: tf.Tensor[] } {
  const { value, grads } = tf.engine().gradients(f, [...xs], undefined, true);
  const found: readonly (tf.Tensor | undefined)[] = grads;
  return { value, gradients: found.map((grad, i) => grad ?? tf.zerosLike(xs[i]!)) };
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
 * Backpropagation through time with gradient checkpointing (Chen et al. 2016, arXiv 1604.06174):
 * run forward without a tape and keep only the states at the borders of the segments; take the
 * loss's gradient at each output; then go through the segments backwards, recomputing each on a
 * tape of its own, the loss's cotangents added to that of the state. The result equals
 * `plainGradient`'s; the peak is one segment's activations. Tapes are never nested, because a
 * nested one ends the outer one in TensorFlow.js.
 *
 * @param segments lengths of the segments, first to last; they add up to `rollout.length`
 */
export function checkpointedGradient(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  loss: RolloutLoss,
  segments: readonly number[],
): RolloutGradient {
  if (segments.reduce((sum, length) => sum + length, 0) !== rollout.length) {
    throw new Error(`segments ${segments.join(' + ')} do not make ${rollout.length} steps`);
  }
  return tf.tidy(() => {
    const borders: {
      from: number;
      to: number;
      state: readonly tf.Tensor[];
      firstOutput: number;
    }[] = [];
    const outputs: tf.Tensor[] = [];
    let state = rollout.initialState;
    let from = 0;
    for (const length of segments) {
      const to = from + length;
      borders.push({ from, to, state, firstOutput: outputs.length });
      const stretch = runDetached(rollout, parameters, state, from, to);
      state = stretch.state;
      outputs.push(...stretch.outputs);
      from = to;
    }

    const { value, gradients: cotangents } = valueAndGradients(() => loss(outputs), outputs);

    let gradient: tf.Tensor1D | null = null;
    let stateCotangent: readonly tf.Tensor[] | null = null;
    for (let i = borders.length - 1; i >= 0; i -= 1) {
      const segment = borders[i]!;
      const end = borders[i + 1]?.firstOutput ?? outputs.length;
      const pulled = pullBack(
        rollout,
        parameters,
        segment,
        cotangents.slice(segment.firstOutput, end),
        stateCotangent,
      );
      const own = pulled[0] as tf.Tensor1D;
      const sum: tf.Tensor1D = gradient === null ? own : tf.add(gradient, own);
      gradient?.dispose();
      stateCotangent?.forEach((tensor) => tensor.dispose());
      if (sum !== own) own.dispose();
      gradient = sum;
      stateCotangent = pulled.slice(1);
    }
    return { loss: value, gradient: gradient!, outputs };
  });
}

function runDetached(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  state: readonly tf.Tensor[],
  from: number,
  to: number,
): Stretch {
  const count = state.length;
  const all = tf.tidy(() => {
    const stretch = rollout.run(parameters, state, from, to);
    return [...stretch.state, ...stretch.outputs];
  });
  return { state: all.slice(0, count), outputs: all.slice(count) };
}

/**
 * The vector-Jacobian product of one segment: cotangents of its outputs and of its last state to
 * those of the parameters and of its first state, in this order.
 */
function pullBack(
  rollout: Rollout,
  parameters: tf.Tensor1D,
  segment: { from: number; to: number; state: readonly tf.Tensor[] },
  outputCotangents: readonly tf.Tensor[],
  stateCotangent: readonly tf.Tensor[] | null,
): tf.Tensor[] {
  // A scalar whose gradient is the product: ⟨outputs, cotangents⟩ + ⟨state, its cotangent⟩.
  const paired = (): tf.Scalar => {
    const stretch = rollout.run(parameters, segment.state, segment.from, segment.to);
    const terms = stretch.outputs.map((output, i) => inner(output, outputCotangents[i]!));
    if (stateCotangent) {
      terms.push(...stretch.state.map((tensor, i) => inner(tensor, stateCotangent[i]!)));
    }
    return tf.addN(terms);
  };
  return valueAndGradients(paired, [parameters, ...segment.state]).gradients;
}

const inner = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.sum(tf.mul(a, b));

/** `length` steps in segments of at most `every`; the shorter one, if any, comes first. */
export function evenSegments(length: number, every: number): number[] {
  const rest = length % every;
  return [
    ...(rest > 0 ? [rest] : []),
    ...Array.from({ length: Math.floor(length / every) }, () => every),
  ];
}
