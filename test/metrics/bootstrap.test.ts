import { describe, expect, it } from 'vitest';
import { randomStream } from '../../src/base/random.js';
import { blockLength, bootstrapInterval } from '../../src/metrics/index.js';

/** A series whose neighbours are alike: x = ρ·x before + noise of variance 1. */
function alike(count: number, correlation: number, seed: number): number[] {
  const random = randomStream(seed, 'eval', 'test');
  let last = random.normal() / Math.sqrt(1 - correlation ** 2);
  return Array.from({ length: count }, () => {
    const now = last;
    last = correlation * last + random.normal();
    return now;
  });
}

const draw = { seed: 1, name: 'test' };
const halfWidth = (series: readonly (readonly number[])[]): number => {
  const [low, high] = bootstrapInterval(series, draw)!;
  return (high - low) / 2;
};

describe('the interval of a mean', () => {
  it('is as wide as the variance of independent values says', () => {
    const values = alike(900, 0, 3);
    expect(halfWidth([values])).toBeGreaterThan((0.85 * 1.96) / 30);
    expect(halfWidth([values])).toBeLessThan((1.15 * 1.96) / 30);
  });

  it('is wider by as much as neighbours are alike', () => {
    // The mean of so many has deviation 1 / (1 − ρ) / √n.
    const expected = 1.96 / (1 - 0.8) / Math.sqrt(2000);
    const widths = [1, 2, 3].map((seed) => halfWidth([alike(2000, 0.8, seed)]));
    for (const width of widths) {
      expect(width).toBeGreaterThan(0.65 * expected);
      expect(width).toBeLessThan(1.3 * expected);
    }
  });

  it('holds the mean as often as it says', () => {
    const rollouts = (seed: number): number[][] =>
      [0, 1, 2].map((part) => alike(40, 0.5, 10 * seed + part));
    let held = 0;
    for (let seed = 0; seed < 60; seed += 1) {
      const [low, high] = bootstrapInterval(rollouts(seed), draw)!;
      held += +(low <= 0 && high >= 0);
    }
    // Of so few frames somewhat less than 95 in a hundred.
    expect(held / 60).toBeGreaterThan(0.8);
  });

  it('is the same for the same seed, nothing of few values, and a point of equal ones', () => {
    const values = alike(50, 0.5, 1);
    expect(bootstrapInterval([values], draw)).toEqual(bootstrapInterval([values], draw));
    expect(bootstrapInterval([values], draw)).not.toEqual(
      bootstrapInterval([values], { ...draw, seed: 2 }),
    );
    expect(bootstrapInterval([values.slice(0, 7)], draw)).toBeNull();
    expect(bootstrapInterval([[...values, NaN]], draw)).toBeNull();
    expect(bootstrapInterval([Array<number>(12).fill(100)], draw)).toEqual([100, 100]);
  });
});

describe('the length of blocks', () => {
  it('is arch’s', () => {
    // x = ρ·x before + uniform noise, by a congruential generator: `optimal_block_length(x).circular` of arch 8.0.0.
    const series = (count: number, correlation: number): number[] => {
      let [state, x] = [1, 0];
      return Array.from({ length: count }, () => {
        state = (1_664_525 * state + 1_013_904_223) % 2 ** 32;
        x = correlation * x + state / 2 ** 32 - 0.5;
        return x;
      });
    };
    const golden = [
      [60, 0.5, 5.533],
      [200, 0.8, 10.137],
      [400, 0.3, 5.636],
      [1000, 0, 1.928],
      [1000, 0.9, 52.074],
    ] as const;
    for (const [count, correlation, length] of golden) {
      const own = blockLength([series(count, correlation)]);
      expect(Math.abs(own - length)).toBeLessThan(1);
    }
  });

  it('is what the correlation of neighbours makes best', () => {
    // Of x = ρ·x before + noise: (1.5 · (2ρ / (1 − ρ²))²)^⅓ · n^⅓.
    const best = Math.cbrt(1.5 * ((2 * 0.7) / (1 - 0.49)) ** 2 * 4000);
    const lengths = [1, 2, 3].map((seed) => blockLength([alike(4000, 0.7, seed)]));
    for (const length of lengths) {
      expect(length).toBeGreaterThan(0.6 * best);
      expect(length).toBeLessThan(1.5 * best);
    }
    expect(blockLength([alike(4000, 0, 1)])).toBeLessThan(6);
  });

  it('knows no neighbours across rollouts, and is a third of all at most', () => {
    const steps = Array.from({ length: 30 }, (_, i) => Array<number>(2).fill(i % 2));
    expect(blockLength(steps)).toBeLessThan(blockLength([steps.flat()]));
    const rising = blockLength([Array.from({ length: 30 }, (_, i) => i)]);
    expect(rising).toBeGreaterThan(4);
    expect(rising).toBeLessThanOrEqual(10);
    expect(blockLength([[5, 5, 5, 5, 5, 5, 5, 5]])).toBe(1);
  });
});
