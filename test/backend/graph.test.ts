import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { checkGraphs } from '../../src/backend/graph/check.js';
import { functionsAlive } from '../../src/backend/graph/functions.js';
import { eagerRunner, graphRunner, type NamedTensors } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels, instanceNorm, leakyRelu, warp } from '../../src/kernels/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

/** Convolution, our own kernels, integers, a constant of JavaScript's and a gradient, in one. */
function blend({ image, flow, kernel, share }: NamedTensors): Record<'frame' | 'slope', tf.Tensor> {
  const run = (k: tf.Tensor4D): tf.Tensor4D => {
    const features = tf.conv2d(image as tf.Tensor4D, k, 1, 'same');
    const normal = instanceNorm(features, tf.tensor1d([1, 2, 0.5]), tf.zeros([3]));
    const moved = warp(leakyRelu(normal, 0.2), flow as tf.Tensor4D);
    return tf.add(tf.mul(moved, share!), tf.mul(image!, tf.sub(1, share!)));
  };
  const { value, grads } = tf.valueAndGrads((k: tf.Tensor) =>
    tf.mean(tf.square(run(k as tf.Tensor4D))),
  )([kernel!]);
  // TensorFlow.js leaves the types of this op out.
  const stacked = tf.concat(
    [tf.expandDims(run(kernel as tf.Tensor4D), 1), tf.expandDims(image!, 1)],
    1,
  );
  return { frame: tf.mul(tf.sum(stacked, 1), value), slope: grads[0]! };
}

const inputs = (seed: number): Record<string, tf.Tensor> => ({
  image: normals(`image${seed}`, [1, 6, 8, 3]),
  flow: normals(`flow${seed}`, [1, 6, 8, 2]),
  kernel: normals(`kernel${seed}`, [3, 3, 3, 3]),
  share: tf.scalar(0.1 + 0.2 * seed),
});

/** For tests that count how often a function is recorded. */
function unchecked(): void {
  const before = checkGraphs(false);
  onTestFinished(() => void checkGraphs(before));
}

