import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import type { FrameloomError } from '../../src/base/error.js';
import {
  assertPaired,
  gapsOf,
  gapsText,
  restartsOf,
  sequenceAt,
  type UsedPart,
} from '../../src/clips/pairs.js';
import { createLogger } from '../../src/base/log.js';
import { png } from '../cases/pictures.js';
import { scratchPath } from '../video/make-clip.js';
import { open } from './make-data.js';

const WHOLE: UsedPart = { firstFrame: 0, frameLimit: null };

/** A folder of pictures of these names, flat and of the grey of their place. */
async function folderOf(names: readonly string[]): Promise<string> {
  const folder = scratchPath('pictures');
  await mkdir(folder);
  for (const [i, name] of names.entries()) {
    await writeFile(join(folder, name), png(i, 'rgb', 32, 24));
  }
  return folder;
}

const numbers = (from: number, to: number, but: readonly number[] = []): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((n) => !but.includes(n));
const numbered = (list: readonly number[], prefix = ''): string[] =>
  list.map((n) => `${prefix}${String(n).padStart(4, '0')}.png`);

/** What pairing says of two lists of names, with `clip` and `condition` for the folders. */
async function verdict(
  mine: readonly string[],
  theirs: readonly string[],
  part = WHOLE,
): Promise<string> {
  const [clip, condition] = [await folderOf(mine), await folderOf(theirs)];
  const side = async (path: string) => ({ path, sequence: (await sequenceAt(path))! });
  try {
    assertPaired(await side(clip), await side(condition), part);
    return 'paired';
  } catch (error) {
    const line = (error as FrameloomError).toLine();
    return line.replaceAll(clip, 'clip').replaceAll(condition, 'condition');
  }
}

describe('pictures of two folders', () => {
  it('are paired by number, however it is written', async () => {
    const plain = numbers(1, 12).map((n) => `${n}.png`);
    expect(await verdict(numbered(numbers(1, 12), 'shot2_'), plain)).toBe('paired');
    expect(await verdict(numbered(numbers(1, 9, [4])), numbered(numbers(1, 9, [4])))).toBe(
      'paired',
    );
  });

  it('with a number on one side only are an error that names the picture and both sides', async () => {
    expect(await verdict(numbered(numbers(1, 9)), numbered(numbers(1, 9, [4])))).toBe(
      'clip/0004.png has no partner of its number in condition, which has 8 from 0001.png to 0009.png (pictures are paired by the numbers in their names: make the missing one, or take this one away too)',
    );
    expect(await verdict(numbered(numbers(1, 9, [4])), numbered(numbers(1, 9, [7])))).toContain(
      'condition/0004.png has no partner of its number in clip',
    );
    expect(await verdict(numbered(numbers(1, 9)), numbered(numbers(0, 8)))).toContain(
      'condition/0000.png has no partner of its number in clip, which has 9',
    );
    expect(await verdict(numbered(numbers(1, 9)), numbered(numbers(11, 19)))).toContain(
      '(nor have 8 others)',
    );
  });

  it('have to be paired in the part that is used, and only there', async () => {
    const [long, short] = [numbered(numbers(1, 20)), numbered(numbers(1, 9))];
    expect(await verdict(long, short)).toContain('clip/0010.png has no partner');
    expect(await verdict(long, short, { firstFrame: 2, frameLimit: 7 })).toBe('paired');
    const late = numbered(numbers(3, 20));
    expect(await verdict(long, late, { firstFrame: 0, frameLimit: 5 })).toContain('clip/0001.png');
  });

  it('without one number each are paired by what their names differ in', async () => {
    const photos = ['a_000019_photo8bit.png', 'a_000020_photo8bit.png', 'b_000001_photo8bit.png'];
    const ids = ['a_000019_labelIds.png', 'a_000020_labelIds.png', 'b_000001_labelIds.png'];
    expect(await verdict(photos, ids)).toBe('paired');
    expect(await verdict(photos, ids.slice(0, 2))).toContain('has no partner of its name');
    expect(await verdict(['cat.png', 'dog.png'], ['cat-mask.png', 'dog-mask.png'])).toBe('paired');
    expect(await verdict(['cat.png', 'dog.png'], ['cow.png', 'dog.png'])).toContain(
      'clip/cat.png has no partner of its name in condition, which has 2 from cow.png to dog.png',
    );
    expect(await verdict(['cat.png', 'dog.png'], numbered([1, 2]))).toContain('no partner');
  });
});

