// Folders of pictures whose modes are mixed: optimisers make grey or palette PNGs of what has no
// colour, annotation tools add an alpha channel, scanners save 16 bits.
import { beforeAll, describe, expect, it } from 'vitest';
import { echoed } from './echo.js';
import { decoded, furthest, meanOf, shown } from './look.js';
import { caseFolder, series } from './make.js';
import { bmp, encodedPictures, pictureFolder, png, ppm, type PngMode } from './pictures.js';

const path = caseFolder();
const COUNT = 30;
const greys = series(COUNT, (k) => 8 * (k + 1));

/** The mode of picture k, counted from 1. */
function modeOf(k: number): PngMode {
  if ((k >= 11 && k <= 15) || k === 21) return 'grey';
  if (k >= 16 && k <= 18) return 'palette';
  return k === 26 ? 'rgba' : 'rgb';
}

/** Reddish pictures, those of these numbers a grey black one. */
function reddish(name: string, count: number, black: readonly number[]): number[] {
  const red = series(count, (k) => (black.includes(k + 1) ? 0 : 6 * (k + 1)));
  pictureFolder(
    path(name),
    red.map((value) => (value === 0 ? png(0, 'grey') : png([value, 0x20, 0x40]))),
  );
  return red;
}

beforeAll(async () => {
  pictureFolder(
    path('mixed'),
    greys.map((grey, i) => png(grey, modeOf(i + 1))),
  );
  const deep: PngMode[] = ['rgb', 'grey16', 'rgb16', 'grey-alpha', 'grey', 'rgba', 'palette'];
  pictureFolder(
    path('deep'),
    greys.map((grey, i) => png(grey, deep[i % deep.length])),
  );
  const colour = await encodedPictures(path('jpeg-colour'), greys, { extension: 'jpg' });
  const grey = await encodedPictures(path('jpeg-grey'), greys, {
    extension: 'jpg',
    args: ['-vf', 'scale=out_range=pc,format=gray', '-pix_fmt', 'gray'],
  });
  pictureFolder(
    path('jpeg'),
    colour.map((bytes, i) => (i >= 10 && i < 15 ? grey[i]! : bytes)),
    'jpg',
  );
});

describe('a folder of PNGs', () => {
  it.each(['mixed', 'deep'])('of %s modes gives all, in order', async (name) => {
    const seen = await decoded(path(name));
    expect(seen.error).toBe('');
    expect(furthest(seen.greys, greys)).toBeLessThanOrEqual(1);
    expect(
      furthest(
        seen.times,
        greys.map((_, k) => k / 25),
      ),
    ).toBeLessThan(1e-6);
    const pattern = await decoded(path(name, '%04d.png'), { size: { width: 32, height: 24 } });
    expect(furthest(pattern.greys, greys)).toBeLessThanOrEqual(1);
    const part = await decoded(path(name), { startFrame: 9, frames: 12 });
    expect(furthest(part.greys, greys.slice(9, 21))).toBeLessThanOrEqual(1);
  });

  it.each([
    ['first', 40, [1]],
    ['last', 40, [39, 40]],
    ['short', 9, [3]],
  ] as const)('whose black pictures were made grey keeps them: %s', async (name, count, black) => {
    const red = reddish(name, count, black);
    const { frames, error } = await decoded(path(name));
    expect(error).toBe('');
    expect(
      furthest(
        frames.map((frame) => meanOf(frame)),
        red,
      ),
    ).toBeLessThanOrEqual(1);
    const blue = red.map((value) => (value === 0 ? 0 : 0x40));
    expect(
      furthest(
        frames.map((frame) => meanOf(frame, 2)),
        blue,
      ),
    ).toBeLessThanOrEqual(1);
  });

  it('is generated from frame for frame', async () => {
    const output = path('made.mkv');
    const { result, seen, error } = await echoed({ input: path('mixed'), output });
    expect(error).toBe('');
    expect(furthest(seen, greys)).toBeLessThanOrEqual(1);
    expect(result).toMatchObject({ frames: COUNT });
    expect(furthest((await shown(output)).greys, greys)).toBeLessThanOrEqual(1.5);
  });
});

describe('a folder of other pictures', () => {
  it('keeps grey JPEGs among coloured ones', async () => {
    const seen = await decoded(path('jpeg'));
    expect(seen.error).toBe('');
    expect(furthest(seen.greys, greys)).toBeLessThanOrEqual(3);
    const made = await echoed({ input: path('jpeg'), output: path('jpeg.mkv') });
    expect(made.error).toBe('');
    expect(furthest(made.seen, greys)).toBeLessThanOrEqual(3);
  });

  it.each([
    ['ppm', ppm],
    ['bmp', (grey: number) => bmp(grey)],
  ] as const)('reads %s in order, and names an empty one', async (extension, picture) => {
    const pictures = greys.map((grey) => picture(grey));
    const whole = pictureFolder(path(extension), pictures, extension);
    expect(furthest((await decoded(whole)).greys, greys)).toBeLessThanOrEqual(1);
    pictures[11] = Buffer.alloc(0);
    const hole = pictureFolder(path(`${extension}-hole`), pictures, extension);
    expect((await decoded(hole)).error).toContain(`0012.${extension}`);
  });

  it('reads WebP in order, and names an empty one', async () => {
    const options = { extension: 'webp', args: ['-c:v', 'libwebp', '-lossless', '1'] };
    const pictures: Buffer[] = await encodedPictures(path('webp'), greys, options);
    expect(pictures).toHaveLength(COUNT);
    expect(furthest((await decoded(path('webp'))).greys, greys)).toBeLessThanOrEqual(2);
    pictures[11] = Buffer.alloc(0);
    const hole = pictureFolder(path('webp-hole'), pictures, 'webp');
    expect((await decoded(hole)).error).toContain('0012.webp');
  });
});
