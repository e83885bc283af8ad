import type * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../../base/error.js';
import { traceKernels, type Give, type Trace, type TraceValue } from './backend.js';
import { Dimension, TRACE_SIZES, type TraceSize } from './dimension.js';

/** A traced tensor whose sizes are functions of the size of the input. */
export interface SymbolicValue {
  readonly id: number;
  readonly shape: readonly Dimension[];
  readonly dtype: tf.DataType;
  readonly source:
    | { readonly kind: 'given'; readonly name: string }
    | { readonly kind: 'constant'; readonly values: Float32Array | Int32Array | Uint8Array }
    | { readonly kind: 'call'; readonly call: SymbolicCall; readonly output: number };
}

/** Numbers became dimensions; null is a number that depends on the size in no simple way. */
export type SymbolicAttribute =
  | Dimension
  | null
  | string
  | boolean
  | readonly SymbolicAttribute[]
  | { readonly [key: string]: SymbolicAttribute };

export interface SymbolicCall {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, SymbolicValue>>;
  readonly attributes: Readonly<Record<string, SymbolicAttribute>>;
  readonly outputs: readonly SymbolicValue[];
}

const fail = (what: string): never => {
  throw new FrameloomError('backend', `the network cannot be exported for every size: ${what}`, {
    hint: 'the ops that it runs must be the same for every width and height',
  });
};

function unify(values: readonly unknown[], what: string): SymbolicAttribute {
  const [first] = values;
  if (typeof first === 'number') return Dimension.fit(values as readonly number[]);
  if (typeof first === 'string' || typeof first === 'boolean') {
    return values.every((value) => value === first) ? first : fail(`${what} varies`);
  }
  if (Array.isArray(first)) {
    const lists = values as readonly (readonly unknown[])[];
    if (lists.some((list) => list.length !== first.length)) fail(`the length of ${what} varies`);
    return first.map((_, i) =>
      unify(
        lists.map((list) => list[i]),
        what,
      ),
    );
  }
  return fail(`${what} is neither numbers nor words`);
}

function shapeOf(values: readonly TraceValue[]): readonly Dimension[] {
  const sizes = values.map((value) => [...value.shape]);
  const shape = unify(sizes, 'a shape') as (Dimension | null)[];
  return shape.map((size) => size ?? fail('a size is rounded'));
}

function sourceOf(
  values: readonly TraceValue[],
  calls: readonly SymbolicCall[],
): SymbolicValue['source'] {
  const sources = values.map((value) => value.source);
  const [first] = sources as [TraceValue['source']];
  if (sources.some(({ kind }) => kind !== first.kind)) fail('its ops vary');
  if (first.kind === 'given') return first;
  if (first.kind === 'call') {
    return { kind: 'call', call: calls[first.call]!, output: first.output };
  }
  const all = sources.map((source) => (source as typeof first).values);
  const same = all.every(
    (numbers) =>
      numbers.length === first.values.length && numbers.every((n, i) => n === first.values[i]),
  );
  return same ? first : fail('a constant is computed from the size');
}

/**
 * Traces `f` at several sizes and makes one trace of them in which each number is a function of the
 * size.
 *
 * @returns what `f` returned, by name
 * @throws FrameloomError backend when `f` runs other kernels at another size, runs one that cannot
 *   be exported, or reads a tensor's numbers
 */
export function traceForEverySize(
  f: (give: Give, size: TraceSize) => Readonly<Record<string, tf.Tensor>>,
): Readonly<Record<string, SymbolicValue>> {
  return unifyTraces(TRACE_SIZES.map((size) => traceKernels((give) => f(give, size))));
}

function unifyTraces(traces: readonly Trace[]): Readonly<Record<string, SymbolicValue>> {
  const [first] = traces as [Trace];
  for (const { calls, values } of traces) {
    const same =
      calls.length === first.calls.length &&
      values.length === first.values.length &&
      calls.every((call, i) => call.kernel === first.calls[i]!.kernel) &&
      calls.every(
        (call, i) => JSON.stringify(call.inputs) === JSON.stringify(first.calls[i]!.inputs),
      );
    if (!same) fail('it runs other ops at another size');
  }

  const values: SymbolicValue[] = [];
  const calls: SymbolicCall[] = [];
  const callOutputs: SymbolicValue[][] = [];
  // Values are numbered as they were made, so that what a call reads is there before it.
  let nextCall = 0;
  first.values.forEach((value, id) => {
    if (value.source.kind === 'call' && value.source.call === nextCall) {
      const at = nextCall;
      const { kernel, inputs } = first.calls[at]!;
      const own = Object.fromEntries(
        Object.keys(first.calls[at]!.attributes).map((key) => [
          key,
          unify(
            traces.map((trace) => trace.calls[at]!.attributes[key]),
            `${key} of ${kernel}`,
          ),
        ]),
      );
      const outputs: SymbolicValue[] = [];
      callOutputs.push(outputs);
      const named = Object.entries(inputs).map(([name, input]) => [name, values[input]!] as const);
      calls.push({ kernel, inputs: Object.fromEntries(named), attributes: own, outputs });
      nextCall += 1;
    }
    const across = traces.map((trace) => trace.values[id]!);
    const made: SymbolicValue = {
      id,
      shape: shapeOf(across),
      dtype: value.dtype,
      source: sourceOf(across, calls),
    };
    values.push(made);
    if (value.source.kind === 'call') callOutputs[value.source.call]!.push(made);
  });
  return Object.fromEntries(Object.entries(first.outputs).map(([name, id]) => [name, values[id]!]));
}
