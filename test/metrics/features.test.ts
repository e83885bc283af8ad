import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../src/base/random.js';
import { eigenvalues } from '../../src/metrics/eigenvalues.js';
import {
  frechetDistance,
  kernelDistance,
  resizeImage,
  type Features,
} from '../../src/metrics/index.js';
import { golden, imageOf, type GoldenTensor } from './pictures.js';

interface Case {
  readonly made?: GoldenTensor;
  readonly real: GoldenTensor;
  readonly kid: number;
  readonly fid: number;
  readonly image?: GoldenTensor;
  readonly resized: GoldenTensor;
}

const cases = golden<Case>('features');
const featuresOf = ({ shape, values }: GoldenTensor): Features =>
  Array.from({ length: shape[0]! }, (_, i) =>
    Float64Array.from(values.slice(i * shape[1]!, (i + 1) * shape[1]!)),
  );

/** Normal numbers with a mean and a spread of their own in each place. */
function drawn(name: string, count: number, means: readonly number[], spread = 1): Features {
  const random = randomStream(7, 'eval', name);
  return Array.from({ length: count }, () => {
    const numbers = random.fillNormal(new Float32Array(means.length));
    return Float64Array.from(numbers, (value, i) => means[i]! + spread * value);
  });
}

describe('distances of features', () => {
  it.each(cases.filter(({ made }) => made !== undefined))(
    'are those of NumPy and SciPy: $name',
    async ({ made, real, kid, fid }) => {
      const [a, b] = [featuresOf(made!), featuresOf(real)];
      expect((await kernelDistance(a, b))!.value).toBeCloseTo(kid, 6);
      expect(frechetDistance(a, b)).toBeCloseTo(fid, 5);
    },
  );

  it('of two normal distributions are what the formula says', () => {
    // The points of a cross in three directions have a diagonal covariance, and no chance in it.
    const cross = (means: readonly number[], spreads: readonly number[]): Features =>
      spreads.flatMap((spread, axis) =>
        [-1, 1].map((sign) =>
          Float64Array.from(means, (mean, i) => mean + (i === axis ? sign * spread : 0)),
        ),
      );
    const [a, b] = [cross([0, 0, 0], [1, 2, 3]), cross([3, 0, 4], [2, 2, 1])];
    // Variances are 2 s² / 5 of six points: 25 + 2/5 ((1 − 2)² + 0 + (3 − 1)²).
    expect(frechetDistance(a, b)).toBeCloseTo(25 + 2, 9);
    expect(frechetDistance(a, a)).toBeCloseTo(0, 9);
  });

  it('are the same both ways, and the same in another order of numbers', async () => {
    const vector = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), {
      minLength: 4,
      maxLength: 4,
    });
    const some = fc.array(vector, { minLength: 3, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(some, some, async (x, y) => {
        const setOf = (set: readonly number[][]): Features =>
          set.map((one) => Float64Array.from(one));
        const [a, b] = [setOf(x), setOf(y)];
        const near = (value: number | undefined | null, as: number | undefined | null): void => {
          expect(value).toBeCloseTo(as!, 6);
        };
        near((await kernelDistance(a, b))!.value, (await kernelDistance(b, a))!.value);
        near(frechetDistance(a, b), frechetDistance(b, a));
        const turned = (set: Features): Features => set.map((one) => one.toReversed());
        near(frechetDistance(turned(a), turned(b)), frechetDistance(a, b));
        near(
          (await kernelDistance(turned(a), turned(b)))!.value,
          (await kernelDistance(a, b))!.value,
        );
      }),
      { numRuns: 25, seed: 3 },
    );
  });

  it('by kernels is 0 in the mean for one distribution, and its error is how far it spreads', async () => {
    const found: number[] = [];
    const errors: number[] = [];
    const means = [0.2, -0.4, 0.1];
    for (let i = 0; i < 80; i += 1) {
      const far = means.map((mean) => mean + 0.5);
      const one = await kernelDistance(drawn(`a${i}`, 40, means), drawn(`b${i}`, 40, means));
      const two = await kernelDistance(drawn(`c${i}`, 40, means), drawn(`d${i}`, 40, far));
      found.push(one!.value);
      errors.push(two!.value, two!.standardError!);
    }
    const meanOf = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    const spreadOf = (values: readonly number[]): number =>
      Math.sqrt(meanOf(values.map((value) => (value - meanOf(values)) ** 2)));
    expect(Math.abs(meanOf(found))).toBeLessThan((3 * spreadOf(found)) / Math.sqrt(80));
    const apart = errors.filter((_, i) => i % 2 === 0);
    const told = errors.filter((_, i) => i % 2 === 1);
    expect(meanOf(apart)).toBeGreaterThan(5 * Math.abs(meanOf(found)));
    expect(meanOf(told) / spreadOf(apart)).toBeGreaterThan(0.75);
    expect(meanOf(told) / spreadOf(apart)).toBeLessThan(1.35);
  });

  it('are none of one vector, have no error of a few, and need one length', async () => {
    const few = drawn('few', 7, [0, 1]);
    expect(await kernelDistance(few.slice(0, 1), few)).toBeNull();
    expect(frechetDistance(few, few.slice(0, 1))).toBeNull();
    expect(await kernelDistance(few, few)).toMatchObject({ standardError: null });
    const long = drawn('long', 3, [0, 1, 2]);
    expect(() => frechetDistance(few, long)).toThrow('features of 2 and of 3 numbers');
    await expect(kernelDistance(few, long)).rejects.toMatchObject({ code: 'bad-shape' });
    const stop = (): Promise<void> => Promise.reject(new Error('stopped'));
    const many = drawn('many', 70, [0]);
    await expect(kernelDistance(many, many, stop)).rejects.toThrow('stopped');
  });
});

