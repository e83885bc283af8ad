import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../backend/scope.js';
import { isTaping, letGo, nodesBetween, recordTape, type TapeNode } from './tape.js';

/**
 * A scalar and its gradients, zeros for what it does not depend on (`tf.valueAndGrads` throws
 * there). Reverse mode as TensorFlow.js has it, but for memory: what an op saved, and the gradient in
 * its output, go as soon as they are used, where TensorFlow.js keeps both to the end.
 *
 * Within another call's `f`, for a gradient of a gradient, it is TensorFlow.js's own.
 *
 * @throws Error when an op on the way has no gradient
 */
export function valueAndGradients(
  f: () => tf.Scalar,
  xs: readonly tf.Tensor[],
): { value: tf.Scalar; gradients: tf.Tensor[] } {
  const { value, found } = isTaping() ? onOuterTape(f, xs) : onOwnTape(f, xs);
  return { value, gradients: xs.map((x, i) => found[i] ?? tf.zerosLike(x)) };
}

interface Found {
  readonly value: tf.Scalar;
  /** By place in xs; undefined where the value does not depend on one. */
  readonly found: readonly (tf.Tensor | undefined)[];
}

function onOuterTape(f: () => tf.Scalar, xs: readonly tf.Tensor[]): Found {
  const { value, grads } = tf.engine().gradients(f, [...xs], undefined, true);
  return { value, found: grads };
}

function onOwnTape(f: () => tf.Scalar, xs: readonly tf.Tensor[]): Found {
  return scoped(() => {
    const { value, tape } = recordTape(f);
    return { value, found: pullBack(tape, xs, [value], [tf.onesLike(value)]) };
  });
}

/** A loss by its gradient in what it is of. Called once, with no tape running. */
export type LossGradient<R> = (ys: readonly tf.Tensor[]) => {
  /** In the order of `ys`, tensors of its own; zeros for what the loss does not depend on. */
  readonly cotangents: readonly tf.Tensor[];
  /** What else it found, such as the loss's value: handed on as it is. */
  readonly result: R;
};

/**
 * The vector-Jacobian product of a function on a tape of its own: from cotangents of what it makes to
 * those of `xs`, zeros for what nothing depends on.
 *
 * @param f makes tensors of its own, which are let go before the way back
 * @param loss gives the cotangents, which are let go as they are used
 * @throws Error when an op on the way has no gradient
 */
export function vectorJacobian<R>(
  f: () => readonly tf.Tensor[],
  xs: readonly tf.Tensor[],
  loss: LossGradient<R>,
): { result: R; gradients: tf.Tensor[] } {
  return scoped(() => {
    const { value: ys, tape } = recordTape(() => [...f()]);
    try {
      const { result, cotangents } = loss(ys);
      tf.dispose(ys);
      const found = pullBack(tape, xs, ys, cotangents);
      return { result, gradients: xs.map((x, i) => found[i] ?? tf.zerosLike(x)) };
    } finally {
      for (const node of tape) letGo(node);
    }
  });
}

/** Goes back through a tape, and lets all of it go. Takes the cotangents. */
function pullBack(
  tape: readonly TapeNode[],
  xs: readonly tf.Tensor[],
  ys: readonly tf.Tensor[],
  seeds: readonly tf.Tensor[],
): (tf.Tensor | undefined)[] {
  try {
    const { nodes, dependent } = nodesBetween(tape, xs, ys);
    const used = new Set(nodes);
    for (const node of tape) if (!used.has(node)) letGo(node);
    const cotangents = new Map<number, tf.Tensor>();
    const add = (id: number, cotangent: tf.Tensor): void => {
      cotangents.set(id, sumInPlace(cotangents.get(id), cotangent));
    };
    ys.forEach(({ id }, i) => add(id, seeds[i]!));
    const own = new Set(xs.map(({ id }) => id));
    for (const node of [...nodes].reverse()) {
      const dys = node.outputs.map(({ id }) => cotangents.get(id) ?? null);
      const names = Object.keys(node.inputs).filter((name) => dependent.has(node.inputs[name]!.id));
      const dxs = inputCotangents(node, dys, names);
      letGo(node);
      names.forEach((name, i) => add(node.inputs[name]!.id, dxs[i]!));
      for (const { id } of node.outputs) {
        if (own.has(id)) continue;
        cotangents.get(id)?.dispose();
        cotangents.delete(id);
      }
    }
    return xs.map(({ id }) => cotangents.get(id));
  } finally {
    for (const node of tape) letGo(node);
  }
}

/** A node's vector-Jacobian product in the inputs of these names, each a handle of its own. */
function inputCotangents(
  { kernelName, gradient, inputs }: TapeNode,
  dys: readonly (tf.Tensor | null)[],
  names: readonly string[],
): tf.Tensor[] {
  if (gradient === undefined) throw new Error(`${kernelName} has no gradient`);
  return tf.tidy(() => {
    const functions = gradient(dys);
    const seen = new Set<tf.Tensor | null>(dys);
    return names.map((name) => {
      const make = functions[name];
      if (make === undefined) throw new Error(`${kernelName} has no gradient in ${name}`);
      const dx = make();
      const { shape } = inputs[name]!;
      if (dx.shape.join() !== shape.join()) {
        const [is, should] = [dx.shape.join(', '), shape.join(', ')];
        throw new Error(`${kernelName}: the gradient in ${name} is [${is}], not [${should}]`);
      }
      if (seen.has(dx)) return tf.clone(dx);
      seen.add(dx);
      return dx;
    });
  });
}

/** `sum + term` in place of both; `term` where there is no sum yet. */
export function sumInPlace<T extends tf.Tensor>(sum: T | undefined, term: T): T {
  if (!sum) return term;
  const total: T = tf.add(sum, term);
  tf.dispose([sum, term]);
  return total;
}
