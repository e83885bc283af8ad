import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandClips, findClips } from '../../src/clips/expand.js';
import { assertOneSeries, seriesSideBySide } from '../../src/clips/series.js';
import { filesOf } from '../../src/video/sequence.js';
import { fillTemplate, missingCondition, pairClips } from '../../src/clips/pair-clips.js';

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
      '2 clips but 1 condition',
    );
    for (const path of ['clips', '{folder}/{name}.{extension}']) {
      await expect(pairClips(clips, path, base)).rejects.toThrow(
        `the conditions of ${path} are the clips themselves`,
      );
    }
  });

  it('names the clip without a partner', async () => {
    const [pair] = await pairClips(at('clips/2.mp4'), '{folder}/{name}.labels', base);
    expect((await missingCondition(pair!, '{folder}/{name}.labels'))?.toLine()).toMatch(
      /clips\/2\.mp4 has no condition: .*2\.labels does not exist \(data\.condition\.path is/,
    );
    expect(() => fillTemplate('{dir}/x', 'a.mp4', base)).toThrow('{dir} means nothing');
  });
});

describe('folders of folders, and globs of them', () => {
  const put = async (...names: string[]): Promise<void> => {
    for (const name of names) {
      await mkdir(dirname(join(base, name)), { recursive: true });
      await writeFile(join(base, name), '');
    }
  };

  beforeAll(async () => {
    for (const shot of ['shot 2', 'shot 10']) {
      await put(`images/${shot}/000001.png`, `images/${shot}/000002.png`);
      await put(`labels/${shot}/000001.png`, `labels/${shot}/000002.png`);
    }
    await put('images/notes.txt', 'images/deep/er/1.png', 'images/deep/film.mp4');
    for (const k of [0, 1, 2]) {
      await put(`solo/sequence.${k}/step0.camera.png`, `solo/sequence.${k}/step1.camera.png`);
      await put(`solo/sequence.${k}/step0.camera.semantic segmentation.png`);
      await put(`solo/sequence.${k}/step1.camera.semantic segmentation.png`);
    }
  });

  it('stand for what is in them, wherever it lies', async () => {
    const shots = at('images/shot 2', 'images/shot 10');
    const deep = at('images/deep/film.mp4');
    expect(await expandClips(['images'], base)).toEqual([
      ...deep,
      ...at('images/deep/er'),
      ...shots,
    ]);
    expect(await findClips(['images/*'], base)).toEqual({
      clips: [...deep, ...shots],
      passedOver: at('images/deep/er'),
      otherFiles: at('images/notes.txt'),
    });
    expect(await findClips(['images/**'], base)).toEqual({
      clips: [...at('images/deep/er'), ...deep, ...shots],
      passedOver: [],
      otherFiles: at('images/notes.txt'),
    });
    expect(await expandClips(['images/shot*'], base)).toEqual(shots);
    expect(await expandClips(['images/shot*/*.png'], base)).toEqual(shots);
    expect(await expandClips(['images/*/%06d.png'], base)).toEqual(
      shots.map((shot) => join(shot, '%06d.png')),
    );
  });

  it('take some pictures of each folder', async () => {
    const [entry] = ['solo/*/*.camera.png'];
    const camera = [0, 1, 2].map((k) => join(base, `solo/sequence.${k}/*.camera.png`));
    expect(await expandClips([entry], base)).toEqual(camera);
    expect((await filesOf(camera[0]!)).map((file) => basename(file))).toEqual([
      'step0.camera.png',
      'step1.camera.png',
    ]);
    await expect(expandClips(['solo/*/step0*.png'], base)).resolves.toHaveLength(3);
    await expect(expandClips(['solo/*/{step0,x}.*.png'], base)).rejects.toThrow('takes 2 of the 4');
  });

  it('of pictures in several series say how each is named', async () => {
    await expect(assertOneSeries(join(base, 'images/shot 2'))).resolves.toBeUndefined();
    await expect(assertOneSeries(join(base, 'solo/sequence.0'))).rejects.toThrow(
      /holds 2 series of pictures: step%d\.camera\.png \(2 pictures\), step%d\.camera\.semantic segmentation\.png/,
    );
    const names = (...stems: string[]): string[] =>
      stems.flatMap((stem) => ['000001_000019', '000001_000020'].map((n) => `a_${n}_${stem}.png`));
    expect(seriesSideBySide(names('color', 'labelIds')).map(({ pattern }) => pattern)).toEqual([
      'a_000001_%06d_color.png',
      'a_000001_%06d_labelIds.png',
    ]);
    // One behind the other, alone, or of one number less, they are no series side by side.
    expect(seriesSideBySide(['a1.png', 'a2.png', 'b3.png', 'b4.png', 'cover.png'])).toEqual([]);
  });

  it('pair by {name} and {folder}, whatever the clip is', async () => {
    const clips = await expandClips(['images/shot*'], base);
    const labels = at('labels/shot 2', 'labels/shot 10');
    for (const path of ['labels/{name}', '{folder}/../labels/{name}', 'labels/*', 'labels']) {
      expect((await pairClips(clips, path, base)).map(({ condition }) => condition)).toEqual(
        labels,
      );
    }
    expect(fillTemplate('|{folder}|{name}|{parent}', '/a/b/c/%03d.png', base)).toBe(
      join(base, '|/a/b/c|c|b'),
    );
    expect(fillTemplate('x/{name}', join(base, 'solo/sequence.0'), base)).toBe(
      join(base, 'x/sequence.0'),
    );
    await expect(pairClips(clips.slice(1), 'labels/*', base)).rejects.toThrow(
      /clips and conditions do not pair: .*labels\/shot 2 without a clip of that name/,
    );
  });
});
