import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { extract } from 'tar-stream';
import { createReadStream } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { openDataset } from '../../../src/clips/index.js';
import { loadPipeline } from '../../../src/pipeline/load.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { generateDataset } from '../../../src/synthesis/dataset/generate-dataset.js';
import type { GenerateDatasetOptions } from '../../../src/synthesis/dataset/options.js';
import type { SynthesisModel } from '../../../src/synthesis/models/model.js';
import { keepingLog } from '../../cases/look.js';
import { counting } from '../../clips/make-data.js';
import { scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

const FRAMES = 4;
/** What a column's name needs quotes for, and an axis that is told as a hundredth of what stands in its file. */
const columns = { 'to the left': 'key', steer: { kind: 'axis', range: [-100, 100], default: 0.5 } };
/** Told in frame t; the file says it two frames earlier, and nothing of the last. */
const left = (t: number): number => (t < 2 ? 0 : t % 2);
const steer = (t: number): number => (t < 2 ? 0.5 : (7 * (t - 2) - 20) / 100);

let model: SynthesisModel;
let clip: string;
let silent: string;
const csvOf = (video: string): string => video.replace(/mkv$/, 'csv');
const csv = [
  '"to the left",steer,frame',
  ...Array.from({ length: FRAMES - 2 }, (_, t) => `${left(t + 2)},${7 * t - 20},${t}`),
].join('\n');

beforeAll(async () => {
  await useBackend();
  const condition = { kind: 'actions', path: '{folder}/{name}.csv', columns, offsetFrames: 2 };
  model = await openRunModel(await makeRun({ data: { size: '16x16', condition } }));
  const size = { frames: FRAMES, width: 16, height: 16 };
  clip = await counting({ ...size, name: 'played.mkv' });
  silent = await counting({ ...size, name: 'silent.mkv' });
  await writeFile(csvOf(clip), csv);
});

const make = (folder: string, options: Partial<GenerateDatasetOptions> = {}) =>
  generateDataset(model, { inputs: [clip], folder, baseFolder: '/', ...options });

/** The actions of each clip that a pipeline reads, frame by frame. */
async function readBack(folder: string): Promise<number[][][]> {
  const { pipeline, baseFolder } = await loadPipeline(join(folder, 'pipeline.yaml'));
  const heldOut = { fraction: 0, gapFrames: 0 };
  const dataset = await openDataset(
    { ...pipeline.data, heldOut },
    { ...{ seed: 1, baseFolder, historyFrames: 1, conditionFrames: 1 } },
  );
  expect(dataset.layout.actions).toEqual([
    { name: 'to the left', kind: 'key', default: 0 },
    { name: 'steer', kind: 'axis', default: 0.5 },
  ]);
  const all = await Promise.all(
    dataset.report.clips.map(async (_, at) => {
      const { actions } = await dataset.readFrames(at, 0, FRAMES);
      return Array.from({ length: FRAMES }, (__, t) => [...actions!.subarray(2 * t, 2 * t + 2)]);
    }),
  );
  await dataset.close();
  return all;
}

it('holds what the generator was told in each frame, and is trained on with it', async () => {
  const folder = scratchPath('made');
  expect(await make(folder)).toMatchObject({ done: 1, failed: [] });
  const [sequence = ''] = await readdir(join(folder, 'images'));
  const written = await readFile(join(folder, 'actions', `${sequence}.csv`), 'utf8');
  expect(written.split('\n').slice(0, 4)).toEqual([
    'frame,"to the left",steer',
    '0,0,0.5',
    '1,0,0.5',
    '2,0,-0.200000003',
  ]);
  const told = Array.from({ length: FRAMES }, (_, t) => [left(t), Math.fround(steer(t))]);
  expect(await readBack(folder)).toEqual([told]);
  const record = await readFile(join(folder, 'sequences', `${sequence}.json`), 'utf8');
  expect(JSON.parse(record)).toMatchObject({
    actions: { path: csvOf(clip) },
    parts: { actions: { files: 1, bytes: written.length } },
  });
  const hashes = await readFile(join(folder, 'sequences', `${sequence}.sha256`), 'utf8');
  expect(hashes).toContain(`  actions/${sequence}.csv\n`);

  // It is made again where its rows are gone.
  expect(await make(folder)).toMatchObject({ done: 0, skipped: 1 });
  await rm(join(folder, 'actions', `${sequence}.csv`));
  expect(await make(folder)).toMatchObject({ done: 1, skipped: 0 });
});

it('says of which sequences nobody knows what is done, and reads actions of none then', async () => {
  const folder = scratchPath('mixed');
  const { log, said } = keepingLog();
  await make(folder, { inputs: [clip, silent], log });
  expect(said()).toMatch(/in 1 of 2 sequences, .*silent the first: pipeline.yaml reads no actions/);
  expect(await readdir(join(folder, 'actions'))).toEqual([expect.stringContaining('played')]);
  const { pipeline } = await loadPipeline(join(folder, 'pipeline.yaml'));
  expect(pipeline.data.actions).toBeUndefined();
  // Told for it later, it is whole.
  await writeFile(csvOf(silent), csv);
  expect(await make(folder, { inputs: [clip, silent] })).toMatchObject({ done: 1, skipped: 1 });
  const { pipeline: whole } = await loadPipeline(join(folder, 'pipeline.yaml'));
  expect(whole.data.actions).toMatchObject({ offsetFrames: 0 });
  await rm(csvOf(silent));
});

it('has them beside each sample of a shard', async () => {
  const folder = scratchPath('shards');
  await make(folder, { format: 'webdataset', inputs: [clip] });
  const about: unknown[] = [];
  for (const name of (await readdir(join(folder, 'shards'))).sort()) {
    for await (const entry of createReadStream(join(folder, 'shards', name)).pipe(extract())) {
      const pieces: Buffer[] = [];
      for await (const piece of entry) pieces.push(piece);
      if (basename(entry.header.name).endsWith('000003.json'))
        about.push(JSON.parse(Buffer.concat(pieces).toString()));
    }
  }
  expect(about).toEqual([
    expect.objectContaining({ frame: 3, actions: { 'to the left': 0, steer: Math.fround(-0.2) } }),
  ]);
});
