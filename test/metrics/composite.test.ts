import { describe, expect, it } from 'vitest';
import { compositeScore, createRolloutMeasure, motionRatio } from '../../src/metrics/index.js';
import { waves } from './pictures.js';

const clean = { ssim: 0.6, sharpnessRatio: 1, checkerRatio: 1, motionRatio: 1 };

describe('the composite score', () => {
  it('is SSIM while all else is as it should be', () => {
    expect(compositeScore(clean)).toBe(0.6);
    const edges = { ssim: 0.6, sharpnessRatio: 0.9, checkerRatio: 1.2, motionRatio: 1.25 };
    expect(compositeScore(edges)).toBeCloseTo(0.6, 12);
    expect(compositeScore({ ...clean, checkerRatio: 0.3 })).toBe(0.6);
  });

  it('falls by the root of how far a ratio is out of its band', () => {
    expect(compositeScore({ ...clean, sharpnessRatio: 0.45 })).toBeCloseTo(0.6 * Math.SQRT1_2, 12);
    expect(compositeScore({ ...clean, sharpnessRatio: 2.2 })).toBeCloseTo(0.6 * Math.SQRT1_2, 12);
    expect(compositeScore({ ...clean, checkerRatio: 4.8 })).toBeCloseTo(0.3, 12);
    expect(compositeScore({ ...clean, motionRatio: 0.2 })).toBeCloseTo(0.3, 12);
    expect(compositeScore({ ...clean, motionRatio: 0 })).toBe(0);
    // Of what hardly moves, noise alone: no generator has to imitate it.
    const level = 2 / 255;
    const still = { temporalDifference: 0, realTemporalDifference: level / 4 };
    expect(compositeScore({ ...clean, motionRatio: 0, ...still })).toBeCloseTo(0.6, 12);
    const frozen = { temporalDifference: 0, realTemporalDifference: 9 * level };
    expect(compositeScore({ ...clean, motionRatio: 0, ...frozen })).toBeCloseTo(
      0.6 * Math.sqrt(0.1 / 0.8),
      12,
    );
    expect(compositeScore({ ...clean, sharpnessRatio: 0.45, motionRatio: 2.5 })).toBeCloseTo(
      0.3,
      12,
    );
  });

  it('takes nothing away for what is not known, and is no better for being wrong', () => {
    expect(
      compositeScore({ ssim: 0.6, sharpnessRatio: null, checkerRatio: null, motionRatio: null }),
    ).toBe(0.6);
    expect(compositeScore({ ...clean, ssim: null })).toBeNull();
    expect(compositeScore({ ...clean, ssim: -0.2, sharpnessRatio: 0.1 })).toBe(-0.2);
  });

  it('stands with the measures of a rollout', () => {
    const measure = createRolloutMeasure();
    for (let t = 0; t < 12; t += 1) {
      const real = waves(1.5 * t, 0, 32, 24);
      const soft = { ...real, data: real.data.map((value) => 0.5 * value) };
      measure.add(soft, real);
    }
    const measures = measure.result();
    expect(measures.sharpnessRatio).toBeCloseTo(0.5, 6);
    expect(measures.score).toBe(
      compositeScore({ ...measures, motionRatio: motionRatio(measures) }),
    );
    expect(measures.score).toBeLessThan(0.7 * measures.ssim);
    const { psnr, ssim, sharpnessRatio, checkerRatio } = measures.intervals!;
    expect(psnr![0]).toBeLessThanOrEqual(measures.psnr);
    expect(psnr![1]).toBeGreaterThanOrEqual(measures.psnr);
    expect(ssim![1] - ssim![0]).toBeLessThan(0.1);
    // Halved everywhere, however much there is: a ratio without spread.
    expect(sharpnessRatio![1] - sharpnessRatio![0]).toBeLessThan(1e-6);
    expect(checkerRatio![0]).toBeLessThan(checkerRatio![1]);
  });
});
