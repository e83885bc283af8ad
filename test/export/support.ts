import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../../src/backend/scope.js';
import { OnnxGraph, type Edge } from '../../src/export/graph.js';
import { openRuntime } from '../../src/export/runtime.js';
import type { TraceSize } from '../../src/export/trace/dimension.js';
import { traceForEverySize, type SymbolicValue } from '../../src/export/trace/symbolic.js';
import { Writer } from '../../src/export/writer.js';
import { kernelWriters } from '../../src/export/writers/index.js';
import { expectClose, normals, type PlainTensor, type Tolerance } from '../tensors.js';

/** Runs on TensorFlow.js, and is traced: of named tensors, of which `x` is [N, 4·rows, 4·columns, C]. */
export type Computation = (
  inputs: Readonly<Record<string, tf.Tensor4D>>,
  size: TraceSize,
) => tf.Tensor;

/** The shape of each input at a size. */
export type InputShapes = Readonly<Record<string, (size: TraceSize) => number[]>>;

export const SIZES: readonly TraceSize[] = [
  { samples: 1, rows: 2, columns: 3 },
  { samples: 2, rows: 3, columns: 2 },
];

/** The kernels that an output was computed by. */
export function kernelsOf(value: SymbolicValue, seen = new Set<string>()): Set<string> {
  if (value.source.kind === 'call') {
    seen.add(value.source.call.kernel);
    Object.values(value.source.call.inputs).forEach((input) => kernelsOf(input, seen));
  }
  return seen;
}

/** Writes a computation as an ONNX file whose inputs of four axes are planar. */
export function toOnnx(shapes: InputShapes, f: Computation, warps = true) {
  const traced = traceForEverySize((give, size) => {
    const inputs = Object.entries(shapes).map(([name, shape]) => [name, give(name, shape(size))]);
    return { out: f(Object.fromEntries(inputs) as Record<string, tf.Tensor4D>, size) };
  });
  const graph = new OnnxGraph();
  const at = (axis: number) => (): Edge =>
    graph.node('Gather', [graph.node('Shape', ['x']), graph.integers([axis])], {
      axis: { int: 0 },
    });
  const quarter = (axis: number) => (): Edge =>
    graph.node('Div', [at(axis)(), graph.integers([4])]);
  const writer = new Writer(graph, {
    kernels: kernelWriters(warps),
    constants: {},
    given: Object.fromEntries(
      Object.keys(shapes).map((name) => [name, { edge: name, layout: 'planar' as const }]),
    ),
    sizes: { samples: at(0), rows: quarter(2), columns: quarter(3) },
  });
  graph.alias(writer.edge(traced.out!), 'out');
  const free = (name: string, rank: number): string[] =>
    Array.from({ length: rank }, (_, axis) => `${name}_${axis}`);
  const file = graph.toFile({
    inputs: Object.keys(shapes).map((name) => ({ name, shape: free(name, 4), about: name })),
    outputs: [{ name: 'out', shape: free('out', traced.out!.shape.length), about: 'the result' }],
    metadata: {},
    version: '0',
    about: 'a test',
  });
  return { file, ops: graph.opCounts, kernels: kernelsOf(traced.out!) };
}

/** Asserts that ONNX Runtime computes what TensorFlow.js does, at two sizes. */
export async function expectSame(
  shapes: InputShapes,
  f: Computation,
  { warps = true, ...tolerance }: Tolerance & { warps?: boolean } = {},
): Promise<{ ops: Readonly<Record<string, number>>; kernels: Set<string> }> {
  const { file, ops, kernels } = toOnnx(shapes, f, warps);
  const { session, Tensor } = await openRuntime(file, 'test.onnx');
  try {
    for (const size of SIZES) {
      const inputs = Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => [
          name,
          normals<tf.Rank.R4>(name, shape(size)),
        ]),
      );
      const expected = scoped(() => f(inputs, size));
      const planar = Object.entries(inputs).map(([name, tensor]) => {
        const moved = tf.transpose(tensor, [0, 3, 1, 2]);
        const values = moved.dataSync() as Float32Array;
        moved.dispose();
        return [name, new Tensor('float32', values, moved.shape)] as const;
      });
      const { out } = await session.run(Object.fromEntries(planar));
      const actual: PlainTensor = { shape: out!.dims, values: out!.data as Float32Array };
      expectClose(actual, expected, tolerance);
      tf.dispose([inputs, expected]);
    }
  } finally {
    await session.release();
  }
  return { ops, kernels };
}
