import { describe, expect, it } from 'vitest';
import {
  createMeanImage,
  createNearestCondition,
  createRolloutComparison,
  createRolloutMeasure,
  evaluateRollout,
  openFlow,
  psnr,
  type Image,
} from '../../src/metrics/index.js';
import { paint, waves } from './pictures.js';

const moving = (count: number): Image[] =>
  Array.from({ length: count }, (_, i) => waves(i * 1.5, i * 0.5, 48, 40));

describe('evaluateRollout', () => {
  it('finds nothing wrong with the real frames themselves', async () => {
    const real = moving(8);
    const measures = await evaluateRollout(real, real, { flow: await openFlow() });
    expect(measures).toMatchObject({
      frames: 8,
      psnr: 100,
      sharpnessRatio: 1,
      checkerRatio: 1,
      tOF: 0,
    });
    expect(measures.ssim).toBeCloseTo(1, 9);
    expect(measures.temporalDifference).toBe(measures.realTemporalDifference);
    expect(measures.warpingError).toBe(measures.realWarpingError);
    expect(measures.warpingError).toBeLessThan(0.01);
    expect(measures.drift!.psnr).toBe(0);
  });

  it('tells frozen, flickering and fading frames from moving ones', async () => {
    const real = moving(12);
    const flow = await openFlow();
    const frozen = await evaluateRollout(
      real.map(() => real[0]!),
      real,
      { flow },
    );
    expect(frozen.temporalDifference).toBe(0);
    expect(frozen.tOF).toBeGreaterThan(1);

    const flickering = real.map((image, i) => ({
      ...image,
      data: image.data.map((value) => value * (i % 2 === 0 ? 1 : 0.7)),
    }));
    const flickered = await evaluateRollout(flickering, real, { flow });
    expect(flickered.warpingError!).toBeGreaterThan(3 * flickered.realWarpingError!);

    const fading = real.map((image, i) => ({
      ...image,
      data: image.data.map((value) => value * (1 - i / 12)),
    }));
    const faded = await evaluateRollout(fading, real);
    expect(faded.drift!.sharpnessRatio!).toBeLessThan(-0.5);
    expect(faded.drift!.psnr).toBeLessThan(-10);
    expect(faded.tOF).toBeNull();
  });

  it('refuses sequences of different length, and none', async () => {
    const real = moving(3);
    await expect(evaluateRollout(real.slice(1), real)).rejects.toThrow(/only 2 generated/);
    await expect(evaluateRollout(real, real.slice(1))).rejects.toThrow(/only 2 real/);
    await expect(evaluateRollout([], [])).rejects.toMatchObject({ code: 'bad-data' });
  });

  it('closes the real frames when the generated ones fail', async () => {
    let closed = false;
    function* reals(): Generator<Image> {
      try {
        yield* moving(5);
      } finally {
        closed = true;
      }
    }
    function* generated(): Generator<Image> {
      yield waves(0, 0, 48, 40);
      throw new Error('the generator broke');
    }
    await expect(evaluateRollout(generated(), reals())).rejects.toThrow('the generator broke');
    expect(closed).toBe(true);
  });
});

describe('createRolloutComparison', () => {
  it('measures each row as it would alone, even when buffers are reused', async () => {
    const real = moving(5);
    const flow = await openFlow();
    const rows = createRolloutComparison(['same', 'frozen'], { flow });
    const alone = createRolloutMeasure({ flow });
    const buffer = real[0]!.data.slice();
    for (const image of real) {
      buffer.set(image.data);
      rows.add({ same: { ...image, data: buffer }, frozen: real[0]! }, image);
      alone.add(real[0]!, image);
    }
    const result = rows.result();
    expect(result.frozen).toEqual(alone.result());
    expect(result.same).toMatchObject({ psnr: 100, tOF: 0 });
    expect(result.same.temporalDifference).toBeGreaterThan(0);
  });

  it('takes no dots for such that nobody sees, beside a picture without any', () => {
    const dotted = (levels: number) =>
      paint(64, 48, (x, y) => ((x + y) % 2 === 0 ? levels : -levels) / 127.5);
    const ratioOf = (levels: number): number => {
      const measure = createRolloutMeasure();
      measure.add(dotted(levels), dotted(0));
      return measure.result().checkerRatio!;
    };
    expect(ratioOf(0.1)).toBeCloseTo(1.4, 5);
    expect(ratioOf(1)).toBeCloseTo(5, 5);
  });

  it('has nothing to say of one frame’s motion', () => {
    const measure = createRolloutMeasure();
    expect(() => measure.result()).toThrow(/no frame/);
    measure.add(
      waves(0, 0),
      paint(64, 48, () => 0),
    );
    expect(measure.result()).toMatchObject({
      frames: 1,
      temporalDifference: null,
      sharpnessRatio: null,
      drift: null,
    });
  });
});

describe('createMeanImage', () => {
  it('is the mean', () => {
    const mean = createMeanImage();
    expect(() => mean.result()).toThrow(/no frame/);
    for (const value of [-1, 0, 0.25]) mean.add(paint(4, 3, () => value));
    expect(mean.result().data[5]).toBeCloseTo(-0.25, 6);
    expect(() => mean.add(paint(3, 4, () => 0))).toThrow(/different size/);
  });
});

describe('createNearestCondition', () => {
  it('finds the frame asked for among many', () => {
    const nearest = createNearestCondition<number>();
    expect(() => nearest.nearest(waves(0, 0))).toThrow(/no training condition/);
    for (let i = 0; i < 20; i += 1) nearest.add(waves(i, 0), i);
    expect(nearest.nearest(waves(13.1, 0))).toBe(13);
  });

  it('stays within its memory, keeping frames spread evenly', () => {
    const limits = { memoryBytes: 40 * 768, conditionBytes: 800 };
    const nearest = createNearestCondition<number>(limits);
    for (let i = 0; i < 1000; i += 1) {
      // A white bar that moves on.
      nearest.add(
        paint(64, 48, (x) => (Math.abs(x - (i * 64) / 1000) < 6 ? 1 : -1), 1),
        i,
      );
      expect(nearest.heldBytes).toBeLessThanOrEqual(limits.memoryBytes);
    }
    expect(nearest.heldBytes).toBeGreaterThan(limits.memoryBytes / 4);
    const found = nearest.nearest(paint(64, 48, (x) => (Math.abs(x - 32) < 6 ? 1 : -1), 1));
    expect(Math.abs(found - 500)).toBeLessThan(40);
  });

  it('gives a better frame than any other choice would, by its own measure', () => {
    const frames = moving(10);
    const nearest = createNearestCondition<number>();
    frames.forEach((frame, i) => nearest.add(frame, i));
    const wanted = waves(6.4, 2.1, 48, 40);
    const best = frames.map((frame) => psnr(frame, wanted));
    expect(nearest.nearest(wanted)).toBe(best.indexOf(Math.max(...best)));
  });
});
