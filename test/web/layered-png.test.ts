import fc from 'fast-check';
import { writeFile } from 'node:fs/promises';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import { Drawing, MOST_LAYERS, MOST_NAME } from '../../web/src/draw/drawing.js';
import {
  flattened,
  layersIn,
  withLayers,
  type SavedLayers,
} from '../../web/src/draw/layered-png.js';
import { createRaster } from '../../web/src/draw/raster.js';
import { png, pngChunk } from '../cases/pictures.js';
import { runFfmpeg, scratchPath } from '../video/make-clip.js';

const [WIDTH, HEIGHT] = [4, 3];
const PIXELS = WIDTH * HEIGHT;
const plain = Uint8Array.from(png([9, 200, 90], 'rgba', WIDTH, HEIGHT));

/** Colours, or nothing, of each pixel. */
const rgbaOf = (colours: readonly (readonly [number, number, number] | null)[]) =>
  Uint8ClampedArray.from(colours.flatMap((colour) => (colour ? [...colour, 255] : [0, 0, 0, 0])));
const level = fc.integer({ min: 0, max: 255 });
const saved: fc.Arbitrary<SavedLayers> = fc
  .array(
    fc.record({
      name: fc
        .string({ minLength: 1, maxLength: 15, unit: 'grapheme' })
        .map((text) => text.replace(/\p{Cc}/gu, '-')),
      visible: fc.boolean(),
      rgba: fc
        .array(fc.option(fc.tuple(level, level, level)), { minLength: PIXELS, maxLength: PIXELS })
        .map(rgbaOf),
    }),
    { minLength: 1, maxLength: MOST_LAYERS },
  )
  .chain((layers) =>
    fc
      .integer({ min: 0, max: layers.length - 1 })
      .map((active) => ({ width: WIDTH, height: HEIGHT, active, layers })),
  );

/** What a chunk holds, in the order of the file. */
interface Parts {
  version?: number;
  count?: number;
  active?: number;
  width?: number;
  height?: number;
  name?: Uint8Array;
  visible?: number;
  pixels?: Uint8Array;
  behind?: Uint8Array;
}
function payload(parts: Parts = {}): Buffer {
  const { version = 1, count = 1, active = 0, width = WIDTH, height = HEIGHT } = parts;
  const { name = Buffer.from('sky'), visible = 1, pixels = new Uint8Array(4 * PIXELS) } = parts;
  const head = Buffer.alloc(11);
  head.set([version, count, active]);
  head.writeUInt32BE(width, 3);
  head.writeUInt32BE(height, 7);
  const about = Buffer.from([visible, name.length >> 8, name.length & 255]);
  return Buffer.concat([head, about, name, pixels, parts.behind ?? Buffer.alloc(0)]);
}
/** A PNG with a chunk of layers, written by other code than the page's. */
function crafted(content: Uint8Array, packed: Buffer = deflateSync(content)) {
  const end = plain.length - 12;
  const chunk = pngChunk('flLR', packed);
  return Uint8Array.from(Buffer.concat([plain.subarray(0, end), chunk, plain.subarray(end)]));
}

