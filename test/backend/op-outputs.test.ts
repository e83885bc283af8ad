import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { eagerRunner, graphRunner, type NamedTensors } from '../../src/backend/graph/index.js';
import {
  KNOWN_OUTPUTS,
  hasNamedOutputs,
  outputsInFunction,
  registeredOutputs,
} from '../../src/backend/graph/op-outputs.js';
import { useBackend } from '../../src/backend/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
});

const node = (op: string, outputs: number, attributes: Record<string, number> = {}) => ({
  op,
  types: Array.from({ length: outputs }, () => 1),
  attributes: Object.entries(attributes).map(([name, value]) => ({ name, type: 0, value })),
});

describe('the names of outputs', () => {
  it('are TensorFlow’s own in the table of those that are not asked for', () => {
    const registered = registeredOutputs()!;
    expect(registered.size).toBeGreaterThan(1000);
    const asked = [...KNOWN_OUTPUTS.keys()].map((op) => [op, registered.get(op)] as const);
    expect([...KNOWN_OUTPUTS]).toEqual(asked);
  });

  it('are counted within a list', () => {
    expect(outputsInFunction(node('TopKV2', 2))).toEqual([':values:0', ':indices:0']);
    expect(outputsInFunction(node('Unpack', 3))).toEqual([':output:0', ':output:1', ':output:2']);
    // Of several lists, by what an attribute says.
    const names = ['indices', 'values', 'shape'].flatMap((what) =>
      [0, 1].map((index) => `:output_${what}:${index}`),
    );
    expect(outputsInFunction(node('SparseSplit', 6, { num_split: 2 }))).toEqual(names);
  });

  it('are asked for in words where nobody knows the op, or how many it has', () => {
    expect(hasNamedOutputs(node('Unheard', 1))).toBe(false);
    expect(hasNamedOutputs(node('Softmax', 2))).toBe(false);
    expect(() => outputsInFunction(node('Unheard', 1))).toThrow(
      'a step with the op Unheard cannot be computed in pieces',
    );
  });
});

/** What an attention layer and a judge of volumes are made of, and their like. */
function unusual({ x, volume }: NamedTensors): NamedTensors {
  const rows = (a: tf.Tensor): tf.Tensor => {
    const share = tf.softmax(tf.einsum('ij,kj->ik', a, a));
    const [top] = Object.values(tf.topk(tf.selu(tf.matMul(share, a)), 2));
    const angles = tf.atan2(top!, tf.scalar(2));
    return tf.add(tf.sum(tf.cumsum(share, 1)), tf.sum(angles));
  };
  const filter = tf.ones<tf.Rank.R5>([2, 2, 2, 1, 1]);
  const solid = (v: tf.Tensor): tf.Tensor =>
    tf.mean(tf.square(tf.conv3d(v as tf.Tensor5D, filter, 1, 'same')));
  return {
    value: rows(x!),
    slope: tf.grad((a) => tf.logSumExp(tf.selu(tf.logSoftmax(a))))(x!),
    bulk: tf.grad(solid)(volume!),
  };
}

describe('a piece of a step', () => {
  it('may hold any op that TensorFlow has', async () => {
    await expectNoLeak(() => {
      const given = { x: normals('x', [4, 2]), volume: normals('volume', [1, 3, 4, 4, 1]) };
      const runner = graphRunner();
      const whole = (i: NamedTensors): NamedTensors => runner.call('piece', i, unusual);
      const graph = runner.call('whole', given, whole);
      const eager = eagerRunner.call('whole', given, unusual);
      for (const [name, value] of Object.entries(eager)) {
        expectClose(graph[name]!, value, { rtol: 1e-5, atol: 1e-6 });
      }
      tf.dispose([given, graph, eager]);
      runner.dispose();
    });
  });
});
