import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { shortening, timesItsLoss } from '../../src/training/shortening.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
});

const timesOf = (gradient: readonly number[], terms: Readonly<Record<string, number>>): number =>
  tf.tidy(() => {
    const scalars = Object.entries(terms).map(([name, value]) => [name, tf.scalar(value)] as const);
    const own = Object.fromEntries(scalars);
    return timesItsLoss(tf.tensor1d([...gradient]), own).dataSync()[0]!;
  });
const factorOf = (times: number, most: number): number =>
  tf.tidy(() => shortening(tf.scalar(times), tf.scalar(most)).dataSync()[0]!);

it('is how many times its loss the generator’s gradient is long, each term by its size', () => {
  const terms = { 'generator/frame_adversarial': -3, 'generator/warp': 2 };
  expect(timesOf([6, 8], terms)).toBe(2);
  expect(timesOf([6, 8], { ...terms, 'discriminator/frame_real': 9 })).toBe(2);
  // Beside no loss nothing is long.
  expect(timesOf([6, 8], {})).toBe(0);
  expect(timesOf([0, 0], { 'generator/warp': 0 })).toBe(0);
});

it('shortens what is far longer than its loss to it, and nothing else', () => {
  expect(factorOf(250, 100)).toBeCloseTo(1 / 250, 7);
  expect([factorOf(100, 100), factorOf(250, 1e30), factorOf(0, 100)]).toEqual([1, 1, 1]);
  // Never makes one longer, however little is allowed.
  expect(factorOf(0.25, 0.1)).toBe(1);
});

it('is a factor in (0, 1] of any finite gradient', () => {
  const size = fc.double({ min: 1e-6, max: 1e15, noNaN: true });
  fc.assert(
    fc.property(size, size, (times, most) => {
      const factor = factorOf(times, most);
      expect(factor).toBeGreaterThan(0);
      expect(factor).toBeLessThanOrEqual(1);
    }),
  );
});
