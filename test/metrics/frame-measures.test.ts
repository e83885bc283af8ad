import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checker,
  greyBytes,
  imageFromBytes,
  meanSquaredError,
  psnr,
  sharpness,
  ssim,
  temporalDifference,
} from '../../src/metrics/index.js';
import { golden, imageOf, paint, waves, type GoldenTensor } from './pictures.js';

interface MeasuresCase {
  real: GoldenTensor;
  generated: GoldenTensor;
  psnr: number;
  ssim: number;
  sharpness: number;
}

describe('against scikit-image', () => {
  it.each(golden<MeasuresCase>('measures'))('measures the pair "$name" alike', (pair) => {
    const real = imageOf(pair.real);
    const generated = imageOf(pair.generated);
    expect(psnr(generated, real)).toBeCloseTo(pair.psnr, 9);
    expect(ssim(generated, real)).toBeCloseTo(pair.ssim, 9);
    expect(sharpness(generated)).toBeCloseTo(pair.sharpness, 7);
  });
});

const anyImage = fc
  .record({ width: fc.integer({ min: 7, max: 14 }), height: fc.integer({ min: 7, max: 14 }) })
  .chain(({ width, height }) =>
    fc
      .array(fc.double({ min: -1, max: 1, noNaN: true }), {
        minLength: width * height * 3,
        maxLength: width * height * 3,
      })
      .map((values) => ({ width, height, channels: 3, data: Float32Array.from(values) })),
  );

describe('any image', () => {
  it('is equal to itself', () => {
    fc.assert(
      fc.property(anyImage, (image) => {
        expect(psnr(image, image)).toBe(100);
        expect(ssim(image, image)).toBeCloseTo(1, 9);
        expect(temporalDifference(image, image)).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('is as far from another as the other from it, and never beyond 1 in SSIM', () => {
    fc.assert(
      fc.property(anyImage, fc.double({ min: -1, max: 1, noNaN: true }), (image, by) => {
        const other = { ...image, data: image.data.map((value) => value * by) };
        expect(psnr(image, other)).toBe(psnr(other, image));
        expect(ssim(image, other)).toBeCloseTo(ssim(other, image), 9);
        expect(ssim(image, other)).toBeLessThanOrEqual(1 + 1e-9);
      }),
      { numRuns: 25 },
    );
  });
});

describe('by hand', () => {
  const black = paint(8, 8, () => -1);
  const white = paint(8, 8, () => 1);

  it('takes PSNR over [0, 1]', () => {
    expect(meanSquaredError(black, white)).toBe(1);
    expect(psnr(black, white)).toBeCloseTo(0, 12);
    expect(
      psnr(
        black,
        paint(8, 8, () => -0.8),
      ),
    ).toBeCloseTo(20, 5);
  });

  it('takes |Δt| and sharpness over [-1, 1]', () => {
    expect(temporalDifference(black, white)).toBe(2);
    // Columns that alternate: 2 across, 0 down.
    expect(sharpness(paint(6, 5, (x) => (x % 2) * 2 - 1))).toBe(1);
    expect(sharpness(white)).toBe(0);
    expect(sharpness(paint(1, 1, () => 0.5))).toBe(0);
  });

  it('finds a blurred picture less sharp', () => {
    const sharp = waves(0, 0);
    const blurred = paint(64, 48, (x, y, c) => {
      const at = (i: number, j: number): number =>
        sharp.data[(Math.min(j, 47) * 64 + Math.min(i, 63)) * 3 + c]!;
      return (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4;
    });
    expect(sharpness(blurred)).toBeLessThan(sharpness(sharp));
  });

  it('lets a NaN through instead of hiding it', () => {
    const broken = paint(8, 8, (x) => (x === 3 ? Number.NaN : 0));
    expect(psnr(broken, white)).toBeNaN();
    expect(ssim(broken, white)).toBeNaN();
    expect(sharpness(broken)).toBeNaN();
    expect(temporalDifference(broken, white)).toBeNaN();
  });

  it('reads bytes both ways', () => {
    const image = imageFromBytes(Uint8Array.of(0, 0, 0, 255, 255, 255, 255, 0, 0), {
      width: 3,
      height: 1,
      channels: 3,
    });
    expect([...image.data]).toEqual([-1, -1, -1, 1, 1, 1, 1, -1, -1]);
    expect([...greyBytes(image)]).toEqual([0, 255, 76]);
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    const grey = imageFromBytes(every, { width: 256, height: 1, channels: 1 });
    expect([...greyBytes(grey)]).toEqual([...every]);
  });
});

describe('what cannot be measured', () => {
  const small = paint(6, 9, () => 0);
  const square = paint(8, 8, () => 0);

  it('says which sizes differ', () => {
    const wide = paint(9, 8, () => 0);
    for (const measure of [psnr, ssim, temporalDifference]) {
      expect(() => measure(square, wide)).toThrow(/8×8×3 and 9×8×3/);
    }
  });

  it('refuses an image under the SSIM window, and data that does not fill the image', () => {
    expect(() => ssim(small, small)).toThrow(expect.objectContaining({ code: 'bad-shape' }));
    const torn = { ...square, data: new Float32Array(5) };
    expect(() => psnr(torn, square)).toThrow(/5 values, expected 8 × 8 × 3/);
    expect(() => greyBytes(paint(2, 2, () => 0, 2))).toThrow(/two channels/);
  });
});

describe('checker', () => {
  it('is as strong as pixels alternate in both directions', () => {
    const dots = paint(9, 6, (x, y) => ((x + y) % 2 === 0 ? 0.25 : -0.25));
    expect(checker(dots)).toBeCloseTo(1, 6);
  });

  it('does not see slopes, stripes and straight edges', () => {
    expect(checker(paint(9, 6, (x, y) => x / 10 - y / 20))).toBeCloseTo(0, 6);
    expect(checker(paint(9, 6, (x) => (x % 2 === 0 ? 0.5 : -0.5)))).toBe(0);
    expect(checker(paint(9, 6, (_, y) => (y > 2 ? 1 : -1)))).toBe(0);
  });

  it('is the mean of every 2×2 window of every channel', () => {
    const image = paint(5, 4, (x, y, channel) => Math.sin(3 * x + 5 * y * y + 7 * channel));
    const at = (x: number, y: number, channel: number): number =>
      image.data[(y * image.width + x) * image.channels + channel]!;
    let sum = 0;
    for (let channel = 0; channel < 3; channel += 1) {
      for (let y = 0; y < 3; y += 1) {
        for (let x = 0; x < 4; x += 1) {
          const alternating = at(x, y, channel) - at(x + 1, y, channel);
          sum += Math.abs(alternating - at(x, y + 1, channel) + at(x + 1, y + 1, channel));
        }
      }
    }
    expect(checker(image)).toBeCloseTo(sum / 36, 6);
  });

  it('is 0 where there is no window', () => {
    expect(checker(paint(1, 5, (_, y) => y / 5))).toBe(0);
  });
});
