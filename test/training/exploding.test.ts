import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { shortening, sizeOfLoss, timesItsLoss } from '../../src/training/exploding.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
});

const factorOf = (gradient: readonly number[], loss: number, times: number): number =>
  tf.tidy(
    () => shortening(tf.tensor1d([...gradient]), tf.scalar(loss), tf.scalar(times)).dataSync()[0]!,
  );

it('shortens what is far longer than its loss to it, and nothing else', () => {
  expect(factorOf([300, 400], 2, 100)).toBeCloseTo(2 / 500, 7);
  expect(factorOf([300, 400], 6, 100)).toBe(1);
  expect(factorOf([300, 400], 2, 1e30)).toBe(1);
  // Never makes one longer, however little is allowed.
  expect(factorOf([0.3, 0.4], 2, 0.1)).toBe(1);
  expect(factorOf([0, 0], 2, 100)).toBe(1);
  // Beside no loss nothing is long.
  expect([factorOf([0, 0], 0, 100), factorOf([3, 4], 0, 1e30)]).toEqual([1, 1]);
});

it('is a factor in (0, 1] of any finite gradient, the same whatever the weights of the losses', () => {
  const size = fc.double({ min: 1e-6, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(size, size, fc.integer({ min: -4, max: 4 }), (norm, loss, power) => {
      const factor = factorOf([norm], loss, 100);
      expect(factor).toBeGreaterThan(0);
      expect(factor).toBeLessThanOrEqual(1);
      const weight = 2 ** power;
      expect(factorOf([weight * norm], weight * loss, 100)).toBe(factor);
    }),
  );
});

it('takes the size of each term of the generator’s loss, and none of the discriminators’', () => {
  tf.tidy(() => {
    const terms = {
      'generator/frame_adversarial': tf.scalar(-3),
      'generator/reconstruction': tf.scalar(2),
      'discriminator/frame_real': tf.scalar(9),
    };
    expect(sizeOfLoss(terms).dataSync()[0]).toBe(5);
    expect(sizeOfLoss({}).dataSync()[0]).toBe(0);
  });
});

it('says how many times its loss a gradient is long', () => {
  const terms = {
    'generator/frame_adversarial': -3,
    'generator/warp': 2,
    'discriminator/frame_real': 9,
  };
  expect(timesItsLoss(10, terms)).toBe(2);
  expect(timesItsLoss(Infinity, terms)).toBe(Infinity);
  expect(timesItsLoss(10, {})).toBe(0);
});
