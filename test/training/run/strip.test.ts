import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import {
  composeStrip,
  splitStrip,
  writeStrip,
  type RgbImage,
} from '../../../src/training/run/strip.js';
import { testFolder } from './support.js';

const plain = (width: number, height: number, value: number): RgbImage => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(value),
});
const pixel = (image: RgbImage, x: number, y: number): number | undefined =>
  image.data[(y * image.width + x) * 3];

describe('strips', () => {
  it('come apart again where all pictures are of one size', () => {
    const rows = [0, 1].map((row) => [0, 1, 2].map((column) => plain(3, 2, 10 * row + column)));
    const strip = composeStrip(rows);
    expect(splitStrip(strip, { width: 3, height: 2 })).toEqual(rows);
    expect(() => splitStrip(strip, { width: 4, height: 2 })).toThrow(/not made of pictures of 4×2/);
  });

  it('sets pictures in rows and columns with gaps', () => {
    const strip = composeStrip(
      [
        [plain(2, 2, 10), plain(3, 1, 20)],
        [plain(1, 1, 30), plain(3, 3, 40)],
      ],
      { gapPixels: 1, background: 5 },
    );
    expect([strip.width, strip.height]).toEqual([2 + 1 + 3, 2 + 1 + 3]);
    expect(pixel(strip, 1, 1)).toBe(10);
    expect(pixel(strip, 2, 0)).toBe(5); // the gap
    expect(pixel(strip, 3, 0)).toBe(20);
    expect(pixel(strip, 3, 1)).toBe(5); // below the lower picture
    expect(pixel(strip, 0, 3)).toBe(30);
    expect(pixel(strip, 1, 3)).toBe(5);
    expect(pixel(strip, 5, 5)).toBe(40);
  });

  it('refuses bytes that do not fit the size, and nothing at all', () => {
    const wrong = { width: 2, height: 2, data: new Uint8Array(11) };
    expect(() => composeStrip([[wrong]])).toThrow(expect.objectContaining({ code: 'bad-shape' }));
    expect(() => composeStrip([])).toThrow(expect.objectContaining({ code: 'bad-shape' }));
    expect(() => composeStrip([[]])).toThrow(expect.objectContaining({ code: 'bad-shape' }));
  });

  it('writes a PNG file that holds the strip', async () => {
    const path = join(await testFolder(), 'deeper', 'strip.png');
    const rows = [[plain(4, 3, 77), plain(4, 3, 200)]];
    await writeStrip(path, rows);
    const back = decode(await readFile(path));
    const { width, height, data } = composeStrip(rows);
    expect([back.width, back.height, back.channels]).toEqual([width, height, 3]);
    expect(Uint8Array.from(back.data)).toEqual(data);
  });
});
