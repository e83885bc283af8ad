// Folders as data sets come, none of whose files is renamed: each is checked, and trained on for a step.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inspection } from '../../src/cli/input/inspect.js';
import { readMetadata } from '../../src/export/metadata.js';
import { frameloom } from '../cli/support.js';
import { tabledPng } from '../clips/tabled-png.js';
import { makeWorkFolder, writePipeline } from './support.js';

const [WIDTH, HEIGHT, FRAMES] = [32, 24, 12];
const DATA = { heldOut: { fraction: 0 } };
let work: Awaited<ReturnType<typeof makeWorkFolder>>;

const put = async (name: string, bytes: Uint8Array): Promise<void> => {
  await mkdir(dirname(join(work.path, name)), { recursive: true });
  await writeFile(join(work.path, name), bytes);
};
const photo = (k: number): Uint8Array => {
  const data = Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, (_, i) => (i * 7 + k * 5) % 251);
  return encode({ width: WIDTH, height: HEIGHT, channels: 3, data });
};
const grey = (depth: 8 | 16, id: (x: number) => number): Uint8Array => {
  const ids = Array.from({ length: WIDTH * HEIGHT }, (_, i) => id(i % WIDTH));
  const data = depth === 8 ? Uint8Array.from(ids) : Uint16Array.from(ids);
  return encode({ width: WIDTH, height: HEIGHT, channels: 1, depth, data });
};
const pad = (k: number, width = 6): string => String(k).padStart(width, '0');
const frames = Array.from({ length: FRAMES }, (_, k) => k);

/** Cityscapes' 34 labels as its 19 training ids. */
const TRAIN_IDS = [
  ...[255, 255, 255, 255, 255, 255, 255, 0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6],
  ...[7, 8, 9, 10, 11, 12, 13, 14, 15, 255, 255, 16, 17, 18],
];

const makeCityscapes = async (): Promise<void> => {
  for (const city of ['aachen', 'ulm']) {
    for (const k of frames) {
      const stem = `${city}/${city}_000000_${pad(k)}`;
      await put(`city/leftImg8bit/train/${stem}_leftImg8bit.png`, photo(k));
      await put(
        `city/gtFine/train/${stem}_gtFine_labelIds.png`,
        grey(8, (x) => [3, 7, 11, 26][x % 4]!),
      );
      await put(
        `city/gtFine/train/${stem}_gtFine_instanceIds.png`,
        grey(16, (x) => 26_000 + x),
      );
      await put(`city/gtFine/train/${stem}_gtFine_color.png`, photo(k + 1));
    }
  }
};

const makeKitti = async (): Promise<void> => {
  for (const k of frames) {
    for (const drive of ['0000', '0001']) {
      await put(`kitti/training/image_02/${drive}/${pad(k)}.png`, photo(k));
      await put(
        `kitti/instances/${drive}/${pad(k)}.png`,
        grey(16, (x) => [0, 1001, 2003, 10_000][x % 4]!),
      );
    }
  }
};

const makePerception = async (): Promise<void> => {
  for (const k of frames) {
    for (const sequence of [0, 1]) {
      const stem = `solo/sequence.${sequence}/step${k}`;
      await put(`${stem}.camera.png`, photo(k));
      await put(`${stem}.frame_data.json`, Buffer.from('{}'));
      const data = Uint8Array.from({ length: 4 * WIDTH * HEIGHT }, (_, i) =>
        i % 4 === 3 ? 255 : (i >> 2) % WIDTH < 16 ? 0 : [200, 10, 30][i % 4]!,
      );
      const map = encode({ width: WIDTH, height: HEIGHT, channels: 4, data });
      await put(`${stem}.camera.semantic segmentation.png`, map);
    }
  }
};

const makeVoc = async (): Promise<void> => {
  const place = (x: number): number => (x < 2 ? 255 : x % 21);
  for (const k of frames) {
    for (const video of ['bear', 'bus']) {
      await put(`voc/JPEGImages/${video}/${pad(k, 5)}.png`, photo(k));
      const made = { width: WIDTH, height: HEIGHT, bits: 8, place, colours: 256 } as const;
      await put(`voc/SegmentationClass/${video}/${pad(k, 5)}.png`, tabledPng(made));
    }
  }
};

const labels = (path: string, more: object): object => ({
  ...{ kind: 'paired', content: 'labels', path },
  ...more,
});

