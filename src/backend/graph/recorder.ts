import type * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../scope.js';
import type { NativeBackend, NativeBinding, NativeOpAttribute } from '../native.js';
import { assertSameRecording, checksGraphs, isCheckedHit } from './check.js';
import type { NamedTensors } from './named.js';
import {
  argumentName,
  edgeFrom,
  isPlain,
  typesIn,
  type Edge,
  type RecordedCall,
  type RecordedConstant,
  type RecordedFunction,
  type RecordedNode,
  type Recording,
} from './recording.js';

/** A function that was recorded within another, with what it takes to call it again. */
interface Callee {
  readonly made: RecordedFunction;
  /** Of its outputs, in order. */
  readonly names: readonly string[];
  readonly shapes: readonly (readonly number[])[];
  hits: number;
}

/** The recordings that are under way, the innermost last. */
const underWay: Recorder[] = [];

/**
 * Types that TensorFlow.js leaves out of an op: TensorFlow finds them by itself where it runs one at once, and not in a
 * function. Of those that it leaves any out of there is one.
 */
function leftOut(
  real: NativeBinding,
  op: string,
  [type]: readonly number[],
): readonly NativeOpAttribute[] {
  if (op !== 'ExpandDims') return [];
  return [
    { name: 'T', type: real.TF_ATTR_TYPE, value: type! },
    { name: 'Tdim', type: real.TF_ATTR_TYPE, value: real.TF_INT32 },
  ];
}

/** The recording that an op run now would enter, if one is under way. */
export const currentRecorder = (): Recorder | undefined => underWay.at(-1);

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
  const recorder = new Recorder(backend, backend.binding);
  return recorder.run(inputs, (i) => `input${i}`, f).recording;
}

class Recorder {
  readonly #backend: NativeBackend;
  /** The binding itself, also where this recording goes on within another. */
  readonly #real: NativeBinding;
  readonly #edges = new Map<number, Edge>();
  readonly #constants = new Map<string, RecordedConstant>();
  readonly #nodes: (RecordedNode | RecordedCall)[] = [];
  /** Names of nodes by what they compute. */
  readonly #known = new Map<string, string>();
  /** By what their callers call them; undefined within a function, which calls none. */
  readonly #callees: Map<string, Callee> | undefined;
  #lastCall: string | undefined;

  constructor(backend: NativeBackend, real: NativeBinding, within = false) {
    this.#backend = backend;
    this.#real = real;
    this.#callees = within ? undefined : new Map<string, Callee>();
  }

