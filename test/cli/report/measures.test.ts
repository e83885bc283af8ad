import { describe, expect, it } from 'vitest';
import { formatMeasures } from '../../../src/cli/commands/evaluate/measures-table.js';
import { marksOf, measureOf, measuresIn, valuesOf } from '../../../src/cli/report/measures.js';

const row = (values: Record<string, number>) => new Map(Object.entries(values));

describe('the numbers of a row', () => {
  it('are found at any depth, with the ratio of motions; lists and what is null are none', () => {
    const measured = { psnr: 20, tOF: null, drift: { psnr: -0.5 }, curve: [1, 2], word: 'x' };
    expect([...valuesOf(measured)]).toEqual([
      ['psnr', 20],
      ['drift.psnr', -0.5],
    ]);
    const moving = valuesOf({ temporalDifference: 0.02, realTemporalDifference: 0.04 });
    expect(moving.get('motionRatio')).toBe(0.5);
  });

  it('are shown by their names, and those without one by their paths', () => {
    const values = [
      row({ newMeasure: 3, tOF: 1, frames: 9 }),
      row({ psnr: 20, realTemporalDifference: 1 }),
    ];
    expect(measuresIn(values).map(({ title, group }) => [title, group])).toEqual([
      ['PSNR dB', 'frame by frame'],
      ['tOF px', 'motion'],
      ['newMeasure', 'other'],
    ]);
  });
});

describe('the best of a column', () => {
  const marks = (path: string, runs: number[], baselines: number[], beside = {}) =>
    marksOf(
      measureOf(path),
      runs.map((value) => row({ [path]: value, ...beside })),
      baselines.map((value) => row({ [path]: value, ...beside })),
    );

  it('is the largest, the smallest, the nearest to 1 or 0, or to the real frames', () => {
    expect(marks('psnr', [20, 21], []).runs).toEqual([null, 'best']);
    expect(marks('tOF', [0.3, 0.4], []).runs).toEqual(['best', null]);
    // Twice is as far off as half.
    expect(marks('sharpnessRatio', [0.6, 1.5], []).runs).toEqual([null, 'best']);
    expect(marks('drift.psnr', [-0.2, 0.5], []).runs).toEqual(['best', null]);
    const real = { realTemporalDifference: 0.05 };
    expect(marks('temporalDifference', [0.02, 0.06], [0], real)).toEqual({
      runs: [null, 'best'],
      baselines: [null],
    });
  });

  it('is shared by values that read the same, and told of baselines that no run reaches', () => {
    expect(marks('psnr', [20.001, 20.002, 19], [25, 18, 20.004])).toEqual({
      runs: ['best', 'best', null],
      baselines: ['ahead', null, null],
    });
    expect(marks('psnr', [20], [25])).toEqual({ runs: [null], baselines: ['ahead'] });
    expect(marks('psnr', [NaN, NaN], [25]).runs).toEqual([null, null]);
    expect(marks('drift.ssim', [-0.0001, 0.0002], []).runs).toEqual(['best', 'best']);
  });

  it('is marked behind its number in a table, where the digits stay below each other', () => {
    const table = formatMeasures(
      [
        { name: 'a', facts: ['10'], values: row({ psnr: 20, ssim: 0.5 }) },
        { name: 'b', facts: ['20'], values: row({ psnr: 21, ssim: 0.6 }) },
        { name: 'freeze', values: row({ psnr: 22, ssim: 0.2 }) },
      ],
      { facts: ['step'], runs: 2 },
    );
    expect(
      table
        .split('\n')
        .slice(0, 6)
        .map((line) => line.slice(0, 28)),
    ).toEqual(
      [
        '        step  PSNR dB    SSIM ',
        '──────  ────  ───────  ──────',
        'a         10   20.00   0.500 ',
        'b         20   21.00*  0.600*',
        'freeze         22.00†  0.200 ',
        '',
      ].map((line) => line.slice(0, 28)),
    );
    // How frames follow each other stands in a second one.
    expect(table.split('\n')[6]).toMatch(/^ +\|Δt\| made \/ real .* slow, middle, fast dB$/);
  });

  it('has intervals beside its numbers, and is no wider than a terminal', () => {
    const measures = {
      ...{ psnr: 17.3312, ssim: 0.511, sharpnessRatio: 0.61, checkerRatio: 1.02, score: 0.42 },
      ...{ temporalDifference: 0.0412, realTemporalDifference: 0.0511, tOF: 0.467 },
      ...{ warpingError: 0.01234, realWarpingError: 0.00123 },
      flicker: { slow: -12.34, middle: -1.2, fast: -10.06 },
      intervals: { psnr: [17.1, 17.52], ssim: [0.5, 0.52], sharpnessRatio: null },
    };
    const lines = formatMeasures([{ name: 'nearest condition', values: valuesOf(measures) }]);
    expect(lines).toContain(' 17.33 ± 0.21 ');
    expect(lines).toContain(' 0.511 ± 0.010 ');
    expect(lines).toContain(' −12.3 −1.2 −10.1');
    expect(Math.max(...lines.split('\n').map((line) => line.length))).toBeLessThan(100);
  });
});
