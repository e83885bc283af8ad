import { describe, expect, it } from 'vitest';
import {
  createFlickerMeter,
  createRolloutMeasure,
  flickerRatio,
  type FlickerBand,
  type FlickerPowers,
} from '../../src/metrics/index.js';
import { paint } from './pictures.js';

/** Grey frames of a level of 8 bits by time. */
function powersOf(frames: number, level: (t: number, x: number) => number): FlickerPowers | null {
  const meter = createFlickerMeter();
  for (let t = 0; t < frames; t += 1) {
    meter.add(paint(8, 8, (x) => level(t, x) / 127.5 - 1, 1));
  }
  return meter.result();
}

const wave =
  (cycles: number, amplitude = 40) =>
  (t: number): number =>
    127 + amplitude * Math.cos(2 * Math.PI * cycles * t);

describe('flicker by frequency', () => {
  it('is half the square of a sine’s amplitude, in the band of its frequency', () => {
    const share = (cycles: number, band: FlickerBand): number =>
      powersOf(48, wave(cycles))![band] / 800;
    expect(share(3 / 16, 'middle')).toBeGreaterThan(0.8);
    expect(share(3 / 16, 'middle')).toBeLessThan(1);
    expect(share(6 / 16, 'fast')).toBeCloseTo(1, 1);
    expect(share(6 / 16, 'middle')).toBeLessThan(0.001);
    // A window of sixteen frames tells frequencies apart by a sixteenth, and its mean is taken off, which is much of
    // the slowest.
    expect(share(1 / 16, 'slow')).toBeGreaterThan(share(1 / 16, 'middle'));
    expect(share(1 / 16, 'fast')).toBeLessThan(0.001);
    // From one frame to the next: all of it, not half.
    expect(powersOf(16, wave(1 / 2))!.fast).toBeCloseTo(1600, -1);
  });

  it('is nothing of what stays, whatever the picture', () => {
    expect(powersOf(40, (_, x) => 30 * x)).toEqual({ slow: 0, middle: 0, fast: 0 });
    expect(powersOf(15, wave(0.5))).toBeNull();
  });

  it('is told as a ratio in which what cannot be seen counts for nothing', () => {
    const real = powersOf(32, wave(3 / 16, 20))!;
    const twice = flickerRatio(powersOf(32, wave(3 / 16, 40))!, real);
    expect(twice.middle).toBeCloseTo(6.02, 1);
    const still = powersOf(32, () => 127)!;
    expect(flickerRatio(still, still)).toEqual({ slow: 0, middle: 0, fast: 0 });
    // One level up and down is above the half of one that is not seen, and far from infinite.
    const hardly = flickerRatio(
      powersOf(32, (t) => 127 + (t % 2))!,
      still,
    );
    expect(hardly.fast).toBeGreaterThan(1);
    expect(hardly.fast).toBeLessThan(5);
  });

  it('of frames that are all replaced by their mean is far below the real frames’', () => {
    const measure = createRolloutMeasure();
    for (let t = 0; t < 24; t += 1) {
      const noise = (x: number, y: number): number =>
        Math.sin(12.9898 * x + 78.233 * y + 1.7 * t * t);
      measure.add(
        paint(16, 16, () => 0),
        paint(16, 16, (x, y) => 0.5 * noise(x, y)),
      );
    }
    const { flicker, frames } = measure.result();
    expect(frames).toBe(24);
    expect(Math.max(flicker!.slow, flicker!.middle, flicker!.fast)).toBeLessThan(-20);
  });

  it('refuses frames of another size', () => {
    const meter = createFlickerMeter();
    meter.add(paint(8, 8, () => 0));
    expect(() => meter.add(paint(8, 4, () => 0))).toThrow(/32 pixels/);
  });
});
