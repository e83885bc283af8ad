import type * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../scope.js';
import type { NativeBackend, NativeBinding, NativeOpAttribute } from '../native.js';

/** An output of a node by the node's name and the output's number, as TensorFlow writes it. */
export type Edge = string;

export const edgeFrom = (node: string, output: number): Edge =>
  output === 0 ? node : `${node}:${output}`;
export const producerOf = (edge: Edge): string => edge.split(':', 1)[0]!;
export const outputOf = (edge: Edge): number => Number(edge.split(':')[1] ?? 0);

export interface TypedEdge {
  readonly edge: Edge;
  /** TensorFlow's number of the type. */
  readonly type: number;
}

export interface RecordedNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Edge[];
  readonly attributes: readonly NativeOpAttribute[];
  /** TensorFlow's numbers of its outputs' types. */
  readonly types: readonly number[];
}

export interface RecordedConstant {
  readonly name: string;
  readonly shape: readonly number[];
  /** TensorFlow's number of the type. */
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** The ops that a function ran, as a graph of its inputs. */
export interface Recording {
  readonly inputs: readonly { name: string; shape: readonly number[]; type: number }[];
  readonly constants: readonly RecordedConstant[];
  /** In the order they ran, which is a topological one. */
  readonly nodes: readonly RecordedNode[];
  readonly outputs: readonly TypedEdge[];
  /** TensorFlow's number of an edge's type. */
  readonly typeOf: (edge: Edge) => number;
}

/**
 * Runs `f` once on the native backend and records every op, with everything that JavaScript brought
 * in as a constant. Tensors that `f` makes are disposed of.
 *
 * @throws Error when `f` draws at random, reads a tensor's numbers, or uses one that was computed outside of it and is
 *   none of its inputs: the recording would be right for this call alone
 */
export function record(
  backend: NativeBackend,
  inputs: readonly tf.Tensor[],
  f: (inputs: tf.Tensor[]) => readonly tf.Tensor[],
): Recording {
  const real = backend.binding;
  const edges = new Map<number, Edge>();
  const constants = new Map<string, RecordedConstant>();
  const nodes: RecordedNode[] = [];
  const known = new Map<string, string>();

  const ids = backend.getInputTensorIds(inputs);
  const placeholders = inputs.map(({ shape, dtype }, i) => {
    const type = dtype === 'int32' ? real.TF_INT32 : real.TF_FLOAT;
    const attribute = { name: 'T', type: real.TF_ATTR_TYPE, value: type };
    // A handle of its own: two inputs may share one, and are two inputs all the same.
    const [handle] = real.executeOp('Identity', [attribute], [ids[i]!], 1);
    const name = `input${i}`;
    edges.set(handle!.id, name);
    return { name, shape, type, handle: handle! };
  });
  const edgeOf = (id: number): Edge => {
    const edge = edges.get(id);
    if (edge !== undefined) return edge;
    throw new Error('a recorded function uses a tensor that is none of its inputs');
  };

  const executeOp: NativeBinding['executeOp'] = (op, attributes, inputIds, outputCount) => {
    if (/Random|Multinomial|TruncatedNormal/.test(op)) {
      throw new Error(`a recorded function draws at random (${op}): give it the numbers`);
    }
    const results = real.executeOp(op, attributes, inputIds, outputCount);
    const inputs = inputIds.map(edgeOf);
    // The same op on the same inputs is the same result: a discriminator judges a frame once for
    // the generator and once for itself.
    const key = JSON.stringify([op, inputs, attributes]);
    const name = known.get(key) ?? `node${nodes.length}`;
    if (!known.has(key)) {
      known.set(key, name);
      nodes.push({ name, op, inputs, attributes, types: results.map(({ dtype }) => dtype) });
    }
    results.forEach(({ id }, i) => edges.set(id, edgeFrom(name, i)));
    return results;
  };
  const createTensor: NativeBinding['createTensor'] = (shape, type, values) => {
    const id = real.createTensor(shape, type, values);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    const key = `${type} ${shape.join('x')} ${Buffer.from(bytes).toString('latin1')}`;
    const name = constants.get(key)?.name ?? `constant${constants.size}`;
    if (!constants.has(key)) constants.set(key, { name, shape: [...shape], type, bytes });
    edges.set(id, name);
    return id;
  };
  const tensorDataSync = (): never => {
    throw new Error('a recorded function reads the numbers of a tensor');
  };
  // Defined, not assigned: the binding's properties are read-only, and that is inherited.
  backend.binding = Object.create(real, {
    executeOp: { value: executeOp },
    createTensor: { value: createTensor },
    tensorDataSync: { value: tensorDataSync },
  }) as NativeBinding;
  try {
    return scoped(() => {
      const own = placeholders.map(({ handle }) => backend.createOutputTensor(handle));
      const outputs = backend.getInputTensorIds(f(own)).map(edgeOf);
      return recordingOf(placeholders, [...constants.values()], nodes, outputs);
    });
  } finally {
    backend.binding = real;
  }
}

function recordingOf(
  inputs: Recording['inputs'],
  constants: readonly RecordedConstant[],
  nodes: readonly RecordedNode[],
  outputs: readonly Edge[],
): Recording {
  const types = new Map<string, readonly number[]>([
    ...[...inputs, ...constants].map(({ name, type }) => [name, [type]] as const),
    ...nodes.map(({ name, types: own }) => [name, own] as const),
  ]);
  const typeOf = (edge: Edge): number => types.get(producerOf(edge))![outputOf(edge)]!;
  const typed = outputs.map((edge) => ({ edge, type: typeOf(edge) }));
  return { inputs, constants, nodes, outputs: typed, typeOf };
}