  /** The recording, and the shapes of its outputs. */
  run(
    tensors: readonly tf.Tensor[],
    inputName: (index: number) => string,
    f: (inputs: tf.Tensor[]) => readonly tf.Tensor[],
  ): { recording: Recording; shapes: readonly (readonly number[])[] } {
    const [backend, real] = [this.#backend, this.#real];
    const inputs = backend.getInputTensorIds(tensors).map((id, i) => {
      const { shape, dtype } = tensors[i]!;
      const type = dtype === 'int32' ? real.TF_INT32 : real.TF_FLOAT;
      const attribute = { name: 'T', type: real.TF_ATTR_TYPE, value: type };
      // A handle of its own: two inputs may share one, and are two inputs all the same.
      const [handle] = real.executeOp('Identity', [attribute], [id], 1);
      const name = inputName(i);
      this.#edges.set(handle!.id, name);
      return { name, shape, type, handle: handle! };
    });
    const outer = backend.binding;
    backend.binding = this.#recordingBinding();
    underWay.push(this);
    try {
      return scoped(() => {
        const own = inputs.map(({ handle }) => backend.createOutputTensor(handle));
        const results = f(own);
        const edges = backend.getInputTensorIds(results).map((id) => this.#edgeOf(id));
        return { recording: this.#recorded(inputs, edges), shapes: results.map((x) => x.shape) };
      });
    } finally {
      backend.binding = outer;
      underWay.pop();
    }
  }

  /**
   * Records a call of a function of named tensors, which itself is recorded at its first call. What
   * it returns has the right shapes and is stood in for by zeros. Calls are done in their order, each
   * when the one before has ended, so that they take the memory of one.
   *
   * @param id names the function, with the shapes of its inputs
   */
  call<O extends NamedTensors>(id: string, inputs: NamedTensors, f: (i: NamedTensors) => O): O {
    if (this.#callees === undefined) return f(inputs);
    const edges = this.#backend
      .getInputTensorIds(Object.values(inputs))
      .map((handle) => this.#edgeOf(handle));
    const known = this.#callees.get(id);
    if (known && checksGraphs() && isCheckedHit((known.hits += 1))) {
      const again = this.#define(inputs, f, this.#callees.size);
      assertSameRecording(
        id,
        { ...known.made, names: known.names },
        { ...again.made, names: again.names },
      );
    }
    const callee = known ?? this.#define(inputs, f, this.#callees.size);
    this.#callees.set(id, callee);
    const name = `call${this.#nodes.length}`;
    const after = this.#lastCall === undefined ? {} : { after: this.#lastCall };
    this.#nodes.push({ name, inputs: edges, callee: callee.made, ...after });
    this.#lastCall = name;
    const outputs = callee.names.map((key, i) => {
      const [shape, dtype] = [callee.shapes[i]!, callee.made.outputs[i]!.type];
      const size = shape.reduce((product, length) => product * length, 1);
      const zeros = dtype === this.#real.TF_INT32 ? new Int32Array(size) : new Float32Array(size);
      const handle = this.#real.createTensor(shape, dtype, zeros);
      this.#edges.set(handle, edgeFrom(name, i));
      return [key, this.#backend.createOutputTensor({ id: handle, shape, dtype })] as const;
    });
    return Object.fromEntries(outputs) as O;
  }

  #define(inputs: NamedTensors, f: (i: NamedTensors) => NamedTensors, index: number): Callee {
    const keys = Object.keys(inputs);
    let names: readonly string[] = [];
    const recorder = new Recorder(this.#backend, this.#real, true);
    const { recording, shapes } = recorder.run(Object.values(inputs), argumentName, (own) => {
      const result = f(Object.fromEntries(keys.map((key, i) => [key, own[i]!])));
      names = Object.keys(result);
      return Object.values(result);
    });
    if (!isPlain(recording)) throw new Error('a function within a recording calls none');
    const { constants, nodes, outputs } = recording;
    const types = recording.inputs.map(({ type }) => type);
    const made = { name: `function${index}`, types, constants, nodes, outputs };
    return { made, names, shapes, hits: 0 };
  }

  #recorded(inputs: Recording['inputs'], edges: readonly Edge[]): Recording {
    const own = { inputs, constants: [...this.#constants.values()], nodes: this.#nodes };
    const typeOf = typesIn(own);
    return {
      ...own,
      functions: [...(this.#callees?.values() ?? [])].map(({ made }) => made),
      outputs: edges.map((edge) => ({ edge, type: typeOf(edge) })),
    };
  }

  #edgeOf(id: number): Edge {
    const edge = this.#edges.get(id);
    if (edge !== undefined) return edge;
    throw new Error('a recorded function uses a tensor that is none of its inputs');
  }

  #recordingBinding(): NativeBinding {
    const real = this.#real;
    const executeOp: NativeBinding['executeOp'] = (op, attributes, inputIds, outputCount) => {
      if (/Random|Multinomial|TruncatedNormal/.test(op)) {
        throw new Error(`a recorded function draws at random (${op}): give it the numbers`);
      }
      // Looked up first: of what is refused nothing is computed that nobody would let go.
      const inputs = inputIds.map((id) => this.#edgeOf(id));
      const results = real.executeOp(op, attributes, inputIds, outputCount);
      // The same op on the same inputs is the same result: a discriminator judges a frame once for
      // the generator and once for itself.
      const key = JSON.stringify([op, inputs, attributes]);
      const name = this.#known.get(key) ?? `node${this.#nodes.length}`;
      if (!this.#known.has(key)) {
        this.#known.set(key, name);
        const types = results.map(({ dtype }) => dtype);
        const written = [...attributes, ...leftOut(real, op, types)];
        this.#nodes.push({ name, op, inputs, attributes: written, types });
      }
      results.forEach(({ id }, i) => this.#edges.set(id, edgeFrom(name, i)));
      return results;
    };
    const createTensor: NativeBinding['createTensor'] = (shape, type, values) => {
      const id = real.createTensor(shape, type, values);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
      const key = `${type} ${shape.join('x')} ${Buffer.from(bytes).toString('latin1')}`;
      const name = this.#constants.get(key)?.name ?? `constant${this.#constants.size}`;
      if (!this.#constants.has(key)) {
        this.#constants.set(key, { name, shape: [...shape], type, bytes });
      }
      this.#edges.set(id, name);
      return id;
    };
    const tensorDataSync = (): never => {
      throw new Error('a recorded function reads the numbers of a tensor');
    };
    // Defined, not assigned: the binding's properties are read-only, and that is inherited.
    return Object.create(real, {
      executeOp: { value: executeOp },
      createTensor: { value: createTensor },
      tensorDataSync: { value: tensorDataSync },
    }) as NativeBinding;
  }
}
