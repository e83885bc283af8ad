import { FrameloomError } from '../base/error.js';
import { TensorProto_DataType as DataType } from './format/onnx_pb.js';
import type { Edge, OnnxGraph, OnnxValues } from './graph.js';
import { Dimension, type Monomial } from './trace/dimension.js';
import type { SymbolicAttribute, SymbolicCall, SymbolicValue } from './trace/symbolic.js';

/**
 * How a tensor of four axes lies: `plain` as TensorFlow.js has it (NHWC), `planar` as ONNX's
 * convolutions want it (NCHW). Tensors of other ranks are only plain.
 */
export type Layout = 'plain' | 'planar';

const TO_PLANAR = [0, 3, 1, 2];
const TO_PLAIN = [0, 2, 3, 1];

/** Writes what one kernel call computes, with `set` for each output that was asked for. */
export type KernelWriter = (writer: Writer, call: SymbolicCall, wanted: number) => void;

export interface WriterOptions {
  readonly kernels: Readonly<Record<string, KernelWriter>>;
  /** Numbers of everything that is given and constant, in TensorFlow.js's layout. */
  readonly constants: Readonly<Record<string, Float32Array>>;
  /** Edges of what is given and no constant. */
  readonly given: Readonly<Record<string, { edge: Edge; layout: Layout }>>;
  /** The sizes of the input at run time, each one int64 in a list of one. */
  readonly sizes: Readonly<Record<Monomial[number], () => Edge>>;
}

/** Numbers of a tensor with its axes in another order. */
export function transposed<T extends OnnxValues>(
  values: T,
  shape: readonly number[],
  perm: readonly number[],
): T {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const out = values.slice() as T;
  const target = perm.map((axis) => shape[axis]!);
  const index = target.map(() => 0);
  for (let i = 0; i < out.length; i += 1) {
    const from = index.reduce((sum, at, axis) => sum + at * strides[perm[axis]!]!, 0);
    out[i] = values[from]!;
    for (let axis = target.length - 1; axis >= 0; axis -= 1) {
      index[axis]! += 1;
      if (index[axis]! < target[axis]!) break;
      index[axis] = 0;
    }
  }
  return out;
}

/** Turns traced kernel calls into ONNX nodes: only those that something asks for. */
export class Writer {
  readonly graph: OnnxGraph;
  readonly #options: WriterOptions;
  readonly #views = new Map<string, Edge>();
  readonly #native = new Map<number, Layout>();

  constructor(graph: OnnxGraph, options: WriterOptions) {
    this.graph = graph;
    this.#options = options;
  }

  /** Says where a value is to be found. */
  set(value: SymbolicValue, edge: Edge, layout: Layout = 'plain'): void {
    if (!this.#native.has(value.id)) this.#native.set(value.id, layout);
    this.#views.set(`${value.id} ${layout}`, edge);
  }

  /** The layout that a value comes in without being moved; null for constants, which come in any. */
  layoutOf(value: SymbolicValue): Layout | null {
    if (this.constantOf(value)) return null;
    this.#materialize(value);
    return this.#native.get(value.id)!;
  }

  /** The edge that carries a value in a layout. */
  edge(value: SymbolicValue, layout: Layout = 'plain'): Edge {
    const key = `${value.id} ${layout}`;
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const made = this.#constantEdge(value, layout) ?? this.#computedEdge(value, layout);
    this.#views.set(key, made);
    return made;
  }

  #computedEdge(value: SymbolicValue, layout: Layout): Edge {
    this.#materialize(value);
    const found = this.#views.get(`${value.id} ${layout}`);
    if (found !== undefined) return found;
    const other = this.#views.get(`${value.id} ${layout === 'plain' ? 'planar' : 'plain'}`);
    if (other === undefined) throw new Error(`value ${value.id} was not written`);
    return this.graph.node('Transpose', [other], {
      perm: { ints: layout === 'planar' ? TO_PLANAR : TO_PLAIN },
    });
  }

  #materialize(value: SymbolicValue): void {
    if (this.#native.has(value.id)) return;
    const { source } = value;
    if (source.kind === 'given') {
      const { edge, layout } = this.#options.given[source.name]!;
      this.set(value, edge, layout);
    } else if (source.kind === 'filled') {
      this.set(value, this.filled(source.value, value.shape, value.dtype));
    } else if (source.kind === 'call') {
      const write = this.#options.kernels[source.call.kernel];
      if (!write) {
        throw new FrameloomError(
          'backend',
          `the kernel ${source.call.kernel} has no counterpart in ONNX yet`,
          { hint: 'add it to src/export/writers' },
        );
      }
      write(this, source.call, source.output);
    }
  }

