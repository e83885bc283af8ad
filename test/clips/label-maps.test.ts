import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { lastValueFrom, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import { dataOptions, openCondition, type DataInput } from '../../src/clips/index.js';
import { probe } from '../../src/video/index.js';
import { png, type PngMode } from '../cases/pictures.js';
import { runFfmpeg, scratchFolder, scratchPath } from '../video/make-clip.js';
import { counting, open } from './make-data.js';

const COUNT = 12;
const [WIDTH, HEIGHT] = [64, 48];
let clip = '';

/** A folder of maps. */
async function mapsOf(pictures: (k: number) => Uint8Array): Promise<string> {
  const folder = scratchPath('maps');
  await mkdir(folder);
  for (let k = 0; k < COUNT; k += 1) {
    await writeFile(join(folder, `${String(k).padStart(3, '0')}.png`), pictures(k));
  }
  return folder;
}

/** Grey maps of 8 or 16 bits, by an id for each column. */
const grey = (id: (x: number) => number, depth: 8 | 16 = 8): Uint8Array => {
  const ids = Array.from({ length: WIDTH * HEIGHT }, (_, i) => id(i % WIDTH));
  const data = depth === 8 ? Uint8Array.from(ids) : Uint16Array.from(ids);
  return encode({ width: WIDTH, height: HEIGHT, channels: 1, depth, data });
};
/** The same in colour. */
const coloured = (colour: (x: number) => readonly number[]): Uint8Array => {
  const data = Uint8Array.from(
    Array.from({ length: WIDTH * HEIGHT }, (_, i) => colour(i % WIDTH)).flat(),
  );
  return encode({ width: WIDTH, height: HEIGHT, channels: 3, data });
};
const flat = (level: number, mode: PngMode): Uint8Array => png(level, mode, WIDTH, HEIGHT);

const ids = (path: string, more: object = { classes: 34 }): DataInput => ({
  clips: [clip],
  size: '64x48',
  condition: { kind: 'paired', content: 'labels', path: [path], ...more } as never,
});

/** The ids of all frames, or what is wrong with them. */
async function read(data: DataInput): Promise<Uint8Array | string> {
  try {
    const dataset = await open(data);
    const { condition } = await dataset.readFrames(0, 0, COUNT);
    await dataset.close();
    return condition!;
  } catch (error) {
    if (!isFrameloomError(error, 'bad-data')) throw error;
    return error.toLine().replaceAll(scratchFolder(), '');
  }
}

beforeAll(async () => {
  clip = await counting({ frames: COUNT, width: WIDTH, height: HEIGHT });
});

describe('maps of ids', () => {
  it('of 16 bits are refused, and it is said what to do', async () => {
    // Class and instance in one, which 8 bits would cut to any other number.
    const maps = await mapsOf(() => grey((x) => 26_000 + (x % 3), 16));
    expect(await read(ids(maps, { classes: 128 }))).toMatch(
      /000\.png holds 16-bit ids, and classes are numbered from 0 to 255 \(write the class alone into 8-bit grey pictures/,
    );
    const few = await mapsOf(() => grey((x) => x % 3, 16));
    expect(await read(ids(few))).toContain('holds 16-bit ids');
    const one = await mapsOf((k) => grey(() => 1, k === 7 ? 16 : 8));
    expect(await read(ids(one))).toContain('007.png holds 16-bit ids');
  });

  it('of 16 bits in a video are refused too', async () => {
    const maps = await mapsOf(() => grey((x) => x % 3, 16));
    const video = scratchPath('deep.mkv');
    const source = join(maps, '%03d.png');
    await runFfmpeg(
      '-framerate',
      '20',
      '-i',
      source,
      '-c:v',
      'ffv1',
      '-pix_fmt',
      'gray16le',
      video,
    );
    expect(await read(ids(video))).toContain('deep.mkv holds 16-bit ids');
  });

  it('that are pictures with a palette are refused: the palette has to be told', async () => {
    const maps = await mapsOf(() => flat(2, 'palette'));
    expect(await read(ids(maps))).toMatch(/says no ids but colours \(give palette: \{name/);
    // One among grey ones is found by its own header.
    const mixed = await mapsOf((k) => flat(2, k === 3 ? 'palette' : 'grey'));
    expect(await read(ids(mixed))).toContain('003.png is a picture with a palette of its own');
  });

  it('are read from grey and from colour, so long as the three channels are one', async () => {
    const id = (x: number): number => x % 5;
    const maps = await mapsOf((k) =>
      k % 2 === 0 ? grey(id) : coloured((x) => [id(x), id(x), id(x)]),
    );
    const whole = Uint8Array.from({ length: COUNT * WIDTH * HEIGHT }, (_, i) => id(i % WIDTH));
    expect(await read(ids(maps))).toEqual(whole);
    // Made smaller none are mixed.
    const small = await read({ ...ids(maps), size: '32x24' });
    expect([...new Set<unknown>(small)].sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it('that are colours after all are an error that names one', async () => {
    const maps = await mapsOf((k) => (k === 0 ? grey(() => 3) : coloured(() => [3, 3, 90])));
    expect(await read(ids(maps))).toMatch(
      /the label maps hold colours such as \[3, 3, 90\], and classes: 34 wants ids as grey levels \(first in frame 1, .*give palette/,
    );
    expect(await read(ids(await mapsOf(() => coloured(() => [77, 77, 77]))))).toContain(
      'label id 77 is not below classes: 34 (first in frame 0',
    );
  });

  it('are held to the same when generating', async () => {
    const maps = await mapsOf(() => grey((x) => x % 3, 16));
    const { condition } = ids(maps);
    const data = dataOptions.parse({ size: '64x48', condition });
    const context = { baseFolder: scratchFolder(), fps: { num: 20, den: 1 } };
    const source = { path: maps, info: await probe(maps) };
    await expect(openCondition(data, source, context)).rejects.toMatchObject({ code: 'bad-data' });
    const good = await mapsOf(() => grey((x) => x % 3));
    const stream = await openCondition(data, { path: good, info: await probe(good) }, context);
    const frames = await lastValueFrom(stream!.frames.pipe(toArray()));
    expect([...frames[5]!.data.subarray(0, 4)]).toEqual([0, 1, 2, 0]);
  });
});

describe('maps of colours', () => {
  const palette = { black: [0, 0, 0], white: [255, 255, 255], sea: [10, 40, 90] };

  it('are exact whatever each is stored as, at any size', async () => {
    // The first has no colour, as an optimizer stores it: the others keep theirs.
    const maps = await mapsOf((k) =>
      k === 0
        ? grey((x) => (x < 32 ? 0 : 255))
        : coloured((x) => (x < 32 ? [255, 255, 255] : [10, 40, 90])),
    );
    const whole = (await read(ids(maps, { palette }))) as Uint8Array;
    expect([whole[0], whole[63], whole.at(-64), whole.at(-1)]).toEqual([0, 1, 1, 2]);
    for (const fit of ['crop', 'pad', 'stretch'] as const) {
      const small = (await read({ ...ids(maps, { palette }), size: '36x24', fit })) as Uint8Array;
      expect([...new Set<unknown>(small)].sort()).toEqual([0, 1, 2]);
    }
    const indexed = await mapsOf(() => png([10, 40, 90], 'palette', WIDTH, HEIGHT));
    expect(new Set<unknown>(await read(ids(indexed, { palette })))).toEqual(new Set([2]));
  });

  it('of several sizes are refused: labels cannot be mixed', async () => {
    const maps = await mapsOf((k) => png([10, 40, 90], 'rgb', k === 8 ? 32 : WIDTH, HEIGHT));
    expect(await read(ids(maps, { palette }))).toMatch(
      /008\.png is of 32x48 pixels, .*000\.png of 64x48 \(label maps of one clip/,
    );
  });

  it('are told by the headers of BMP and PPM as well', async () => {
    const folder = scratchPath('others');
    await mkdir(folder);
    for (let k = 0; k < COUNT; k += 1) {
      const name = join(folder, `${String(k).padStart(3, '0')}.pgm`);
      const levels = Buffer.alloc(2 * WIDTH * HEIGHT);
      await writeFile(
        name,
        Buffer.concat([Buffer.from(`P5\n# by hand\n${WIDTH} ${HEIGHT}\n65535\n`), levels]),
      );
    }
    expect(await read(ids(folder))).toContain('000.pgm holds 16-bit ids');
    // 8-bit grey, as BMP stores it: by a table that names the grey of every place.
    const bmps = scratchPath('bmps');
    await mkdir(bmps);
    const maps = await mapsOf(() => grey((x) => x % 5));
    await runFfmpeg('-i', join(maps, '%03d.png'), '-pix_fmt', 'gray', join(bmps, '%03d.bmp'));
    const found = (await read(ids(bmps))) as Uint8Array;
    expect([...found.subarray(0, 6)]).toEqual([0, 1, 2, 3, 4, 0]);
  });
});
