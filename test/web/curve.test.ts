import { describe, expect, it } from 'vitest';
import { brief, Curves, duration, trace, type Point } from '../../web/src/training/curve.js';

const curve = (name: string, points: readonly Point[]) => ({
  name,
  title: name,
  group: 'losses' as const,
  points,
});

describe('curves of a training', () => {
  it('grow, and begin anew where the training went back', () => {
    const curves = new Curves();
    curves.take({ type: 'curves', replace: true, curves: [curve('a', [[1, 5]])] });
    curves.take({ type: 'curves', replace: false, curves: [curve('a', [[2, 4]]), curve('b', [])] });
    expect(curves.all.map(({ about, points }) => [about.name, points])).toEqual([
      [
        'a',
        [
          [1, 5],
          [2, 4],
        ],
      ],
      ['b', []],
    ]);
    curves.take({ type: 'curves', replace: true, curves: [curve('a', [[1, 6]])] });
    expect(curves.all).toHaveLength(1);
  });

  it('keep their memory small and their newest point', () => {
    const curves = new Curves();
    for (let step = 0; step < 20_001; step += 1) {
      curves.take({ type: 'curves', replace: false, curves: [curve('a', [[step, step % 7]])] });
    }
    const { points } = curves.all[0]!;
    expect(points.length).toBeLessThanOrEqual(4000);
    expect(points.length).toBeGreaterThan(1500);
    expect(points.at(-1)).toEqual([20_000, 20_000 % 7]);
  });

  it('are drawn with every spike, however many points there are', () => {
    const points = Array.from({ length: 10_000 }, (_, step): Point => [
      step,
      step === 5003 ? 9 : 1,
    ]);
    const drawn = trace(points, 100, 41)!;
    expect(drawn).toMatchObject({ least: 1, most: 9 });
    expect(drawn.columns).toHaveLength(100);
    expect(drawn.columns.filter(({ top }) => top === 0.5)).toHaveLength(1);
    expect(drawn.columns[0]).toEqual({ x: 0, top: 40.5, bottom: 40.5 });
    expect(trace([[1, Number.NaN]], 10, 10)).toBeNull();
    expect(trace([[4, 2]], 10, 10)!.columns).toEqual([{ x: 9, top: 5, bottom: 5 }]);
  });

  it('have numbers and times that are short', () => {
    expect([0, 0.12345, 12.345, 123_456, 0.0000123].map(brief)).toEqual([
      '0',
      '0.123',
      '12.3',
      '1.2e+5',
      '1.2e-5',
    ]);
    expect([3.4, 75, 3725].map(duration)).toEqual(['3 s', '1 min 15 s', '1 h 2 min']);
  });
});
