import { describe, expect, it } from 'vitest';
import { differencesOf, sayDifference } from '../../../src/cli/report/differences.js';

/** Frames of a rollout that are easy and hard by turns. */
const run = (name: string, frames: number, psnr: (t: number) => number) => ({
  name,
  rollouts: [0, 1].map((rollout) =>
    Array.from({ length: frames }, (_, t) => ({
      ...{ psnr: psnr(t) + 5 * Math.sin(t + rollout), ssim: 0.5 },
      ...{ sharpness: 1, realSharpness: 1, checker: 1, realChecker: 1 },
    })),
  ),
});

describe('differences of runs', () => {
  it('are found on the same frames, however unlike these are', () => {
    const worse = run('worse', 40, () => 20);
    const better = run('better', 40, (t) => 20.2 + 0.1 * Math.cos(3 * t));
    const found = differencesOf([worse, better]);
    expect(found[0]).toMatchObject({
      measure: 'psnr',
      best: 'better',
      other: 'worse',
      isApart: true,
    });
    expect(found[0]!.by).toBeCloseTo(0.2, 1);
    expect(found[0]!.interval![0]).toBeGreaterThan(0.15);
    // Equal ones are the first's, by nothing.
    expect(found[1]).toMatchObject({ measure: 'ssim', best: 'worse', by: 0, isApart: false });
    expect(sayDifference(found[0]!)).toMatch(
      /^PSNR dB: better is 0\.\d{3} above worse \(0\.1\d\d … 0\.2\d\d\)$/,
    );
  });

  it('are no differences where frames say now this and now that', () => {
    const found = differencesOf([
      run('one', 40, () => 20),
      run('two', 40, (t) => 20.05 + 2 * Math.sin(11 * t * t)),
    ])[0]!;
    expect(found.isApart).toBe(false);
    expect(sayDifference(found)).toMatch(/too little to tell them apart$/);
    const [few] = differencesOf([run('one', 2, () => 20), run('two', 2, () => 21)]);
    expect(sayDifference(few!)).toBe('PSNR dB: two is 1.000 above one: of too few frames to tell');
  });

  it('hold the best against all others, and say nothing of what makes no numbers', () => {
    const runs = [18, 21, 20].map((psnr) => run(`at ${psnr}`, 10, () => psnr));
    expect(
      differencesOf(runs).flatMap(({ measure, best, other }) =>
        measure === 'psnr' ? [[best, other]] : [],
      ),
    ).toEqual([
      ['at 21', 'at 18'],
      ['at 21', 'at 20'],
    ]);
    expect(differencesOf([run('a', 9, () => NaN), run('b', 9, () => NaN)])).toMatchObject([
      { measure: 'ssim' },
    ]);
  });
});
