import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coloursOfIds } from '../../src/clips/class-colours.js';
import { LabelReader, loadPalette, type LabelOptions } from '../../src/clips/labels.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frameloom-labels-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const options = (more: Partial<LabelOptions>): LabelOptions => ({
  kind: 'paired',
  path: 'x',
  content: 'labels',
  toleranceLevels: 0,
  ...more,
});
const palette: Record<string, [number, number, number]> = {
  road: [128, 64, 128],
  sky: [70, 130, 180],
};

describe('LabelReader', () => {
  it('turns colours into ids and back', async () => {
    const reader = await LabelReader.create(options({ palette }), folder);
    const bytes = Uint8Array.of(70, 130, 180, 128, 64, 128, 70, 130, 180);
    const tally = reader.newTally();
    expect([...reader.toIds(bytes, 0, tally)]).toEqual([1, 0, 1]);
    expect(tally.classPixels).toEqual([1, 2]);
    expect(coloursOfIds(Uint8Array.of(1, 0, 1), reader.colours)).toEqual(bytes);
    expect(reader.classNames).toEqual(['road', 'sky']);
  });

  it('says which colour is unknown, where and how often', async () => {
    const reader = await LabelReader.create(options({ palette }), folder);
    const tally = reader.newTally();
    reader.toIds(Uint8Array.of(128, 64, 128, 1, 2, 3), 7, tally);
    reader.toIds(Uint8Array.of(72, 130, 180, 72, 130, 180), 9, tally);
    const error = reader.unknownError(tally, 'map.mkv');
    expect(error.toLine()).toBe(
      'map.mkv: label colour [72, 130, 180] is not in the palette (first in frame 9, 2 pixels, and 1 other colour) (the nearest is sky, 2 levels off; add the colour, store label videos without loss (FFV1, PNG), or raise toleranceLevels)',
    );
    expect(() => reader.toIds(Uint8Array.of(0, 0, 0), 4)).toThrow('[0, 0, 0]');
  });

  it('forgives what the tolerance allows', async () => {
    const reader = await LabelReader.create(options({ palette, toleranceLevels: 2 }), folder);
    expect([...reader.toIds(Uint8Array.of(72, 129, 180), 0)]).toEqual([1]);
    expect(() => reader.toIds(Uint8Array.of(73, 130, 180), 0)).toThrow('[73, 130, 180]');
  });

  it('takes grey levels as ids', async () => {
    const reader = await LabelReader.create(options({ classes: 3 }), folder);
    expect(reader.pixelFormat).toBe('gray');
    expect([...reader.toIds(Uint8Array.of(0, 2, 1), 0)]).toEqual([0, 2, 1]);
    expect(() => reader.toIds(Uint8Array.of(0, 3), 5)).toThrow(
      'label id 3 is not below classes: 3 (first in frame 5, 1 pixel)',
    );
  });
});

describe('loadPalette', () => {
  it('reads YAML and JSON', async () => {
    await writeFile(join(folder, 'p.yaml'), 'road: [1, 2, 3]\nsky: [4, 5, 6]\n');
    await writeFile(join(folder, 'p.json'), '{"road": [1, 2, 3], "sky": [4, 5, 6]}');
    const yaml = await loadPalette('p.yaml', folder);
    expect(yaml).toEqual({ road: [1, 2, 3], sky: [4, 5, 6] });
    expect(await loadPalette('p.json', folder)).toEqual(yaml);
  });

  it('says what is wrong with a file', async () => {
    await writeFile(join(folder, 'bad.yaml'), 'road: [1, 2, 300]\n');
    await expect(loadPalette('bad.yaml', folder)).rejects.toMatchObject({ code: 'bad-data' });
    await expect(loadPalette('none.yaml', folder)).rejects.toMatchObject({ code: 'not-found' });
  });
});