describe('gaps in the numbers', () => {
  const gaps = async (names: readonly string[], part = WHOLE) =>
    gapsOf((await sequenceAt(await folderOf(names)))!, part);

  it('are found in the part that is used, and told shortly', async () => {
    const found = await gaps(numbered(numbers(1, 20, [5, 9, 10, 11])));
    expect(found.map(({ frame }) => frame)).toEqual([4, 7]);
    expect(gapsText(found)).toBe('5, 9 to 11');
    const part = { firstFrame: 4, frameLimit: 6 };
    expect((await gaps(numbered(numbers(1, 20, [5, 9])), part)).map(({ frame }) => frame)).toEqual([
      3,
    ]);
    const many = await gaps(numbered(numbers(1, 40).filter((n) => n % 3 > 0)));
    expect(gapsText(many)).toBe('3, 6, 9, 12, 15 and 8 more stretches');
  });

  it('are none where numbers go up by ten, or are times', async () => {
    expect(await gaps(numbered([10, 20, 30, 40]))).toEqual([]);
    expect(await gaps(numbered([0, 33, 66, 100, 133, 167]))).toEqual([]);
    expect((await gaps(numbered([10, 20, 40, 50]))).map(({ frame }) => frame)).toEqual([2]);
    expect(await gaps(['cat.png', 'dog.png'])).toEqual([]);
  });
});

describe('names that count by two numbers', () => {
  const city = (...places: readonly (readonly [number, number])[]): string[] =>
    places.map(([shot, frame]) => `ulm_${shot}_00${frame}_photo8bit.png`);
  const sequenceOf = async (...places: readonly (readonly [number, number])[]) =>
    (await sequenceAt(await folderOf(city(...places))))!;

  it('lack pictures within a series, and begin a scene with the next', async () => {
    const snippets = await sequenceOf([1, 5], [1, 6], [1, 8], [2, 0], [2, 1]);
    expect(gapsOf(snippets, WHOLE)).toEqual([{ frame: 2, after: 6, before: 8 }]);
    expect(restartsOf(snippets, WHOLE)).toEqual([3]);
    expect(restartsOf(snippets, { firstFrame: 2, frameLimit: 2 })).toEqual([1]);
  });

  it('count on where only one of them changes, or both go up', async () => {
    const drive = await sequenceOf([1, 19], [2, 19], [4, 19]);
    expect(gapsOf(drive, WHOLE)).toEqual([{ frame: 2, after: 2, before: 4 }]);
    expect(restartsOf(drive, WHOLE)).toEqual([]);
    expect(restartsOf(await sequenceOf([1, 2], [1, 3], [2, 4]), WHOLE)).toEqual([]);
  });
});

describe('training on a folder with a gap', () => {
  beforeAll(() => useBackend());

  it('warns, and no window runs across it', async () => {
    const folder = await folderOf(numbered(numbers(1, 40)));
    await rm(join(folder, '0017.png'));
    let said = '';
    const log = createLogger({ write: (line) => void (said += line) });
    const dataset = await open(
      { clips: [folder], sceneCuts: { detect: false }, heldOut: { fraction: 0 } },
      { log, windowFrames: 3 },
    );
    expect(said).toMatch(/lacks the pictures 17: the gap is taken as a scene cut/);
    const [clip] = dataset.report.clips;
    // Frame 16 is number 18.
    expect([clip!.frameCount, clip!.sceneCuts]).toEqual([39, [16]]);
    const lead = dataset.leadFrames;
    for (let step = 0; step < 60; step += 1) {
      const window = await dataset.trainWindow(step, { frames: 3, batch: 1 });
      const { startFrame } = window.origin[0]!;
      expect(startFrame >= 16 || startFrame + lead + 3 <= 16).toBe(true);
      window.dispose();
    }
    await dataset.close();
  });

  it('on both sides alike pairs each picture with its own', async () => {
    const names = numbered(numbers(1, 30, [9]));
    const [clip, condition] = [await folderOf(names), await folderOf(names)];
    const dataset = await open({
      clips: [clip],
      condition: { kind: 'paired', path: [condition], content: 'image' },
    });
    const { frames, condition: other } = await dataset.readFrames(0, 0, 29);
    expect(Buffer.compare(frames, other!)).toBe(0);
    expect(dataset.report.clips[0]!.sceneCuts).toContain(8);
    await dataset.close();
  });
});