describe('eigenvalues', () => {
  /** Row by row, of a matrix with these eigenvalues, turned by reflections at vectors of sines. */
  function turned(values: readonly number[]): Float64Array {
    const n = values.length;
    const matrix = Float64Array.from({ length: n * n }, (_, i) =>
      i % n === Math.floor(i / n) ? values[i % n]! : 0,
    );
    for (let turn = 1; turn <= 3; turn += 1) {
      const at = Float64Array.from({ length: n }, (_, i) => Math.sin(turn * (i + 1) ** 1.3));
      const square = at.reduce((sum, value) => sum + value * value, 0);
      const along = (from: (i: number, k: number) => number) =>
        Float64Array.from({ length: n }, (_, i) => {
          let sum = 0;
          for (let k = 0; k < n; k += 1) sum += matrix[from(i, k)]! * at[k]!;
          return (2 * sum) / square;
        });
      const rows = along((i, k) => i * n + k);
      for (let i = 0; i < n * n; i += 1) matrix[i]! -= rows[Math.floor(i / n)]! * at[i % n]!;
      const columns = along((i, k) => k * n + i);
      for (let i = 0; i < n * n; i += 1) matrix[i]! -= columns[i % n]! * at[Math.floor(i / n)]!;
    }
    return matrix;
  }

  it.each([
    ['one', [4]],
    ['of both signs', [-3, -1e-9, 0, 2, 2, 1e3]],
    ['many, half of them 0', Array.from({ length: 60 }, (_, i) => Math.max(0, i - 30) ** 2)],
    ['all alike', [5, 5, 5, 5]],
    ['none but 0', [0, 0, 0]],
  ])('are those that a matrix was made with: %s', (_, values) => {
    const found = eigenvalues(turned(values), values.length);
    const scale = Math.max(1, ...values.map(Math.abs));
    const apart = found.map((value, i) => Math.abs(value - values[i]!));
    expect(Math.max(...apart)).toBeLessThan(1e-13 * scale);
    expect(found).toHaveLength(values.length);
  });

  it('need numbers', () => {
    expect(() => eigenvalues(new Float64Array(9).fill(NaN), 3)).toThrow('not finite');
  });
});

it.each(cases.filter(({ image }) => image !== undefined))(
  'a picture is resized as PyTorch does it: $name',
  ({ image, resized }) => {
    const own = imageOf(image!);
    const wanted = imageOf(resized);
    const found = resizeImage(own, wanted);
    expect(found).toMatchObject({ width: wanted.width, height: wanted.height, channels: 3 });
    const apart = found.data.map((value, i) => Math.abs(value - wanted.data[i]!));
    expect(Math.max(...apart)).toBeLessThan(2e-6);
    expect(resizeImage(own, own)).toBe(own);
  },
);
