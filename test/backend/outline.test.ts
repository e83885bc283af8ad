import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  eagerRunner,
  graphRunner,
  numbered,
  type NamedTensors,
} from '../../src/backend/graph/index.js';
import { outline } from '../../src/backend/graph/outline.js';
import { record } from '../../src/backend/graph/recorder.js';
import {
  argumentName,
  edgeFrom,
  isCall,
  sizeOf,
  type Edge,
  type RecordedNode,
  type Recording,
} from '../../src/backend/graph/recording.js';
import { useBackend } from '../../src/backend/index.js';
import { nativeBackend } from '../../src/backend/native.js';
import { instanceNorm, registerKernels, warp } from '../../src/kernels/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

/** Numbers that are the same for edges that are computed in the same way, calls or no calls. */
function meanings() {
  const known = new Map<string, number>();
  const meaning = (text: string): number => {
    if (!known.has(text)) known.set(text, known.size);
    return known.get(text)!;
  };
  return ({ inputs, constants, nodes, outputs }: Recording): number[] => {
    const of = new Map<Edge, number>();
    for (const { name } of [...inputs, ...constants]) of.set(name, meaning(name));
    const run = (node: RecordedNode, values: Map<Edge, number>): void => {
      const read = node.inputs.map((edge) => values.get(edge)!);
      expect(read).not.toContain(undefined);
      node.types.forEach((type, i) => {
        values.set(edgeFrom(node.name, i), meaning(JSON.stringify([node.op, read, i, type])));
      });
    };
    for (const node of nodes) {
      if (!isCall(node)) {
        run(node, of);
        continue;
      }
      const { callee, name } = node;
      expect(node.inputs.length).toBe(callee.types.length);
      const own = new Map(
        callee.constants.map((constant) => [constant.name, of.get(constant.name)!]),
      );
      node.inputs.forEach((edge, i) => own.set(argumentName(i), of.get(edge)!));
      callee.nodes.forEach((inner) => run(inner, own));
      callee.outputs.forEach(({ edge }, i) => of.set(edgeFrom(name, i), own.get(edge)!));
    }
    return outputs.map(({ edge }) => of.get(edge)!);
  };
}

const OPS = ['Add', 'Mul', 'FusedBatchNormV3', 'SplitV', 'Unheard'];

