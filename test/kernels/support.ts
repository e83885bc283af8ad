import * as tf from '@tensorflow/tfjs-core';
import { vi } from 'vitest';

/** What a kernel runs as on a backend, called by input names. */
export type NamedKernel = (
  inputs: Readonly<Record<string, tf.Tensor>>,
  attributes?: Readonly<Record<string, number>>,
) => tf.Tensor[];

/**
 * The function registered for a kernel and a backend, run on the current backend: the composite
 * reference of the `cpu` backend is built of plain ops, so it can stand beside the fused one.
 */
export function registered(kernelName: string, backendName: 'tensorflow' | 'cpu'): NamedKernel {
  const found: tf.KernelConfig | undefined = tf.getKernel(kernelName, backendName);
  if ((found as tf.KernelConfig | undefined) === undefined) {
    throw new Error(`${kernelName} is not registered for ${backendName}`);
  }
  return (inputs, attributes = {}) => {
    const call = { inputs: { ...inputs }, attrs: { ...attributes }, backend: tf.backend() };
    const outputs = found.kernelFunc(call) as tf.Tensor | tf.Tensor[];
    return Array.isArray(outputs) ? outputs : [outputs];
  };
}

/** Names of the TensorFlow ops that the native backend was asked for while `run` ran. */
export function nativeOps(run: () => void): string[] {
  const backend = tf.backend() as unknown as Record<string, (name: string) => unknown>;
  const spies = ['executeMultipleOutputs', 'executeSingleOutput'].map((method) =>
    vi.spyOn(backend, method),
  );
  try {
    run();
    return spies.flatMap((spy) => spy.mock.calls.map(([name]) => name));
  } finally {
    spies.forEach((spy) => spy.mockRestore());
  }
}

/** ⟨a, b⟩ summed in float64. */
export function innerProduct(a: tf.Tensor, b: tf.Tensor): number {
  const [x, y] = [a.dataSync(), b.dataSync()];
  let sum = 0;
  for (let i = 0; i < x.length; i += 1) sum += x[i]! * y[i]!;
  return sum;
}

/**
 * The derivative of ⟨f(x), dy⟩ in each element of `x` by central differences. The forward pass is
 * float32 and the sum float64, so the error is about 1e-7·|f| / step, besides the curvature's
 * step²/6·f‴.
 */
export function numericGradient(
  f: (x: tf.Tensor) => tf.Tensor,
  x: tf.Tensor,
  dy: tf.Tensor,
  step: number,
): { shape: number[]; values: number[] } {
  const start = Float32Array.from(x.dataSync());
  const at = (index: number, value: number): number =>
    tf.tidy(() => {
      const moved = start.slice();
      moved[index] = value;
      return innerProduct(f(tf.tensor(moved, x.shape)), dy);
    });
  const values = Array.from(start, (value, i) => {
    // The step that float32 really takes.
    const [up, down] = [Math.fround(value + step), Math.fround(value - step)];
    return (at(i, up) - at(i, down)) / (up - down);
  });
  return { shape: x.shape, values };
}
