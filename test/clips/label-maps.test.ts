import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { lastValueFrom, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import { dataOptions, openCondition, type DataInput } from '../../src/clips/index.js';
import { openVideo, probe } from '../../src/video/index.js';
import { png, type PngMode } from '../cases/pictures.js';
import { tabledPng } from './tabled-png.js';
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
/** Places in a table of `colours` colours (grey levels where there are none), of so many bits. */
const tabled = (bits: 1 | 2 | 4 | 8, place: (x: number) => number, colours = 2): Uint8Array =>
  tabledPng({ width: WIDTH, height: HEIGHT, bits, place, colours });
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
  it('of 16 bits are read as they are, and without the instance', async () => {
    // Class and instance in one, which 8 bits would cut to any other number.
    const maps = await mapsOf(() => grey((x) => 26_000 + (x % 3), 16));
    expect(new Set<unknown>(await read(ids(maps, { classes: 34, divideIdsBy: 1000 })))).toEqual(
      new Set([26]),
    );
    expect(await read(ids(maps))).toMatch(
      /label id 26000 is not below classes: 34 .*ids of class · N \+ instance are read by divideIdsBy: N/,
    );
    const few = await mapsOf(() => grey((x) => (x % 3) * 300, 16));
    const remap = { 0: 2, '299-300': 1, 600: 0 };
    for (const size of ['64x48', '36x24'] as const) {
      const found = await read({ ...ids(few, { classes: 3, remap }), size, fit: 'pad' });
      expect([size, new Set<unknown>(found)]).toEqual([size, new Set([0, 1, 2])]);
    }
    const mixed = await mapsOf(() => grey((x) => (x < 9 ? 7 : 26_001), 16));
    expect(await read(ids(mixed, { classes: 34, divideIdsBy: 1000 }))).toMatch(
      /label id 7 is below divideIdsBy: 1000, .*remap, such as \{7: 0, 24000-24999: 11\}/,
    );
    const one = await mapsOf((k) => grey(() => 1, k === 7 ? 16 : 8));
    expect(await read(ids(one))).toMatch(/007\.png holds 16-bit ids \(.*alike/);
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

  it('that are places in a table of colours are those places, of any number of bits', async () => {
    const places = await mapsOf(() => flat(2, 'palette'));
    expect(new Set<unknown>(await read(ids(places)))).toEqual(new Set([1]));
    const bits = [1, 2, 4, 8] as const;
    const mixed = await mapsOf((k) => tabled(bits[k % 4]!, (x) => x % 2));
    const whole = Uint8Array.from({ length: COUNT * WIDTH * HEIGHT }, (_, i) => (i % WIDTH) % 2);
    expect(await read(ids(mixed))).toEqual(whole);
    const fewBits = await mapsOf(() => tabled(4, (x) => x % 16, 0));
    expect(new Set<unknown>(await read(ids(fewBits)))).toHaveProperty('size', 16);
    // Among grey ones it is found by its own header.
    const among = await mapsOf((k) => flat(2, k === 3 ? 'palette' : 'grey'));
    expect(await read(ids(among))).toMatch(
      /003\.png is a picture with a palette of its own, .*store all maps of a clip alike/,
    );
  });

  it('are other classes by remap, and none where they are ignored', async () => {
    const maps = await mapsOf(() => grey((x) => [0, 7, 8, 255][x % 4]!));
    const four = (data: DataInput) => read(data).then((found) => found.slice(0, 4));
    const cityscapes = { classes: 2, ignore: [255, '0-6'], remap: { 7: 0, 8: 1 } };
    const wanted = Uint8Array.from([255, 0, 1, 255]);
    expect(await four(ids(maps, cityscapes))).toEqual(wanted);
    const list = [255, 255, 255, 255, 255, 255, 255, 0, 1];
    expect(await four(ids(maps, { classes: 2, ignore: 255, remap: list }))).toEqual(wanted);
    const words = { 0: 'ignore', 7: 0, 8: 1, 255: -1 };
    expect(await four(ids(maps, { classes: 2, remap: words }))).toEqual(wanted);
    expect(await read(ids(maps, { classes: 2, remap: { 7: 0, 8: 1 } }))).toContain(
      'label ids 0, 255 are neither in remap nor in ignore',
    );
    // Bars are of what is ignored.
    const padded = await read({ ...ids(maps, cityscapes), size: '64x24', fit: 'pad' });
    expect(padded[0]).toBe(255);
    const dataset = await open(ids(maps, cityscapes));
    const [{ condition }] = dataset.report.clips as [(typeof dataset.report.clips)[0]];
    expect(condition).toMatchObject({
      ignored: 0.5,
      labels: [{ fraction: 0.25 }, { fraction: 0.25 }],
    });
    expect(dataset.layout).toMatchObject({ channels: 2, ignoredId: 255 });
    await dataset.close();
  });

  it.each([
    [{ classes: 2, remap: { 0: 2 } }, 'remap gives 2 for 0, which is not below classes: 2'],
    [{ classes: 2, remap: { 0: 1, '0-3': 0 } }, 'remap names 0 twice'],
    [{ classes: 2, ignore: 1, remap: { 1: 1 } }, '1 stands in ignore and in remap'],
    [{ classes: 2, ignore: '7-3' }, 'ignore names 7-3'],
    [{ classes: 256, ignore: 255 }, 'classes: 256 leave no id'],
    [{ classes: 2, ignore: [[0, 0, 0]] }, 'beside classes, ignore names ids'],
    [{ palette: { a: [1, 2, 3] }, ignore: 3 }, 'beside a palette, ignore names colours'],
    [{ palette: { a: [1, 2, 3] }, remap: [0] }, 'remap is of maps of ids'],
  ])('whose rules cannot be meant are refused: %j', (more, message) => {
    const parsed = dataOptions.safeParse(ids('maps', more));
    expect(parsed.success ? 'fine' : parsed.error.message).toContain(message);
  });

  it('that are pictures of a camera after all are told to be', async () => {
    const camera = scratchPath('camera.mkv');
    await runFfmpeg(
      ...['-f', 'lavfi', '-i', `testsrc2=size=${WIDTH}x${HEIGHT}:rate=20`],
      ...['-frames:v', String(COUNT), '-vf', 'gblur=2,noise=alls=20', '-c:v', 'ffv1', camera],
    );
    const pictures = scratchPath('camera');
    await mkdir(pictures);
    await runFfmpeg('-i', camera, '-pix_fmt', 'rgb24', join(pictures, '%03d.png'));
    const palette = { black: [0, 0, 0], grass: [10, 250, 10] };
    for (const [path, more] of [
      [camera, { classes: 34 }],
      [pictures, { classes: 34 }],
      [pictures, { palette }],
    ] as const) {
      expect(await read(ids(path, more))).toMatch(
        /looks like pictures of a camera, not like label maps: it holds \d+ .*are expected here/,
      );
    }
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
    const deep = await mapsOf(() => grey((x) => (x % 3) * 1000, 16));
    const { condition } = ids(deep, { classes: 2, divideIdsBy: 1000, ignore: 2 });
    const data = dataOptions.parse({ size: '64x48', condition });
    const context = { baseFolder: scratchFolder(), fps: { num: 20, den: 1 } };
    const idsOf = async (maps: string): Promise<number[]> => {
      const video = await openVideo(maps, { sequenceFps: 20 });
      for (const source of [{ path: maps, info: video.info }, { video }]) {
        const stream = await openCondition(data, source, context);
        const frames = await lastValueFrom(stream!.frames.pipe(toArray()));
        expect(frames).toHaveLength(COUNT);
        if ('video' in source) return [...frames[5]!.data.subarray(0, 4)];
      }
      return [];
    };
    expect(await idsOf(deep)).toEqual([0, 1, 255, 0]);
    const mixed = await mapsOf((k) => grey((x) => x % 3, k === 1 ? 16 : 8));
    const source = { path: mixed, info: await probe(mixed) };
    await expect(openCondition(data, source, context)).rejects.toMatchObject({ code: 'bad-data' });
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