  /** The numbers of a parameter or constant of fixed size. */
  constantOf(value: SymbolicValue): { values: OnnxValues; shape: readonly number[] } | undefined {
    const { source } = value;
    const shape = value.shape.map((size) => size.constant);
    if (!shape.every((size) => size !== undefined)) return undefined;
    if (source.kind === 'constant') return { values: source.values, shape };
    const values = source.kind === 'given' ? this.#options.constants[source.name] : undefined;
    return values && { values, shape };
  }

  #constantEdge(value: SymbolicValue, layout: Layout): Edge | undefined {
    const found = this.constantOf(value);
    if (!found) return undefined;
    const { values, shape } = found;
    const name = value.source.kind === 'given' ? value.source.name : undefined;
    if (layout === 'plain') return this.graph.constant(values, shape, name);
    return this.graph.constant(
      transposed(values, shape, TO_PLANAR),
      TO_PLANAR.map((axis) => shape[axis]!),
      name,
    );
  }

  /** One number everywhere. */
  filled(value: Dimension, shape: readonly Dimension[], dtype: string): Edge {
    const scalar = this.scalar(value, dtype);
    return shape.length === 0 ? scalar : this.graph.node('Expand', [scalar, this.shape(shape)]);
  }

  /** A number as a tensor without axes, of a TensorFlow.js type. */
  scalar(value: Dimension, dtype: string): Edge {
    const known = value.constant;
    if (known !== undefined) {
      if (dtype === 'int32') return this.graph.constant(Int32Array.of(known), []);
      if (dtype === 'bool') return this.graph.constant(Uint8Array.of(known), []);
      return this.graph.float(known);
    }
    const to = { int: dtype === 'int32' ? DataType.INT32 : DataType.FLOAT };
    const cast = this.graph.node('Cast', [this.dimension(value)], { to });
    return this.graph.node('Reshape', [cast, this.graph.integers([])]);
  }

  /** A size at run time, int64 [1]. */
  dimension(value: Dimension): Edge {
    const known = value.constant;
    if (known !== undefined) return this.graph.integers([known]);
    const terms = value.terms.map(({ factor, of }) => {
      const sizes = of.map((name) => this.#options.sizes[name]());
      const factors = factor === 1 && sizes.length > 0 ? [] : [this.graph.integers([factor])];
      return [...sizes, ...factors].reduce((a, b) => this.graph.node('Mul', [a, b]));
    });
    return terms.reduce((a, b) => this.graph.node('Add', [a, b]));
  }

  /** A list of sizes at run time, int64. */
  shape(sizes: readonly Dimension[]): Edge {
    const known = sizes.map((size) => size.constant);
    if (known.every((size) => size !== undefined)) return this.graph.integers(known);
    return this.graph.node(
      'Concat',
      sizes.map((size) => this.dimension(size)),
      { axis: { int: 0 } },
    );
  }

  /** The target of an ONNX Reshape: one unknown size may be left to it. */
  reshape(edge: Edge, sizes: readonly Dimension[]): Edge {
    const known = sizes.map((size) => size.constant);
    const open = known.filter((size) => size === undefined).length;
    const target =
      open <= 1 ? this.graph.integers(known.map((size) => size ?? -1)) : this.shape(sizes);
    return this.graph.node('Reshape', [edge, target]);
  }
}

/** An attribute that must be the same number at every size. */
export function numberOf(value: SymbolicAttribute | undefined, what: string): number {
  const number = value instanceof Dimension ? value.constant : undefined;
  if (number !== undefined) return number;
  throw new FrameloomError(
    'backend',
    `${what} depends on the size of the frame, which cannot be exported`,
  );
}

export const numbersOf = (value: SymbolicAttribute | undefined, what: string): number[] =>
  (value as readonly SymbolicAttribute[]).map((one) => numberOf(one, what));

/** An attribute of sizes. @throws FrameloomError backend when one is no function of the size */
export function sizesOf(value: SymbolicAttribute | undefined, what: string): Dimension[] {
  return (value as readonly SymbolicAttribute[]).map((one) => {
    if (one instanceof Dimension) return one;
    throw new FrameloomError('backend', `${what} cannot be computed from the size of the frame`);
  });
}

/** An input that every call of this kernel has. */
export function inputOf(call: SymbolicCall, name: string): SymbolicValue {
  const found = call.inputs[name];
  if (!found) throw new Error(`${call.kernel} without its input ${name}`);
  return found;
}

/** The call that made a value, when it is of this kernel. */
export function madeBy(value: SymbolicValue | undefined, kernel: string): SymbolicCall | undefined {
  return value?.source.kind === 'call' && value.source.call.kernel === kernel
    ? value.source.call
    : undefined;
}
