import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { trackPeak, valueAndGradients } from '../../src/autodiff/index.js';
import { useBackend } from '../../src/backend/index.js';
import { scoped } from '../../src/backend/scope.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

beforeAll(() => useBackend({ prefer: 'tensorflow' }));

/** TensorFlow.js's own. */
const reference = (f: () => tf.Scalar, xs: tf.Tensor[]) =>
  tf.engine().gradients(f, xs, undefined, true);

/** Ways to make a tensor of three numbers from one or two; branches, and inputs used twice. */
const OPS: ((a: tf.Tensor, b: tf.Tensor) => tf.Tensor)[] = [
  (a) => tf.square(a),
  (a, b) => tf.mul(a, b),
  (a, b) => tf.sub(a, tf.sigmoid(b)),
  (a) => tf.add(a, a),
  (a, b) => tf.maximum(a, b),
  (a) => tf.mul(tf.mean(a), a),
  (a, b) => tf.concat([tf.slice(a, [1], [2]), tf.slice(b, [0], [1])]),
  (a) => tf.clone(a),
  // Whose gradients read shapes alone, of what broadcasts too.
  (a, b) => tf.add(tf.sum(a, 0, true), b),
  (a, b) => tf.sub(tf.mean(a), b),
  (a, b) => tf.addN([a, b, a]),
  (a) => tf.slice(tf.pad(a, [[1, 2]]), [1], [3]),
  (a, b) => tf.sum(tf.stack([a, b]), 0),
  (a, b) => tf.reshape(tf.add(tf.expandDims(a), tf.expandDims(b)), [3]),
  (a, b) => tf.mean(tf.sub(tf.expandDims(a, 1), tf.expandDims(b, 0)), 1),
];

describe('valueAndGradients', () => {
  it('gives zeros for what the value does not depend on', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const [x, y] = [tf.tensor1d([1, 2]), tf.tensor1d([3])];
        const { value, gradients } = valueAndGradients(() => tf.sum(tf.square(x)), [x, y]);
        expectClose(value, 5);
        expectClose(gradients[0]!, { shape: [2], values: [2, 4] });
        expectClose(gradients[1]!, { shape: [1], values: [0] });
      }),
    );
  });

  it('equals TensorFlow.js’s for any graph of ops, bit by bit', async () => {
    const place = fc.nat({ max: 40 });
    const graph = fc.array(fc.tuple(fc.nat({ max: OPS.length - 1 }), place, place), {
      minLength: 1,
      maxLength: 12,
    });
    await expectNoLeak(() => {
      fc.assert(
        fc.property(graph, (steps) => {
          tf.tidy(() => {
            const xs = [normals('x', [3]), normals('y', [3])];
            const f = (): tf.Scalar => {
              const made: tf.Tensor[] = [...xs];
              for (const [op, i, j] of steps) {
                made.push(OPS[op]!(made[i % made.length]!, made[j % made.length]!));
              }
              return tf.sum(tf.tanh(made.at(-1)!));
            };
            const [own, theirs] = [valueAndGradients(f, xs), reference(f, xs)];
            expect(own.value.dataSync()).toEqual(theirs.value.dataSync());
            own.gradients.forEach((gradient, i) => {
              const expected: tf.Tensor | undefined = theirs.grads[i];
              expect(gradient.dataSync()).toEqual((expected ?? tf.zeros([3])).dataSync());
            });
          });
        }),
        { numRuns: 60 },
      );
    });
  });

  it('is differentiable within another call', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const x = tf.tensor1d([1, 2]);
        // ∂/∂x Σ (∂/∂x Σ x³)² = ∂/∂x Σ 9x⁴ = 36x³.
        const outer = (): tf.Scalar => {
          const inner = valueAndGradients(() => tf.sum(tf.mul(tf.square(x), x)), [x]);
          return tf.sum(tf.square(inner.gradients[0]!));
        };
        expectClose(valueAndGradients(outer, [x]).gradients[0]!, { shape: [2], values: [36, 288] });
      }),
    );
  });

  it('lets go on the way back of what it has used', () => {
    tf.tidy(() => {
      const x = normals('x', [1000]);
      const chain = (): tf.Scalar => {
        let y: tf.Tensor = x;
        for (let i = 0; i < 20; i += 1) y = tf.tidy(() => tf.sigmoid(y));
        return tf.sum(y);
      };
      const peakOf = (run: () => unknown): number => trackPeak(() => scoped(run)).peakBytes;
      // Twenty outputs are saved; their gradients would be twenty more.
      const [own, theirs] = [
        peakOf(() => valueAndGradients(chain, [x])),
        peakOf(() => reference(chain, [x])),
      ];
      expect(own).toBeGreaterThan(20 * 4000);
      expect(own).toBeLessThan(25 * 4000);
      expect(theirs).toBeGreaterThan(38 * 4000);
    });
  });

  it('keeps nothing for gradients that read shapes alone', () => {
    tf.tidy(() => {
      const x = normals('x', [1000]);
      const chain = (): tf.Scalar => {
        let y: tf.Tensor = x;
        for (let i = 0; i < 20; i += 1) {
          const before = y;
          y = tf.tidy(() => {
            const [left, right] = [tf.slice(before, [0], [500]), tf.slice(before, [500], [500])];
            return tf.sub(tf.pad(tf.add(left, right), [[250, 250]]), before);
          });
          if (before !== x) before.dispose();
        }
        return tf.sum(y);
      };
      const peakOf = (run: () => unknown): number => trackPeak(() => scoped(run)).peakBytes;
      expect(peakOf(() => valueAndGradients(chain, [x]))).toBeLessThan(8 * 4000);
      expect(peakOf(() => reference(chain, [x]))).toBeGreaterThan(40 * 4000);
    });
  });

  it('names an op that has no gradient, and leaves nothing', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const x = tf.tensor1d([1, 2]);
        const f = (): tf.Scalar => tf.sum(tf.mul(tf.cumprod(x), x));
        expect(() => valueAndGradients(f, [x])).toThrow('Cumprod has no gradient');
        // The tape is gone with it.
        expectClose(valueAndGradients(() => tf.sum(x), [x]).value, 3);
      }),
    );
  });

  it('passes on what the function throws, and ends the tape', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const x = tf.tensor1d([1, 2]);
        const fails = (): tf.Scalar => {
          tf.square(x);
          throw new Error('no loss');
        };
        expect(() => valueAndGradients(fails, [x])).toThrow('no loss');
        expectClose(valueAndGradients(() => tf.sum(tf.square(x)), [x]).value, 5);
      }),
    );
  });
});
