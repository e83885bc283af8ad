import { FrameloomError } from '../base/error.js';
import type { Edge, FloatType, OnnxGraph, OnnxValues } from './graph.js';
import { Dimension, type TraceSize } from './trace/dimension.js';
import type { SymbolicAttribute, SymbolicCall, SymbolicValue } from './trace/symbolic.js';
import type { Target } from './targets.js';

/** Writes what one kernel call computes, with `set` for its output. */
export type KernelWriter = (writer: Writer, call: SymbolicCall) => void;

export interface WriterOptions {
  readonly kernels: Readonly<Record<string, KernelWriter>>;
  /** Numbers of everything that is given and constant, in TensorFlow.js's layout. */
  readonly constants: Readonly<Record<string, Float32Array>>;
  /** Edges of what is given and no constant, float32. */
  readonly given: Readonly<Record<string, Edge>>;
  /** What the layers between the inputs and the heads are computed in. */
  readonly deep: FloatType;
  /** What is to run the file. */
  readonly target: Target;
  /** The one size that the file is for; null leaves it open. */
  readonly fixed: TraceSize | null;
}

interface Written {
  readonly edge: Edge;
  readonly type: FloatType;
}

/**
 * Turns traced kernel calls into ONNX nodes: only those that something asks for. A tensor of four
 * axes lies in the order of ONNX's convolutions, NCHW, though the trace has NHWC.
 */
export class Writer {
  readonly graph: OnnxGraph;
  readonly deep: FloatType;
  readonly target: Target;
  readonly #options: WriterOptions;
  readonly #written = new Map<number, Written>();

  constructor(graph: OnnxGraph, options: WriterOptions) {
    this.graph = graph;
    this.deep = options.deep;
    this.target = options.target;
    this.#options = options;
  }

  /** Says where a value is to be found. */
  set(value: SymbolicValue, edge: Edge, type: FloatType = 'float32'): void {
    this.#written.set(value.id, { edge, type });
  }

  /** The edge that carries a value, of this type. */
  edge(value: SymbolicValue, type: FloatType = 'float32'): Edge {
    const constant = this.constantOf(value);
    if (constant) {
      if (constant.shape.length > 1) throw new Error('a constant of several axes is no operand');
      return this.graph.constant(constant.values, constant.shape, { type, name: nameOf(value) });
    }
    const written = this.#find(value);
    return written.type === type ? written.edge : this.graph.cast(written.edge, type);
  }

  /** What a value is computed in; null for constants, which come in any. */
  typeOf(value: SymbolicValue): FloatType | null {
    return this.constantOf(value) ? null : this.#find(value).type;
  }

  /** A size where the file is for one alone. */
  known(size: Dimension): number | undefined {
    const { fixed } = this.#options;
    return size.constant ?? (fixed ? size.at(fixed) : undefined);
  }

  #find(value: SymbolicValue): Written {
    const known = this.#written.get(value.id);
    if (known) return known;
    const { source } = value;
    if (source.kind === 'given') this.set(value, this.#options.given[source.name]!);
    if (source.kind === 'call') {
      const write = this.#options.kernels[source.call.kernel];
      if (!write) throw notExported(`the kernel ${source.call.kernel}`);
      write(this, source.call);
    }
    const made = this.#written.get(value.id);
    if (!made) throw new Error(`value ${value.id} was not written`);
    return made;
  }

  /** The numbers of a parameter or constant. */
  constantOf(value: SymbolicValue): { values: OnnxValues; shape: readonly number[] } | undefined {
    const { source } = value;
    const shape = value.shape.map((size) => size.constant);
    if (!shape.every((size) => size !== undefined)) return undefined;
    if (source.kind === 'constant') return { values: source.values, shape };
    const values = source.kind === 'given' ? this.#options.constants[source.name] : undefined;
    return values && { values, shape };
  }
}

/** What a parameter is called. */
export const nameOf = ({ source }: SymbolicValue): string | undefined =>
  source.kind === 'given' ? source.name : undefined;

/** The error for what no generator runs, which an exporter of this version cannot write. */
export const notExported = (what: string): FrameloomError =>
  new FrameloomError('backend', `${what} has no counterpart in ONNX yet`, {
    hint: 'add it to src/export/trace/kernel-shapes.ts and src/export/writers',
  });

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