describe('a PNG with layers', () => {
  it('gives back all layers as they were, in order, with their names', async () => {
    await fc.assert(
      fc.asyncProperty(saved, async (layers) => {
        const file = await withLayers(plain, layers);
        expect(await layersIn(file)).toEqual(layers);
      }),
      { numRuns: 20 },
    );
    expect(await layersIn(crafted(payload()))).toMatchObject({
      layers: [{ name: 'sky', visible: true }],
    });
  });

  it('is the same picture to other programs, and one without layers is none of ours', async () => {
    const path = scratchPath('layered.png');
    const [colour, none] = [[1, 2, 3], null] as const;
    const rgba = rgbaOf(Array.from({ length: PIXELS }, (_, at) => (at % 2 ? colour : none)));
    const layers = [{ name: 'a', visible: true, rgba }];
    const file = await withLayers(plain, { width: WIDTH, height: HEIGHT, active: 0, layers });
    await writeFile(path, file);
    const seen = await runFfmpeg('-i', path, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-');
    expect([...seen.subarray(0, 6)]).toEqual([9, 200, 90, 9, 200, 90]);
    expect(seen).toHaveLength(3 * PIXELS);
    expect(await layersIn(plain)).toBeNull();
    expect(await layersIn(Uint8Array.from(Buffer.from('GIF89a')))).toBeNull();
    expect(await layersIn(new Uint8Array())).toBeNull();
  });

  it('is looked at as its visible layers are, the upper over the lower', () => {
    const sheet = (visible: boolean, ...colours: (number | null)[]) => ({
      ...{ name: 'x', visible },
      rgba: rgbaOf(colours.map((grey) => (grey === null ? null : [grey, grey, grey]))),
    });
    const layers = [sheet(true, 1, 1, null), sheet(true, null, 2, null), sheet(false, 3, 3, 3)];
    const seen = flattened({ width: 3, height: 1, active: 0, layers });
    expect([...seen]).toEqual([1, 1, 1, 255, 2, 2, 2, 255, 0, 0, 0, 0]);
  });

  it('says in one line what is wrong with it', async () => {
    const good = crafted(payload());
    const end = plain.length - 12;
    const bad: readonly (readonly [Uint8Array<ArrayBuffer>, string])[] = [
      [crafted(payload({ version: 2 })), 'they are of version 2, and this page knows 1'],
      [crafted(payload({ count: 0 })), 'there are 0, the active one is 0, and 12 are the most'],
      [crafted(payload({ count: 13 })), 'there are 13'],
      [crafted(payload({ active: 1 })), 'the active one is 1'],
      [crafted(payload({ width: 5 })), 'they have 5 × 3 pixels, and the picture 4 × 3'],
      [crafted(payload({ name: Buffer.alloc(0) })), 'a name is empty'],
      [crafted(payload({ name: Buffer.alloc(MOST_NAME + 1, 'a') })), 'too long'],
      [crafted(payload({ name: Buffer.alloc(5000, 'a') })), 'too long'],
      [crafted(payload({ name: Buffer.from([0xff, 0xfe]) })), 'a name is no text'],
      [crafted(payload({ name: Buffer.from('a\n') })), 'a name is no text'],
      [crafted(payload({ visible: 2 })), 'a name'],
      [crafted(payload({ pixels: new Uint8Array(4 * PIXELS).fill(7) })), 'neither there nor away'],
      [crafted(payload({ pixels: new Uint8Array(4 * PIXELS - 1) })), 'they break off'],
      // Thirty megabytes out of thirty kilobytes are not looked at.
      [crafted(payload({ behind: Buffer.alloc(30e6) })), 'something stands behind them'],
      [crafted(payload(), Buffer.from('no deflate')), 'its layers cannot be read'],
      [crafted(payload(), deflateSync(payload()).subarray(0, 8)), 'its layers cannot be read'],
      [good.slice(0, -7), 'the file breaks off'],
      [good.slice(0, end + 20), 'the file breaks off'],
      [good.map((byte, at) => (at === end + 15 ? byte ^ 1 : byte)), 'they are damaged'],
      [
        Uint8Array.from([
          ...good.subarray(0, -12),
          ...good.subarray(end, good.length - 12),
          ...good.subarray(-12),
        ]),
        'there are two sets of them',
      ],
    ];
    for (const [file, why] of bad) {
      const told = await layersIn(file).catch((error: unknown) => error);
      expect([why, told]).toEqual([why, expect.objectContaining({ code: 'bad-input' })]);
      expect((told as Error).message).toContain(why);
      expect((told as Error).message).not.toContain('\n');
    }
    // Whatever is wrong with a file, it is read or refused.
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), level, async (at, byte) => {
        const file = good.map((each, i) => (i === at ? byte : each));
        const told = await layersIn(file).catch((error: unknown) => error);
        expect(told === null || 'layers' in (told as object) || isFrameloomError(told)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a drawing that is opened', () => {
  it('takes the place of all layers in one step, which undo takes back', () => {
    const drawing = new Drawing({ width: WIDTH, height: HEIGHT, depth: 1 });
    drawing.addLayer('mine');
    const before = drawing.layers;
    const content = createRaster(WIDTH, HEIGHT, 1);
    content.there[5] = 1;
    content.bytes[5] = 7;
    const blank = createRaster(WIDTH, HEIGHT, 1);
    const sheets = [
      { name: 'sky', visible: true, content },
      { name: `no\tname ${'x'.repeat(200)}`, visible: false, content: blank },
    ];
    drawing.replaceLayers('open', sheets, 1);
    expect(drawing.layers.map(({ name, visible }) => [name.slice(0, 8), visible])).toEqual([
      ['sky', true],
      ['no name ', false],
    ]);
    expect(drawing.layers[1]!.name).toHaveLength(MOST_NAME);
    expect([drawing.active, drawing.composed()[5]]).toEqual([drawing.layers[1], 7]);
    expect(drawing.undo()).toBe('open');
    expect(drawing.layers).toEqual(before);
    expect(drawing.composed()[5]).toBe(0);
    expect(drawing.redo()).toBe('open');
    expect(drawing.composed()[5]).toBe(7);
  });
});