beforeAll(async () => {
  work = await makeWorkFolder();
  await Promise.all([makeCityscapes(), makeKitti(), makePerception(), makeVoc()]);
});
afterAll(() => work.remove());

async function checked(name: string, data: object): Promise<Inspection['data']> {
  const pipeline = await writePipeline(join(work.path, `${name}.yaml`), {
    data: { ...DATA, ...data },
    training: { steps: 1, sampleEverySteps: 100, compile: false },
  });
  const { code, stdout, stderr } = await frameloom('check', pipeline, '--json');
  expect([name, code, stderr]).toEqual([name, 0, expect.any(String)]);
  const run = join(work.path, `runs-${name}`);
  const trained = await frameloom('--quiet', 'train', pipeline, '--run', run, '--json');
  expect([name, trained.code, trained.stderr]).toEqual([name, 0, '']);
  expect(JSON.parse(trained.stdout)).toMatchObject({ ending: 'done', step: 1 });
  return (JSON.parse(stdout) as Inspection).data;
}

const shares = ({ clips }: Inspection['data']) => clips.map(({ condition }) => condition);

describe('as it comes', () => {
  it('a folder like Cityscapes', async () => {
    const data = await checked('cityscapes', {
      clips: ['city/leftImg8bit/train/*/*_leftImg8bit.png'],
      condition: labels('city/gtFine/train/{name}/*_gtFine_labelIds.png', {
        ...{ classes: 19, ignore: 255, remap: TRAIN_IDS },
      }),
    });
    expect(data.totals).toMatchObject({ clips: 2, frames: 2 * FRAMES });
    const [one] = shares(data);
    const used = one!.labels.filter(({ fraction }) => fraction > 0);
    expect([used.map(({ name }) => name), one!.ignored]).toEqual([['0', '2', '13'], 0.25]);
  });

  it('a folder like KITTI', async () => {
    const data = await checked('kitti', {
      clips: ['kitti/training/image_02'],
      condition: labels('kitti/instances/{name}', { classes: 3, divideIdsBy: 1000, ignore: 10 }),
    });
    expect(data.totals).toMatchObject({ clips: 2, frames: 2 * FRAMES });
    for (const { labels: found, ignored } of shares(data)) {
      expect([...found.map(({ fraction }) => fraction), ignored]).toEqual([0.25, 0.25, 0.25, 0.25]);
    }
  });

  it('a folder like Unity Perception', async () => {
    const condition = labels('{folder}/step%d.camera.semantic segmentation.png', {
      palette: { ground: [0, 0, 0], box: [200, 10, 30] },
    });
    const data = await checked('perception', { clips: ['solo/*/step%d.camera.png'], condition });
    expect(data.totals).toMatchObject({ clips: 2, frames: 2 * FRAMES });
    expect(shares(data)[1]!.labels.map(({ fraction }) => fraction)).toEqual([0.5, 0.5]);
    // The folders themselves hold both: that is told, with what to write instead.
    const wrong = await writePipeline(join(work.path, 'mixed.yaml'), {
      data: { clips: ['solo/*'], condition: 'edges' },
    });
    const { code, stderr } = await frameloom('--quiet', 'check', wrong);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /2 of 2 clips cannot be used:\n.*2 series.*step%d\.camera\.png \(12 pict/,
    );
  });

  it('a folder like VOC and DAVIS', async () => {
    const data = await checked('voc', {
      clips: ['voc/JPEGImages/*'],
      condition: labels('voc/SegmentationClass/{name}', { classes: 21, ignore: 255 }),
    });
    expect(data.totals).toMatchObject({ clips: 2, frames: 2 * FRAMES });
    expect(shares(data).map(({ ignored }) => ignored)).toEqual([2 / 32, 2 / 32]);
    // The exported file takes the same maps, and carries by itself what is ignored in them.
    const exported = join(work.path, 'runs-voc', 'exports', 'generator.onnx');
    const made = join(work.path, 'made', '{name}.mkv');
    const maps = join(work.path, 'voc', 'SegmentationClass', '*');
    const generated = await frameloom('--quiet', 'generate', exported, '-i', maps, '-o', made);
    expect(generated).toMatchObject({ code: 0, stderr: '' });
    expect((await readdir(join(work.path, 'made'))).sort()).toEqual(
      expect.arrayContaining(['bear.mkv', 'bus.mkv']),
    );
    const { condition } = readMetadata(await readFile(exported), exported);
    expect(condition).toMatchObject({ channels: 21, ignoredId: 255 });
  });
});
