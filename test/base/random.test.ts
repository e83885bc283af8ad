import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream, type RandomPurpose } from '../../src/base/random.js';

const PURPOSES: RandomPurpose[] = ['init', 'data', 'noise', 'eval', 'sample', 'regularization'];
const COUNT = 50_000;

const normals = (seed: number, purpose: RandomPurpose, index: number | string, count: number) =>
  randomStream(seed, purpose, index).fillNormal(new Float32Array(count));

const mean = (values: ArrayLike<number>, power = 1): number =>
  Array.from(values).reduce((sum, value) => sum + value ** power, 0) / values.length;

function correlation(a: Float32Array, b: Float32Array): number {
  return mean(a.map((value, i) => value * b[i]!));
}

describe('randomStream', () => {
  it('is a pure function of seed, purpose and index', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...PURPOSES), fc.nat(), (seed, purpose, index) => {
        expect(normals(seed, purpose, index, 5)).toEqual(normals(seed, purpose, index, 5));
      }),
    );
  });

  it('draws the same whatever is drawn from other streams meanwhile', () => {
    const alone = randomStream(1, 'data', 7);
    const expected = [alone.uniform(), alone.normal(), alone.integer(0, 99)];
    const mixed = randomStream(1, 'data', 7);
    const other = randomStream(1, 'eval', 7);
    const drawn = [mixed.uniform(), (other.normal(), mixed.normal())];
    other.integer(0, 9);
    expect([...drawn, mixed.integer(0, 99)]).toEqual(expected);
  });

  // A correlation of independent normals deviates by 1/√COUNT: 0.0045.
  it('gives independent streams for each purpose, neighbouring seeds and indices', () => {
    const streams = [
      ...PURPOSES.map((purpose) => normals(1, purpose, 0, COUNT)),
      normals(2, 'init', 0, COUNT),
      normals(1, 'init', 1, COUNT),
      normals(1, 'init', 'layer.weight', COUNT),
    ];
    for (const [i, a] of streams.entries()) {
      for (const b of streams.slice(i + 1)) {
        expect(Math.abs(correlation(a, b))).toBeLessThan(0.025);
      }
    }
  });

  it('does not mistake one seed and index for another', () => {
    expect(normals(1, 'data', 11, 4)).not.toEqual(normals(11, 'data', 1, 4));
    expect(normals(1, 'data', '1/2', 4)).not.toEqual(normals(1, 'data', 12, 4));
  });

  it('draws uniforms in [0, 1) with their moments', () => {
    const stream = randomStream(3, 'noise');
    const values = Array.from({ length: COUNT }, () => stream.uniform());
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(mean(values)).toBeCloseTo(1 / 2, 2);
    expect(mean(values, 2) - mean(values) ** 2).toBeCloseTo(1 / 12, 2);
    const quarters = [0, 1, 2, 3].map(
      (quarter) => values.filter((value) => Math.floor(value * 4) === quarter).length / COUNT,
    );
    for (const share of quarters) expect(share).toBeCloseTo(0.25, 2);
  });

  it('draws normals with their moments, none infinite', () => {
    const values = normals(4, 'init', 'w', 4 * COUNT);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(Math.abs(mean(values))).toBeLessThan(0.01);
    expect(mean(values, 2)).toBeCloseTo(1, 1.7);
    expect(Math.abs(mean(values, 3))).toBeLessThan(0.03);
    expect(Math.abs(mean(values, 4) - 3)).toBeLessThan(0.1);
    const within = values.filter((value) => Math.abs(value) < 1).length / values.length;
    expect(within).toBeCloseTo(0.6827, 2);
  });

  it('draws whole numbers from the whole closed range, evenly', () => {
    const stream = randomStream(5, 'data');
    const counts = new Map<number, number>();
    for (let i = 0; i < 10_000; i += 1) {
      const value = stream.integer(-2, 2);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(200);
    expect(stream.integer(3, 3)).toBe(3);
  });

  // Golden: changing the generator would change every training and break resuming old runs.
  it('draws what it always drew', () => {
    const stream = randomStream(42, 'init', 'history.stem.weight');
    expect({
      uniform: stream.uniform(),
      normal: stream.normal(),
      integer: stream.integer(0, 1e6),
    }).toMatchInlineSnapshot(`
      {
        "integer": 492612,
        "normal": -1.7312976447281196,
        "uniform": 0.4357440116665865,
      }
    `);
  });
});