/** Ops that read what lies so far back, so many times over, with others between. */
const anyRecording: fc.Arbitrary<Recording> = fc
  .array(
    fc.record({
      op: fc.nat(OPS.length - 1),
      reads: fc.array(fc.tuple(fc.nat(12), fc.nat(1)), { minLength: 1, maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .chain((piece) =>
    fc.record({
      piece: fc.constant(piece),
      count: fc.integer({ min: 1, max: 6 }),
      before: fc.array(fc.nat(20), { maxLength: 5 }),
      odd: fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 2 }),
      outputs: fc.array(fc.nat(60), { minLength: 1, maxLength: 5 }),
    }),
  )
  .map(({ piece, count, before, odd, outputs }) => {
    const edges: Edge[] = ['input0', 'input1', 'constant0', 'constant1'];
    const nodes: RecordedNode[] = [];
    const add = (op: string, inputs: Edge[]): void => {
      const name = `node${nodes.length}`;
      const count = { SplitV: 2, FusedBatchNormV3: 6 }[op] ?? 1;
      const types = Array.from({ length: count }, () => 1);
      nodes.push({ name, op, inputs, attributes: [], types });
      types.forEach((_, i) => edges.push(edgeFrom(name, i)));
    };
    for (const at of before) add('Add', [edges[at % edges.length]!]);
    for (let i = 0; i < count; i += 1) {
      for (const { op, reads } of piece) {
        const inputs = reads.map(([back, from]) =>
          from === 0 ? edges[edges.length - 1 - (back % edges.length)]! : edges[back % 4]!,
        );
        add(OPS[op]!, inputs);
      }
    }
    for (const [at, edge] of odd) {
      const node = nodes[at % nodes.length]!;
      const limit = edges.indexOf(node.name);
      const inputs = node.inputs.map(() => edges[edge % limit]!);
      nodes[at % nodes.length] = { ...node, inputs };
    }
    return {
      inputs: ['input0', 'input1'].map((name) => ({ name, shape: [], type: 1 })),
      constants: ['constant0', 'constant1'].map((name) => ({
        ...{ name, shape: [], type: 1, bytes: new Uint8Array(4) },
      })),
      nodes,
      outputs: outputs.map((at) => ({ edge: edges[at % edges.length]!, type: 1 })),
      functions: [],
    };
  });

describe('outline', () => {
  it('computes the same in fewer nodes', () => {
    let outlined = 0;
    fc.assert(
      fc.property(anyRecording, (recording) => {
        const made = outline(recording, { shortest: 2, longest: 20, saved: 2 });
        const of = meanings();
        expect(of(made)).toEqual(of(recording));
        expect(sizeOf(made)).toBeLessThanOrEqual(recording.nodes.length + 1);
        const inside = made.functions.flatMap(({ nodes }) => nodes.map(({ op }) => op));
        expect(inside).not.toContain('Unheard');
        if (made.functions.length > 0) outlined += 1;
      }),
      { numRuns: 200 },
    );
    expect(outlined).toBeGreaterThan(20);
  });

  it('leaves alone what is not worth it', () => {
    // Of the recordings above, those in which a smaller worth finds something.
    const found = fc.sample(anyRecording, { numRuns: 40, seed: 1 }).filter((recording) => {
      const { functions } = outline(recording, { shortest: 2, longest: 20, saved: 2 });
      return functions.length > 0;
    });
    expect(found.length).toBeGreaterThan(3);
    for (const recording of found) {
      const saved = recording.nodes.length;
      const { nodes, functions } = outline(recording, { shortest: 2, longest: 20, saved });
      expect(functions).toEqual([]);
      expect(nodes).toEqual(recording.nodes);
    }
  });
});

/** Frames that go on from one another, by ops of several outputs, constants and integers too. */
function frames({ first, kernel, shift }: NamedTensors): NamedTensors {
  const step = (frame: tf.Tensor4D): tf.Tensor4D => {
    const features = tf.conv2d(frame, kernel as tf.Tensor4D, 1, 'same');
    const [left, right] = tf.split(features, 2, 3);
    const normal = instanceNorm(left as tf.Tensor4D, tf.tensor1d([1, 2, 0.5]), tf.zeros([3]));
    const flow = tf.add(tf.tanh(tf.slice(right!, [0, 0, 0, 0], [1, 6, 8, 2])), shift!);
    return tf.sigmoid(warp(tf.relu(normal), flow as tf.Tensor4D));
  };
  const made = [first as tf.Tensor4D];
  for (let i = 0; i < 24; i += 1) made.push(step(made.at(-1)!));
  return numbered('frame', made.slice(1));
}

describe('a function in a graph', () => {
  const inputs = (seed: number): Record<string, tf.Tensor> => ({
    first: normals(`first${seed}`, [1, 6, 8, 3]),
    kernel: normals(`kernel${seed}`, [3, 3, 3, 6]),
    shift: normals(`shift${seed}`, [1, 6, 8, 2]),
  });

  it('is what a rollout’s frames become', () => {
    const given = inputs(0);
    const run = (own: tf.Tensor[]): tf.Tensor[] => {
      const [first, kernel, shift] = own;
      return Object.values(frames({ first: first!, kernel: kernel!, shift: shift! }));
    };
    const recording = record(nativeBackend()!, Object.values(given), run);
    const made = outline(recording);
    expect(made.functions).toHaveLength(1);
    expect(sizeOf(made)).toBeLessThan(recording.nodes.length / 3);
    tf.dispose(given);
  });

  it('computes what TensorFlow.js computes', async () => {
    await expectNoLeak(() => {
      const runner = graphRunner();
      for (const seed of [0, 1]) {
        const given = inputs(seed);
        const eager = eagerRunner.call('frames', given, frames);
        const graph = runner.call('frames', given, frames);
        for (const [name, frame] of Object.entries(eager)) {
          expectClose(graph[name]!, frame, { rtol: 1e-5, atol: 1e-6 });
        }
        tf.dispose([given, eager, graph]);
      }
      runner.dispose();
    });
  });
});
