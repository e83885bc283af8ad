import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../../base/error.js';
import { KERNEL_SHAPES, type KernelShape, type TensorMeta } from './kernel-shapes.js';

/** Where a traced tensor comes from. */
export type TraceSource =
  /** Something that is given from outside, by name. */
  | { readonly kind: 'given'; readonly name: string }
  /** Numbers that JavaScript brought in. */
  | { readonly kind: 'constant'; readonly values: Float32Array | Int32Array | Uint8Array }
  | { readonly kind: 'call'; readonly call: number; readonly output: number };

export interface TraceValue extends TensorMeta {
  readonly source: TraceSource;
}

/** One kernel that ran. Values are numbered in the order they were made. */
export interface TraceCall {
  readonly kernel: string;
  /** Of a list of tensors the names are '0', '1' … */
  readonly inputs: Readonly<Record<string, number>>;
  /** In the form that `kernel-shapes.ts` says. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly outputs: readonly number[];
}

/** The kernels that a function ran, in order, with no number computed. */
export interface Trace {
  readonly values: readonly TraceValue[];
  readonly calls: readonly TraceCall[];
  readonly outputs: Readonly<Record<string, number>>;
}

/** A tensor that stands for something given from outside. */
export type Give = <R extends tf.Rank>(name: string, shape: readonly number[]) => tf.Tensor<R>;

const BACKEND = 'frameloom-trace';
const GIVE = 'FrameloomExportGiven';

/** A TensorFlow.js backend whose kernels compute nothing: each notes that it was called. */
class TraceBackend extends tf.KernelBackend {
  values: TraceValue[] = [];
  calls: TraceCall[] = [];
  #numberOf = new Map<object, { value: number; references: number }>();

  begin(): void {
    this.values = [];
    this.calls = [];
    this.#numberOf = new Map();
  }

  idOf(dataId: object): number {
    const found = this.#numberOf.get(dataId);
    if (found) return found.value;
    throw new FrameloomError('backend', 'the network uses a tensor of another computation', {
      hint: 'an exported network may use only its parameters, its inputs and what it makes itself',
    });
  }

  add(value: TraceValue): tf.TensorInfo {
    const dataId = {};
    this.#numberOf.set(dataId, { value: this.values.length, references: 1 });
    this.values.push(value);
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  run(kernel: string, shape: KernelShape, inputs: tf.NamedTensorInfoMap, attributes: object) {
    const given = Object.entries(inputs as Readonly<Record<string, tf.TensorInfo | undefined>>)
      .filter((entry): entry is [string, tf.TensorInfo] => entry[1] !== undefined)
      // Null, too, says that an optional input is left out.
      .filter(([, tensor]) => (tensor as tf.TensorInfo | null) !== null);
    const { outputs, attributes: own } = shape(
      Object.fromEntries(given),
      attributes as Readonly<Record<string, unknown>>,
    );
    const call = this.calls.length;
    const infos = outputs.map((meta, output) =>
      this.add({ ...meta, source: { kind: 'call', call, output } }),
    );
    this.calls.push({
      kernel,
      inputs: Object.fromEntries(given.map(([name, tensor]) => [name, this.idOf(tensor.dataId)])),
      attributes: own ?? {},
      outputs: infos.map(({ dataId }) => this.idOf(dataId)),
    });
    return infos;
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const data = values as Float32Array | Int32Array | Uint8Array;
    return this.add({ shape, dtype, source: { kind: 'constant', values: data.slice() } }).dataId;
  }

  override numDataIds(): number {
    return this.#numberOf.size;
  }

  override refCount(dataId: object): number {
    return this.#numberOf.get(dataId)?.references ?? 0;
  }

  override incRef(dataId: object): void {
    const found = this.#numberOf.get(dataId);
    if (found) found.references += 1;
  }

  override disposeData(dataId: object, force = false): boolean {
    const found = this.#numberOf.get(dataId);
    if (!found) return true;
    found.references -= 1;
    if (found.references > 0 && !force) return false;
    this.#numberOf.delete(dataId);
    return true;
  }

  override readSync(): never {
    throw new FrameloomError('backend', 'the network reads the numbers of a tensor', {
      hint: 'what depends on numbers of a frame cannot be written as a graph',
    });
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }
}

let instance: TraceBackend | undefined;

function backend(): TraceBackend {
  if (instance) return instance;
  const made = new TraceBackend();
  for (const [kernelName, shape] of Object.entries(KERNEL_SHAPES)) {
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: ({ inputs, attrs }) => {
        const outputs = made.run(kernelName, shape, inputs, attrs ?? {});
        return outputs.length === 1 ? outputs[0]! : outputs;
      },
    });
  }
  tf.registerKernel({
    kernelName: GIVE,
    backendName: BACKEND,
    kernelFunc: ({ attrs }) => {
      const { name, shape } = attrs as unknown as { name: string; shape: number[] };
      return made.add({ shape, dtype: 'float32', source: { kind: 'given', name } });
    },
  });
  // The lowest priority: never what TensorFlow.js chooses by itself.
  tf.registerBackend(BACKEND, () => made, 0);
  instance = made;
  return made;
}

const give: Give = <R extends tf.Rank>(name: string, shape: readonly number[]) =>
  tf.engine().runKernel<tf.Tensor<R>>(GIVE, {}, { name, shape: [...shape] });

/**
 * Runs `f` on a backend that computes nothing and notes every kernel. Synchronous: nothing else can
 * run on that backend meanwhile, and the present one is put back.
 *
 * @throws FrameloomError backend when `f` runs a kernel that cannot be exported, naming it, or reads
 *   a tensor's numbers
 */
export function traceKernels(f: (give: Give) => Readonly<Record<string, tf.Tensor>>): Trace {
  const tracer = backend();
  const before = tf.getBackend() as string | undefined;
  if (before === undefined) throw new Error('useBackend must have been called');
  // The backend is set when the call returns; the promise is for those that load something.
  void tf.setBackend(BACKEND);
  tracer.begin();
  let outputs: Record<string, number> = {};
  try {
    tf.tidy(() => {
      outputs = Object.fromEntries(
        Object.entries(f(give)).map(([name, tensor]) => [name, tracer.idOf(tensor.dataId)]),
      );
    });
    return { values: tracer.values, calls: tracer.calls, outputs };
  } catch (error) {
    const missing = /^Kernel '(.+)' not registered/.exec(
      error instanceof Error ? error.message : '',
    );
    if (!missing) throw error;
    throw new FrameloomError('backend', `the kernel ${missing[1]} has no counterpart in ONNX yet`, {
      hint: 'add it to src/export/trace/kernel-shapes.ts and src/export/writers',
      cause: error,
    });
  } finally {
    tracer.begin();
    void tf.setBackend(before);
  }
}
