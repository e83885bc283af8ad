import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../../src/backend/scope.js';
import { OnnxGraph } from '../../src/export/graph.js';
import { openRuntime } from '../../src/export/runtime.js';
import { TARGETS, type ExportTarget } from '../../src/export/targets.js';
import type { TraceSize } from '../../src/export/trace/dimension.js';
import { traceForEverySize, type SymbolicValue } from '../../src/export/trace/symbolic.js';
import { Writer } from '../../src/export/writer.js';
import { KERNEL_WRITERS } from '../../src/export/writers/index.js';
import { expectClose, normals, type PlainTensor, type Tolerance } from '../tensors.js';
import { checkOnnx } from './onnx-check.js';

/** Runs on TensorFlow.js, and is traced: of named tensors [N, …, …, C]. */
export type Computation = (
  inputs: Readonly<Record<string, tf.Tensor4D>>,
  size: TraceSize,
) => tf.Tensor;

/** The shape of each input at a size. */
export type InputShapes = Readonly<Record<string, (size: TraceSize) => number[]>>;

const SIZES: readonly TraceSize[] = [
  { samples: 1, rows: 2, columns: 3 },
  { samples: 2, rows: 3, columns: 2 },
];

/** The kernels that an output was computed by. */
function kernelsOf(value: SymbolicValue, seen = new Set<string>()): Set<string> {
  if (value.source.kind === 'call') {
    seen.add(value.source.call.kernel);
    Object.values(value.source.call.inputs).forEach((input) => kernelsOf(input, seen));
  }
  return seen;
}

const planar = ([samples, height, width, channels]: readonly number[]): number[] => [
  ...[samples!, channels!, height!, width!],
];

/** Writes a computation as an ONNX file, whose tensors are planar. @param size of `opencv` */
export function toOnnx(
  shapes: InputShapes,
  f: Computation,
  target: ExportTarget = 'onnxruntime',
  size: TraceSize = SIZES[0]!,
) {
  const traced = traceForEverySize((give, at) => {
    const inputs = Object.entries(shapes).map(([name, shape]) => [name, give(name, shape(at))]);
    return { out: f(Object.fromEntries(inputs) as Record<string, tf.Tensor4D>, at) };
  });
  const graph = new OnnxGraph();
  const { fixed, opset, irVersion } = TARGETS[target];
  const writer = new Writer(graph, {
    kernels: KERNEL_WRITERS,
    constants: {},
    given: Object.fromEntries(Object.keys(shapes).map((name) => [name, name])),
    deep: 'float32',
    target: TARGETS[target],
    fixed: fixed ? size : null,
  });
  graph.output(writer.edge(traced.out!), 'out');
  const free = (name: string): string[] => [0, 1, 2, 3].map((axis) => `${name}_${axis}`);
  const known = (value: readonly number[], name: string) =>
    fixed ? value : free(name).map((one, axis) => (axis === 1 ? value[1]! : one));
  const outShape = traced.out!.shape.map((one) => one.at(size));
  const file = graph.toFile({
    inputs: Object.entries(shapes).map(([name, shape]) => ({
      ...{ name, about: name, shape: known(planar(shape(size)), name) },
    })),
    outputs: [{ name: 'out', shape: known(planar(outShape), 'out'), about: 'the result' }],
    metadata: {},
    ...{ version: '0', opset, irVersion, about: 'a test' },
  });
  const sizes = Object.fromEntries(
    [...Object.entries(shapes), ['out', () => outShape] as const].flatMap(([name, shape]) =>
      planar(shape(size)).map((one, axis) => [`${name}_${axis}`, one]),
    ),
  ) as Record<string, number>;
  checkOnnx(file, sizes);
  return { file, ops: graph.opCounts, kernels: kernelsOf(traced.out!) };
}

/** Asserts that ONNX Runtime computes what TensorFlow.js does, at two sizes. */
export async function expectSame(
  shapes: InputShapes,
  f: Computation,
  { target = 'onnxruntime', ...tolerance }: Tolerance & { target?: ExportTarget } = {},
): Promise<{ ops: Readonly<Record<string, number>>; kernels: Set<string> }> {
  let written = toOnnx(shapes, f, target);
  for (const size of SIZES) {
    if (TARGETS[target].fixed) written = toOnnx(shapes, f, target, size);
    const { session, Tensor } = await openRuntime(written.file, 'test.onnx');
    const inputs = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, normals<tf.Rank.R4>(name, shape(size))]),
    );
    const expected = scoped(() => tf.transpose(f(inputs, size), [0, 3, 1, 2]));
    const feeds = Object.entries(inputs).map(([name, tensor]) => {
      const moved = tf.transpose(tensor, [0, 3, 1, 2]);
      const values = moved.dataSync() as Float32Array;
      moved.dispose();
      return [name, new Tensor('float32', values, moved.shape)] as const;
    });
    const { out } = await session.run(Object.fromEntries(feeds));
    const actual: PlainTensor = { shape: out!.dims, values: out!.data as Float32Array };
    expectClose(actual, expected, tolerance);
    tf.dispose([inputs, expected]);
    await session.release();
  }
  return written;
}