describe('graphRunner', () => {
  it('computes what TensorFlow.js computes, at the first call and at later ones', async () => {
    await expectNoLeak(() => {
      const runner = graphRunner();
      for (const seed of [0, 1, 2]) {
        const given = inputs(seed);
        const eager = eagerRunner.call('blend', given, blend);
        const graph = runner.call('blend', given, blend);
        expectClose(graph.frame, eager.frame, { rtol: 1e-5, atol: 1e-6 });
        expectClose(graph.slope, eager.slope, { rtol: 1e-5, atol: 1e-6 });
        const again = runner.call('blend', given, blend);
        expectClose(again.frame, graph.frame);
        expectClose(again.slope, graph.slope);
        tf.dispose([given, eager, graph, again]);
      }
      runner.dispose();
    });
  });

  it('takes the function once for each key', () => {
    unchecked();
    const runner = graphRunner();
    let calls = 0;
    const double = ({ x }: NamedTensors): NamedTensors => {
      calls += 1;
      return { y: tf.mul(x!, 2) };
    };
    tf.tidy(() => {
      for (const value of [1, 2, 3]) {
        expectClose(runner.call('a', { x: tf.scalar(value) }, double).y!, 2 * value);
      }
      expect(calls).toBe(1);
      expectClose(runner.call('b', { x: tf.scalar(4) }, double).y!, 8);
      expect(calls).toBe(2);
    });
    runner.dispose();
  });

  it('tells two inputs apart that share their data when it records', () => {
    const runner = graphRunner();
    const difference = ({ a, b }: NamedTensors): NamedTensors => ({ y: tf.sub(a!, b!) });
    tf.tidy(() => {
      const a = tf.scalar(3);
      expectClose(runner.call('difference', { a, b: tf.clone(a) }, difference).y!, 0);
      const other = { a: tf.scalar(5), b: tf.scalar(2) };
      expectClose(runner.call('difference', other, difference).y!, 3);
    });
    runner.dispose();
  });

  it('hands on an input or a constant as an output', () => {
    const runner = graphRunner();
    const pass = ({ x }: NamedTensors): NamedTensors => ({ x: tf.clone(x!), one: tf.scalar(1) });
    tf.tidy(() => {
      for (const value of [2, 7]) {
        const { x, one } = runner.call('pass', { x: tf.scalar(value) }, pass);
        expectClose(x!, value);
        expectClose(one!, 1);
      }
    });
    runner.dispose();
  });

  it('refuses a function that reads numbers or uses tensors from outside, and leaves nothing', async () => {
    const outside = tf.tidy(() => tf.add(tf.tensor1d([1, 2]), 1));
    const before = functionsAlive();
    await expectNoLeak(() => {
      const runner = graphRunner();
      const x = tf.tensor1d([1, 2]);
      const reads = (i: NamedTensors): NamedTensors => ({
        y: tf.scalar(tf.sum(i.x!).dataSync()[0]!),
      });
      expect(() => runner.call('reads', { x }, reads)).toThrow('reads the numbers');
      expect(() => runner.call('uses', { x }, (i) => ({ y: tf.add(i.x!, outside) }))).toThrow(
        'none of its inputs',
      );
      const draws = (): NamedTensors => ({ y: tf.multinomial(tf.tensor1d([0, 0]), 1, 1) });
      expect(() => runner.call('draws', { x }, draws)).toThrow('draws at random');
      // The backend is as it was.
      tf.tidy(() => expectClose(tf.add(x, 1), { shape: [2], values: [2, 3] }));
      x.dispose();
      runner.dispose();
    });
    expect(functionsAlive()).toBe(before);
    outside.dispose();
  });

  it('makes functions of what is called within, recorded once, each run by itself', async () => {
    unchecked();
    await expectNoLeak(() => {
      const runner = graphRunner();
      let [outer, inner] = [0, 0];
      const step = ({ x, by }: NamedTensors): Record<'y' | 'more', tf.Tensor> => {
        inner += 1;
        const [left, right] = tf.split(tf.mul(x!, by!), 2);
        return { y: tf.concat([right!, left!]), more: tf.add(by!, 1) };
      };
      const whole = ({ x, count }: NamedTensors): NamedTensors => {
        outer += 1;
        let [y, by] = [x!, count!];
        for (let i = 0; i < 3; i += 1) {
          const made = runner.call('step', { x: y, by }, step);
          [y, by] = [made.y, made.more];
        }
        return { y: tf.neg(y), by, whole: tf.cast(by, 'int32') };
      };
      for (const count of [1, 2]) {
        const given = { x: tf.tensor1d([1, 2, 3, 4]), count: tf.scalar(count) };
        const graph = runner.call('whole', given, whole);
        const product = count * (count + 1) * (count + 2);
        const values = [3, 4, 1, 2].map((value) => -value * product);
        expectClose(graph.y!, { shape: [4], values });
        expectClose(graph.by!, count + 3);
        expect(graph.whole!.dtype).toBe('int32');
        expect(graph.whole!.dataSync()).toEqual(Int32Array.of(count + 3));
        tf.dispose([given, graph]);
      }
      // Three calls of one function, in two runs of one graph.
      expect([outer, inner]).toEqual([1, 1]);
      runner.dispose();
    });
  });

  it('keeps what a function within uses from outside an error', async () => {
    await expectNoLeak(() => {
      const runner = graphRunner();
      const x = tf.tensor1d([1, 2]);
      const uses = (outer: NamedTensors): NamedTensors =>
        runner.call('inner', {}, () => ({ y: tf.add(outer.x!, 1) }));
      expect(() => runner.call('uses', { x }, uses)).toThrow('none of its inputs');
      tf.tidy(() => expectClose(tf.add(x, 1), { shape: [2], values: [2, 3] }));
      x.dispose();
      runner.dispose();
    });
  });

  it('finds out a key that does not say all, where graphs are checked', async () => {
    const before = checkGraphs(true);
    onTestFinished(() => void checkGraphs(before));
    const by =
      (factor: number, twice = false) =>
      ({ x }: NamedTensors): NamedTensors => {
        const y = tf.mul(x!, factor);
        return { y: twice ? tf.neg(y) : y };
      };
    await expectNoLeak(() =>
      tf.tidy(() => {
        const runner = graphRunner();
        const x = tf.scalar(3);
        for (let i = 0; i < 3; i += 1) expectClose(runner.call('by 2', { x }, by(2)).y!, 6);
        // What the check is against; the third hit is none of those that are looked at.
        expectClose(runner.call('by 2', { x }, by(5)).y!, 6);
        expectClose(runner.call('other', { x }, by(2)).y!, 6);
        expect(() => runner.call('other', { x }, by(5))).toThrow(
          'key does not say all that decides what it computes: constant 0 is another one (key "other',
        );
        expect(() => runner.call('other', { x }, by(2, true))).toThrow('op 1 was nothing, is Neg');
        // Nor within another function.
        const within = (i: NamedTensors): NamedTensors => {
          const { y } = runner.call('piece', i, by(2));
          return runner.call('piece', { x: y! }, by(2, true));
        };
        expect(() => runner.call('whole', { x }, within)).toThrow('op 1 was nothing, is Neg');
        expectClose(tf.neg(x), -3);
        runner.dispose();
      }),
    );
  });

  it('keeps as many graphs as it may and lets all go in the end', () => {
    const before = functionsAlive();
    const nodes = 4;
    const runner = graphRunner(nodes);
    tf.tidy(() => {
      for (let i = 0; i < 12; i += 1) {
        const y = runner.call(`add ${i}`, { x: tf.scalar(1) }, (t) => ({ y: tf.add(t.x!, i) })).y;
        expectClose(y, 1 + i);
      }
    });
    // One node each, an addition.
    expect(functionsAlive() - before).toBe(nodes);
    runner.dispose();
    expect(functionsAlive()).toBe(before);
  });
});
