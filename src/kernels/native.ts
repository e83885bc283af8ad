import * as tf from '@tensorflow/tfjs-core';
import { nativeBackend, type NativeOpAttribute } from '../backend/native.js';

export type AttributeValue =
  { float: number } | { bool: boolean } | { text: string } | { type: 'float32' | 'int32' };

/**
 * Runs one TensorFlow op by name on the native backend.
 * @param typeAttributes names of the op's type attributes that are float32
 * @throws Error when called on another backend: a kernel is registered for the native one alone.
 */
export function runNativeOp(
  name: string,
  inputs: readonly tf.TensorInfo[],
  outputs: number,
  attributes: Readonly<Record<string, AttributeValue>> = {},
  typeAttributes: readonly string[] = ['T'],
): tf.Tensor[] {
  const backend = nativeBackend();
  if (backend === undefined) {
    throw new Error(`${name} needs the native TensorFlow backend, not ${tf.getBackend()}`);
  }
  const { binding } = backend;
  const attribute = (key: string, value: AttributeValue): NativeOpAttribute => {
    if ('float' in value) return { name: key, type: binding.TF_ATTR_FLOAT, value: value.float };
    if ('bool' in value) return { name: key, type: binding.TF_ATTR_BOOL, value: value.bool };
    if ('text' in value) return { name: key, type: binding.TF_ATTR_STRING, value: value.text };
    const type = value.type === 'int32' ? binding.TF_INT32 : binding.TF_FLOAT;
    return { name: key, type: binding.TF_ATTR_TYPE, value: type };
  };
  return backend.executeMultipleOutputs(
    name,
    [
      ...typeAttributes.map((key) => ({
        name: key,
        type: binding.TF_ATTR_TYPE,
        value: binding.TF_FLOAT,
      })),
      ...Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    ],
    inputs,
    outputs,
  );
}

/** The backends that a kernel's composite reference is registered for. */
export const REFERENCE_BACKENDS = ['cpu', 'wasm', 'webgpu'] as const;
export const NATIVE_BACKEND = 'tensorflow';

type Attributes = Readonly<Record<string, number>>;

/** One forward pass, its inputs and outputs by position. */
export type KernelFunction = (inputs: readonly tf.Tensor[], attributes: Attributes) => tf.Tensor[];

/**
 * Registers a kernel: `fused` on the native backend, `reference` on every other. The reference must
 * not be differentiated through: the gradient is registered apart.
 */
export function registerFused(
  kernelName: string,
  inputNames: readonly string[],
  fused: KernelFunction,
  reference: KernelFunction,
): void {
  const wrap =
    (run: KernelFunction): tf.KernelFunc =>
    ({ inputs, attrs }) => {
      const named = inputs as Readonly<Record<string, tf.Tensor>>;
      const outputs = run(
        inputNames.map((name) => named[name]!),
        (attrs ?? {}) as Attributes,
      );
      return outputs.length === 1 ? outputs[0]! : outputs;
    };
  const register = (backendName: string, run: KernelFunction): void => {
    tf.registerKernel({ kernelName, backendName, kernelFunc: wrap(run) });
  };
  register(NATIVE_BACKEND, fused);
  for (const backendName of REFERENCE_BACKENDS) {
    register(backendName, (inputs, attributes) => tf.tidy(() => reference(inputs, attributes)));
  }
}

/** Runs a registered kernel on the current backend, on the tape when one is recording. */
export function runKernel(
  kernelName: string,
  inputs: Readonly<Record<string, tf.Tensor>>,
  attributes: Attributes = {},
): tf.Tensor[] {
  const output: unknown = tf.engine().runKernel(kernelName, { ...inputs }, { ...attributes });
  return (Array.isArray(output) ? output : [output]) as tf.Tensor[];
}
