import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../src/base/random.js';
import { drawAugmentation, jitterColour, warpFrames } from '../../src/clips/augment.js';

const none = { flipped: false, crop: null, colour: null };
const frames = fc
  .record({
    width: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 7 }),
    count: fc.integer({ min: 1, max: 3 }),
    channels: fc.constantFrom(1, 3),
  })
  .chain(({ width, height, count, channels }) =>
    fc
      .uint8Array({
        minLength: width * height * count * channels,
        maxLength: width * height * count * channels,
      })
      .map((data) => ({ data, width, height, channels })),
  );

describe('warpFrames', () => {
  it('mirrors each row, and back', () => {
    fc.assert(
      fc.property(frames, (given) => {
        const flipped = { ...none, flipped: true };
        const once = warpFrames(given, flipped, 'linear');
        const { width, channels } = given;
        for (let i = 0; i < once.length; i += 1) {
          const pixel = Math.floor(i / channels);
          const x = pixel % width;
          const from = (pixel - x + width - 1 - x) * channels + (i % channels);
          expect(once[i]).toBe(given.data[from]);
        }
        expect(warpFrames({ ...given, data: once }, flipped, 'nearest')).toEqual(given.data);
        expect(warpFrames(given, none, 'linear')).toBe(given.data);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps a crop of everything as it is, mirrored or not', () => {
    fc.assert(
      fc.property(frames, fc.boolean(), (given, flipped) => {
        const crop = { left: 0, top: 0, width: given.width, height: given.height };
        for (const resample of ['linear', 'nearest'] as const) {
          expect(warpFrames(given, { ...none, flipped, crop }, resample)).toEqual(
            new Uint8Array(warpFrames(given, { ...none, flipped }, resample)),
          );
        }
      }),
      { numRuns: 30 },
    );
  });

  it('makes no label that was not there, and moves pictures and labels alike', () => {
    // The picture is the label times 10: only the pixels between two labels may differ.
    const data = Uint8Array.from({ length: 32 * 24 }, (_, i) => (i % 32 < 11 ? 0 : 20));
    const given = { data, width: 32, height: 24, channels: 1 };
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const drawn = drawAugmentation(
          randomStream(seed, 'data'),
          { flip: true, cropFraction: 0.4, colourFraction: 0 },
          given,
        );
        const labels = warpFrames(given, drawn, 'nearest');
        const picture = warpFrames(given, drawn, 'linear');
        expect(new Set(labels).size).toBeLessThanOrEqual(2);
        labels.forEach((label, i) => expect(Math.abs(label - picture[i]!)).toBeLessThanOrEqual(10));
      }),
      { numRuns: 30 },
    );
  });
});

describe('jitterColour', () => {
  it('turns contrast around mid-grey and saturation around luma', () => {
    const pixel = Uint8Array.from([100, 150, 200]);
    const of = (brightness: number, contrast: number, saturation: number): number[] => [
      ...jitterColour(pixel, 3, { brightness, contrast, saturation }),
    ];
    expect(of(1, 1, 1)).toEqual([100, 150, 200]);
    expect(of(1.2, 1, 1)).toEqual([120, 180, 240]);
    expect(of(1, 0.5, 1)).toEqual([114, 139, 164]);
    const grey = Math.round(0.299 * 100 + 0.587 * 150 + 0.114 * 200);
    expect(of(1, 1, 0)).toEqual([grey, grey, grey]);
    expect(of(2, 1, 1)).toEqual([200, 255, 255]);
    expect(jitterColour(pixel, 3, null)).toBe(pixel);
    const dark = { brightness: 0.5, contrast: 1, saturation: 0 };
    expect([...jitterColour(pixel, 1, dark)]).toEqual([50, 75, 100]);
  });
});

describe('drawAugmentation', () => {
  it('draws nothing that is off, and keeps crops inside the frame', () => {
    const size = { width: 32, height: 24 };
    const off = { flip: false, cropFraction: 0, colourFraction: 0 };
    expect(drawAugmentation(randomStream(1, 'data'), off, size)).toEqual(none);
    const on = { flip: true, cropFraction: 0.5, colourFraction: 0.2 };
    const draws = Array.from({ length: 200 }, (_, i) =>
      drawAugmentation(randomStream(1, 'data', i), on, size),
    );
    for (const { crop, colour } of draws) {
      expect(crop!.left + crop!.width).toBeLessThanOrEqual(32 + 1e-9);
      expect(crop!.top + crop!.height).toBeLessThanOrEqual(24 + 1e-9);
      expect(crop!.width / 32).toBeGreaterThanOrEqual(0.5);
      for (const factor of Object.values(colour!)) expect(Math.abs(factor - 1)).toBeLessThan(0.2);
    }
    const flips = draws.filter(({ flipped }) => flipped).length;
    expect(flips).toBeGreaterThan(70);
    expect(flips).toBeLessThan(130);
  });
});
