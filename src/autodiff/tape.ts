import * as tf from '@tensorflow/tfjs-core';

/** One op of TensorFlow.js's tape. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  /** From the outputs' cotangents, null where nothing depends on one, to those of the inputs. */
  readonly gradient?: (
    dys: readonly (tf.Tensor | null)[],
  ) => Readonly<Record<string, () => tf.Tensor>>;
  /** Handles of what the gradient reads, of the tape's own. */
  readonly saved?: tf.Tensor[];
}

/** What of TensorFlow.js's engine is no part of its types. */
interface TapingEngine {
  readonly state: { activeTape: TapeNode[] | null; readonly gradientDepth: number };
  startTape(): void;
  endTape(): void;
}

const taping = (): TapingEngine => tf.engine() as unknown as TapingEngine;

/**
 * Kernels whose gradients read nothing but the shapes of what TensorFlow.js saves for them. Kept, it
 * was a quarter of a frame's activations.
 */
const SHAPES_ALONE: ReadonlySet<string> = new Set([
  ...['Add', 'AddN', 'Sub', 'Sum', 'Mean'],
  ...['Concat', 'ExpandDims', 'Pack', 'PadV2', 'Reshape', 'Slice'],
]);

/** What is left of a tensor whose shape alone is asked for. */
const shapeOf = ({ shape, rank, size, dtype }: tf.Tensor): tf.Tensor =>
  ({ shape, rank, size, dtype, dispose: () => undefined }) as unknown as tf.Tensor;

/** A tape that lets go at once of what no gradient reads. */
class ThriftyTape extends Array<TapeNode> {
  override push(...nodes: TapeNode[]): number {
    for (const { kernelName, saved } of nodes) {
      if (!saved || !SHAPES_ALONE.has(kernelName)) continue;
      // In place: the node's gradient function holds this very list.
      saved.forEach((tensor, i) => {
        saved[i] = shapeOf(tensor);
        tensor.dispose();
      });
    }
    return super.push(...nodes);
  }
}

/** Is a tape running? One that is begun now would be a tape on a tape. */
export const isTaping = (): boolean => taping().state.gradientDepth > 0;

/**
 * Runs `f` on a tape of its own, which must not be begun while another is running.
 * @returns the value, and the tape: whoever takes it must let go of what its nodes saved
 */
export function recordTape<T extends tf.Tensor | tf.Tensor[]>(
  f: () => T,
): { value: T; tape: TapeNode[] } {
  const engine = taping();
  engine.startTape();
  const tape = new ThriftyTape();
  engine.state.activeTape = tape;
  try {
    return { value: tf.tidy(f), tape };
  } catch (error) {
    tape.forEach(letGo);
    throw error;
  } finally {
    engine.endTape();
    engine.state.activeTape = null;
  }
}

/** Disposes of what a node saved; again, it does nothing. */
export const letGo = ({ saved }: TapeNode): void => {
  for (const tensor of saved ?? []) tensor.dispose();
};

/** The nodes on a way from one of `xs` to one of `ys`, in order. */
export function nodesBetween(
  tape: readonly TapeNode[],
  xs: readonly tf.Tensor[],
  ys: readonly tf.Tensor[],
): { nodes: TapeNode[]; dependent: ReadonlySet<number> } {
  const dependent = new Set(xs.map(({ id }) => id));
  const after = tape.filter(({ inputs, outputs }) => {
    const reached = Object.values(inputs).some(({ id }) => dependent.has(id));
    if (reached) for (const { id } of outputs) dependent.add(id);
    return reached;
  });
  const wanted = new Set(ys.map(({ id }) => id));
  const nodes = after.reverse().filter(({ inputs, outputs }) => {
    const leads = outputs.some(({ id }) => wanted.has(id));
    if (leads) for (const { id } of Object.values(inputs)) wanted.add(id);
    return leads;
  });
  return { nodes: nodes.reverse(), dependent };
}
