import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend/index.js';
import { expectClose, expectNoLeak, relativeDifference, tensorOf } from './tensors.js';

beforeAll(async () => {
  await useBackend({ prefer: 'cpu' });
});

const row = (...values: number[]) => ({ shape: [values.length], values });

describe('expectClose', () => {
  it('passes equal tensors, plain ones and numbers', () => {
    tf.tidy(() => {
      expectClose(tf.tensor1d([1, 2]), tf.tensor1d([1, 2]));
      expectClose(tf.tensor1d([1, 2]), row(1, 2));
      expectClose(tf.scalar(0.5), 0.5);
      expectClose(row(Infinity, -Infinity), row(Infinity, -Infinity), { rtol: 1 });
      expectClose(row(), row());
    });
  });

  it.each([
    ['NaN for a number', row(1, NaN), row(1, 2)],
    ['a number for NaN', row(1, 2), row(1, NaN)],
    ['NaN for NaN', row(NaN), row(NaN)],
    ['NaN for infinity', row(NaN), row(Infinity)],
    ['a number for infinity', row(1e30), row(Infinity)],
    ['the wrong infinity', row(Infinity), row(-Infinity)],
    ['another shape', { shape: [2, 1], values: [1, 2] }, row(1, 2)],
    ['a value too many', row(1, 2, 3), row(1, 2)],
    ['values that do not fill the shape', { shape: [2], values: [1] }, row(1, 2)],
  ])('fails on %s, whatever the tolerance', (_what, actual, expected) => {
    expect(() => expectClose(actual, expected, { rtol: 0.9, atol: 1e6 })).toThrow(/./);
  });

  it('fails on another dtype', () => {
    tf.tidy(() => {
      expect(() => expectClose(tf.tensor1d([1], 'int32'), tf.tensor1d([1]))).toThrow('dtype');
    });
  });

  it('names the worst value', () => {
    expect(() => expectClose(row(1, 2.5, 9), row(1, 2, 3), { rtol: 0.1 })).toThrow(
      '2 of 3 values differ beyond rtol 0.1, atol 0; the worst is value 2: 9 instead of 3',
    );
    expect(() => expectClose(row(9, NaN, 1), row(1, 1, 1))).toThrow('value 1: NaN instead of 1');
  });

  it('passes exactly within the tolerance', () => {
    const finite = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    const tolerance = fc.constantFrom(0, 1e-3, 0.1);
    fc.assert(
      fc.property(finite, finite, tolerance, tolerance, (a, b, rtol, atol) => {
        let passes = true;
        try {
          expectClose(row(0, a), row(0, b), { rtol, atol });
        } catch {
          passes = false;
        }
        expect(passes).toBe(Math.abs(a - b) <= atol + rtol * Math.abs(b));
      }),
    );
  });
});

describe('relativeDifference', () => {
  it('is the largest difference over the largest value, NaN when there is one', () => {
    const of = (a: number[], b: number[]) =>
      tf.tidy(() => relativeDifference(tensorOf(row(...a)), tensorOf(row(...b))));
    expect(of([1, 2], [1, 4])).toBe(0.5);
    expect(of([0, 0], [0, 0])).toBe(0);
    expect(of([0, NaN, 0], [0, 1, 2])).toBeNaN();
    expect(of([0, 1, 0], [NaN, 1, 2])).toBeNaN();
    expect(of([1], [0])).toBe(Infinity);
  });
});

describe('expectNoLeak', () => {
  it('passes what disposes of its tensors, and fails what does not', async () => {
    await expectNoLeak(() => tf.scalar(1).dispose());
    await expectNoLeak(async () => {
      const tensor = tf.scalar(1);
      await tensor.data();
      tensor.dispose();
    });
    const left: tf.Tensor[] = [];
    await expect(expectNoLeak(() => left.push(tf.scalar(1)))).rejects.toThrow('left behind');
    tf.dispose(left);
  });
});
