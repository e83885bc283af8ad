import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandClips, fillTemplate, pairClips } from '../../src/clips/expand.js';

let base = '';
const at = (...names: string[]): string[] => names.map((name) => join(base, name));

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'frameloom-expand-'));
  for (const folder of ['clips', 'pictures', 'empty']) await mkdir(join(base, folder));
  for (const name of ['clips/2.mp4', 'clips/10.mp4', 'clips/2-labels.mkv', 'clips/10-labels.mkv']) {
    await writeFile(join(base, name), '');
  }
  for (const name of ['clips/notes.txt', 'pictures/1.png', 'a [1].mp4']) {
    await writeFile(join(base, name), '');
  }
});
afterAll(async () => rm(base, { recursive: true, force: true }));

describe('expandClips', () => {
  it('takes files, globs and folders, in natural order, none twice', async () => {
    expect(await expandClips(['clips/*.mp4', 'clips/2.mp4'], base)).toEqual(
      at('clips/2.mp4', 'clips/10.mp4'),
    );
    expect(await expandClips(['clips'], base)).toEqual(
      at('clips/2-labels.mkv', 'clips/2.mp4', 'clips/10-labels.mkv', 'clips/10.mp4'),
    );
    expect(await expandClips(['pictures', 'x-%03d.png', 'a [1].mp4'], base)).toEqual(
      at('pictures', 'x-%03d.png', 'a [1].mp4'),
    );
  });

  it('names what matches nothing', async () => {
    await expect(expandClips(['clips/*.avi'], base)).rejects.toThrow('no file matches clips/*.avi');
    await expect(expandClips(['gone.mp4'], base)).rejects.toThrow(
      `${base}/gone.mp4 does not exist`,
    );
    await expect(expandClips(['empty'], base)).rejects.toThrow('neither videos nor pictures');
  });
});

describe('pairClips', () => {
  it('leaves partners out of the clips', async () => {
    const clips = await expandClips(['clips'], base);
    expect(await pairClips(clips, '{folder}/{name}-labels.mkv', base)).toEqual([
      { clip: at('clips/2.mp4')[0], condition: at('clips/2-labels.mkv')[0] },
      { clip: at('clips/10.mp4')[0], condition: at('clips/10-labels.mkv')[0] },
    ]);
  });

  it('pairs a list in order and names both counts', async () => {
    const clips = at('clips/2.mp4', 'clips/10.mp4');
    const pairs = await pairClips(clips, ['clips/10-labels.mkv', 'clips/2-labels.mkv'], base);
    expect(pairs[0]!.condition).toBe(at('clips/10-labels.mkv')[0]);
    await expect(pairClips(clips, 'clips/2-labels.mkv', base)).rejects.toThrow(
      '2 clips but 1 conditions',
    );
  });

  it('names the clip without a partner', async () => {
    await expect(pairClips(at('clips/2.mp4'), '{folder}/{name}.labels', base)).rejects.toThrow(
      'clips/2.mp4 has no condition',
    );
    expect(() => fillTemplate('{dir}/x', 'a.mp4', base)).toThrow('{dir} means nothing');
  });
});
