import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { extract } from 'tar-stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { isTemporary } from '../../../src/base/temporaries.js';
import { openDataset } from '../../../src/clips/index.js';
import { loadPipeline } from '../../../src/pipeline/load.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { generateDataset } from '../../../src/synthesis/dataset/generate-dataset.js';
import type {
  DatasetSummary,
  GenerateDatasetOptions,
} from '../../../src/synthesis/dataset/options.js';
import type { SynthesisModel } from '../../../src/synthesis/models/model.js';
import { generateVideo } from '../../../src/synthesis/video/generate-video.js';
import { keepingLog } from '../../cases/look.js';
import { makeExact } from '../../clips/make-data.js';
import { scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

const [WIDTH, HEIGHT, FRAMES] = [32, 24, 6];
const PIXELS = WIDTH * HEIGHT;
const palette = { road: [128, 64, 128], sky: [70, 130, 180], car: [0, 0, 142] } as const;
/** The label of a pixel of `labels`. */
const idAt = (frame: number, x: number): number => (x < 4 * frame + 4 ? 1 : x < 28 ? 0 : 2);
let model: SynthesisModel;
let labels: string;
let others: string;

beforeAll(async () => {
  await useBackend();
  const condition = { kind: 'paired', content: 'labels', path: 'x', palette };
  model = await openRunModel(
    await makeRun({ data: { condition }, generator: { noiseChannels: 2 } }),
  );
  const colours = Object.values(palette);
  const size = { width: WIDTH, height: HEIGHT, frames: FRAMES };
  labels = await makeExact({
    ...{ ...size, name: 'street.one.mkv' },
    colour: (frame, x) => colours[idAt(frame, x)]!,
  });
  others = await makeExact({ ...size, name: 'other.mkv', colour: (t, x) => colours[(t + x) % 3]! });
});

type Options = Partial<GenerateDatasetOptions>;

/** Makes a data set of the label clips. */
const make = (folder: string, options: Options = {}, of: SynthesisModel = model) =>
  generateDataset(of, {
    ...{ inputs: [labels], folder, startFrames: 0, baseFolder: '.' },
    ...options,
  });

/** All files below a folder, by their names in it. */
const listed = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
};

const json = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as unknown;

/** The list of hashes, after holding every file against it. */
async function checkedHashes(folder: string, list: string): Promise<string> {
  const text = await readFile(join(folder, list), 'utf8');
  const lines = text.trimEnd().split('\n');
  for (const line of lines) {
    const [sha256, name] = line.split('  ');
    const content = await readFile(join(folder, name!));
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
  }
  return text;
}

async function pixels(path: string): Promise<Uint8Array> {
  const { data, width, height, depth } = decode(await readFile(path));
  expect({ width, height, depth }).toEqual({ width: WIDTH, height: HEIGHT, depth: 8 });
  return data as Uint8Array;
}

const numbered = (number: number): string => String(number).padStart(6, '0');

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function error(code: string, message: RegExp): unknown {
  return expect.objectContaining({ code, message: expect.stringMatching(message) as string });
}

describe('a data set in folders', () => {
  let folder: string;
  let sequence: string;
  let summary: DatasetSummary;

  beforeAll(async () => {
    folder = scratchPath('made');
    summary = await make(folder);
    [sequence = ''] = await readdir(join(folder, 'images'));
  });

  it('holds frames, ids, flow and mask by the same numbers, and says so', async () => {
    expect(summary).toMatchObject({
      done: 1,
      skipped: 0,
      failed: [],
      sequences: 1,
      frames: FRAMES,
    });
    // A dot would end a sample's key, and a clip's name.
    expect(sequence).toMatch(/^\d+-street_one$/);
    const of = (part: string, from: number, extension: string): string[] =>
      Array.from({ length: FRAMES - from + 1 }, (_, i) => {
        return `${part}/${sequence}/${numbered(from + i)}.${extension}`;
      });
    expect(await listed(folder)).toEqual([
      ...of('conditions', 1, 'png'),
      'dataset.json',
      // The first frame was moved from none.
      ...of('flow', 2, 'flo'),
      ...of('images', 1, 'png'),
      ...of('masks', 2, 'png'),
      ...['pipeline.yaml', `sequences/${sequence}.json`, `sequences/${sequence}.sha256`],
    ]);
    expect(await json(join(folder, 'dataset.json'))).toMatchObject({
      kind: 'frameloom-dataset',
      format: 'folders',
      model: { step: 1, engine: 'tensorflow' },
      pipeline: { data: { condition: { palette }, size: { width: WIDTH } } },
      ...{ width: WIDTH, height: HEIGHT, parts: ['image', 'condition', 'flow', 'mask'] },
      condition: {
        content: 'labels',
        classes: [
          { id: 0, name: 'road', colour: [128, 64, 128] },
          { id: 1, name: 'sky' },
          { id: 2, name: 'car' },
        ],
      },
      counts: { sequences: 1, frames: FRAMES, files: 4 * FRAMES - 2 },
      sequences: [
        {
          ...{ name: sequence, input: { path: labels }, seed: 1, frames: FRAMES, realFrames: 0 },
          ...{ flowFrom: 2, fps: '20', isVariable: false },
        },
      ],
    });
    const hashes = await checkedHashes(folder, `sequences/${sequence}.sha256`);
    expect(hashes.trimEnd().split('\n')).toHaveLength(4 * FRAMES - 2);
  });

  it('holds the very frames of the video, and labels as ids', async () => {
    const output = scratchPath('made.raw');
    await generateVideo(model, { input: labels, output, startFrames: 0, baseFolder: '.' });
    const video = await readFile(output);
    for (let t = 0; t < FRAMES; t += 1) {
      const image = await pixels(join(folder, 'images', sequence, `${numbered(t + 1)}.png`));
      expect(video.subarray(3 * PIXELS * t, 3 * PIXELS * (t + 1)).equals(image)).toBe(true);
      const ids = await pixels(join(folder, 'conditions', sequence, `${numbered(t + 1)}.png`));
      expect([...ids.subarray(0, WIDTH)]).toEqual(
        Array.from({ length: WIDTH }, (_, x) => idAt(t, x)),
      );
    }
    const flo = await readFile(join(folder, 'flow', sequence, '000002.flo'));
    expect(flo.readFloatLE(0)).toBe(202021.25);
    expect([flo.readInt32LE(4), flo.readInt32LE(8)]).toEqual([WIDTH, HEIGHT]);
    expect(flo).toHaveLength(12 + 8 * PIXELS);
  });

  it('is trained on as it lies', async () => {
    const { pipeline, baseFolder } = await loadPipeline(join(folder, 'pipeline.yaml'));
    const heldOut = { fraction: 0, gapFrames: 0 };
    const dataset = await openDataset(
      { ...pipeline.data, heldOut },
      { ...{ seed: 1, baseFolder, historyFrames: 1, conditionFrames: 1 } },
    );
    expect(dataset.layout).toMatchObject({ content: 'labels', channels: 3 });
    expect(dataset.report.totals.frames).toBe(FRAMES);
    const { frames, condition } = await dataset.readFrames(0, 1, 1);
    const image = await pixels(join(folder, 'images', sequence, '000002.png'));
    expect(Buffer.compare(frames, image)).toBe(0);
    expect([...condition!.subarray(0, WIDTH)]).toEqual(
      Array.from({ length: WIDTH }, (_, x) => idAt(1, x)),
    );
    const window = await dataset.trainWindow(0, { frames: 2, batch: 1 });
    expect(window.condition!.shape).toEqual([1, 3, HEIGHT, WIDTH, 3]);
    window.dispose();
    await dataset.close();
  });

  it('is not made twice, and takes more of the same work', async () => {
    const before = await stat(join(folder, 'dataset.json'));
    expect(await make(folder)).toMatchObject({ done: 0, skipped: 1, sequences: 1 });
    expect((await stat(join(folder, 'dataset.json'))).mtimeMs).toBe(before.mtimeMs);
    const more = { inputs: [labels, others], seeds: [1] };
    expect(await make(folder, more)).toMatchObject({ done: 1, skipped: 1, sequences: 2 });
    expect(await json(join(folder, 'dataset.json'))).toMatchObject({ counts: { sequences: 2 } });
    const { pipeline } = await loadPipeline(join(folder, 'pipeline.yaml'));
    expect(pipeline.data.clips).toHaveLength(2);
    // A picture is gone, and a file manager was there.
    await rm(join(folder, 'masks', sequence, '000004.png'));
    await writeFile(join(folder, 'images', sequence, '.DS_Store'), 'x');
    const { log, said } = keepingLog();
    expect(await make(folder, { ...more, log })).toMatchObject({ done: 1, skipped: 1 });
    expect(said()).toMatch(/files of .*street_one are missing: the sequence is made again/);
    await checkedHashes(folder, `sequences/${sequence}.sha256`);
  });

  it('is replaced by nothing else unless that is said', async () => {
    const seeds = [2];
    expect(await failure(make(folder, { seeds }))).toEqual(
      error('exists', /^the sequence \S+ is there already, of \S+ with the seed 1$/),
    );
    expect(await failure(make(folder, { with: ['flow'] }))).toEqual(
      error('exists', /holds a data set of other work: parts differs$/),
    );
    expect(await make(folder, { seeds, sequenceNames: '{name}-{seed}' })).toMatchObject({
      done: 1,
    });
    await writeFile(join(folder, 'notes.txt'), 'mine');
    const { log, said } = keepingLog();
    const anew = { with: [], inputs: [others], overwrite: true, log } as const;
    expect(await make(folder, anew)).toMatchObject({ done: 1, sequences: 1 });
    expect(said()).toMatch(/holds a data set of other work, which is removed/);
    expect(await readdir(join(folder, 'images'))).toHaveLength(1);
    expect((await listed(folder)).filter((name) => /^(flow|masks)/.test(name))).toEqual([]);
    expect(await readFile(join(folder, 'notes.txt'), 'utf8')).toBe('mine');
  });
});

describe('a data set that is stopped', () => {
  it('says that it is unfinished, goes on, and is the same', async () => {
    const inputs = [labels, others];
    const [whole, folder] = [scratchPath('whole'), scratchPath('stopped')];
    await make(whole, { inputs });
    const stop = new AbortController();
    let frames = 0;
    const stopped = make(folder, {
      ...{ inputs, signal: stop.signal },
      onEvent: ({ kind }) => {
        if (kind === 'frame' && (frames += 1) === FRAMES + 3) stop.abort();
      },
    });
    expect(await failure(stopped)).toEqual(
      error('cancelled', /^stopped with 1 of 2 sequences made/),
    );
    const left = await listed(folder);
    expect(left).toContain('dataset.unfinished.json');
    expect(left).not.toContain('dataset.json');
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(await make(folder, { inputs })).toMatchObject({ done: 1, skipped: 1 });
    expect(await listed(folder)).toEqual(await listed(whole));
    for (const list of (await listed(folder)).filter((name) => name.endsWith('.sha256'))) {
      expect(await checkedHashes(folder, list)).toBe(await readFile(join(whole, list), 'utf8'));
    }
  });

  it('by a failing input has no manifest until that is mended or left out', async () => {
    const broken = scratchPath('broken.mkv');
    await writeFile(broken, 'no video');
    const folder = scratchPath('failing');
    const summary = await make(folder, { inputs: [broken, labels], parallel: 2 });
    expect(summary).toMatchObject({ done: 1, manifest: null, pipeline: null });
    expect(summary.failed).toEqual([
      expect.objectContaining({ error: error('bad-input', /broken\.mkv/) }),
    ]);
    expect(await readdir(folder)).not.toContain('dataset.json');
    expect(await make(folder)).toMatchObject({ done: 0, skipped: 1 });
    expect(await readdir(folder)).toContain('dataset.json');
    expect(await readdir(folder)).not.toContain('dataset.unfinished.json');
  });

  it('half-way through putting a sequence in place makes that one again', async () => {
    const folder = scratchPath('half-placed');
    await make(folder);
    const [sequence] = await readdir(join(folder, 'images'));
    // Its record is written first, its parts one by one.
    await rm(join(folder, 'masks', sequence!), { recursive: true });
    await rm(join(folder, 'dataset.json'));
    await writeFile(
      join(folder, 'dataset.unfinished.json'),
      JSON.stringify(await json(join(await wholeOf(), 'dataset.json'))),
    );
    expect(await make(folder)).toMatchObject({ done: 1, skipped: 0 });
    await checkedHashes(folder, `sequences/${sequence}.sha256`);
  });
});

let whole: Promise<string> | undefined;
const wholeOf = (): Promise<string> =>
  (whole ??= (async () => {
    const folder = scratchPath('whole');
    await make(folder);
    return folder;
  })());

interface Entry {
  readonly name: string;
  readonly content: Buffer;
}

async function untar(path: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of createReadStream(path).pipe(extract())) {
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece);
    entries.push({ name: entry.header.name, content: Buffer.concat(pieces) });
  }
  return entries;
}

describe('a data set in WebDataset shards', () => {
  it('has samples whose files lie together and are known by the key before the first dot', async () => {
    const folder = scratchPath('shards');
    const options = { format: 'webdataset', samplesPerShard: 4 } as const;
    expect(await make(folder, options)).toMatchObject({ done: 1, pipeline: null });
    const shards = await readdir(join(folder, 'shards'));
    expect(shards).toEqual([
      expect.stringMatching(/street_one-000000\.tar$/),
      expect.stringMatching(/street_one-000001\.tar$/),
    ]);
    const sequence = shards[0]!.replace('-000000.tar', '');
    const entries = (
      await Promise.all(shards.map((name) => untar(join(folder, 'shards', name))))
    ).flat();
    const keys = entries.map(({ name }) => /^((?:.*\/|)[^.]+)[.]([^/]*)$/.exec(name)!.slice(1));
    const first = ['image.png', 'condition.png', 'json'];
    const rest = ['image.png', 'condition.png', 'flow.npy', 'mask.png', 'json'];
    expect(keys).toEqual(
      Array.from({ length: FRAMES }, (_, t) =>
        (t === 0 ? first : rest).map((extension) => [`${sequence}-${numbered(t + 1)}`, extension]),
      ).flat(),
    );
    const find = (name: string): Buffer =>
      entries.find((entry) => entry.name === `${sequence}-000002.${name}`)!.content;
    const flow = find('flow.npy');
    expect(flow.toString('latin1', 0, 6)).toBe('\x93NUMPY');
    const start = 10 + flow.readUInt16LE(8);
    expect(start % 64).toBe(0);
    expect(flow.toString('latin1', 10, start)).toMatch(
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(24, 32, 2\), \} *\n$/,
    );
    // The same numbers and pictures as in folders.
    const folders = await wholeOf();
    const flo = await readFile(join(folders, 'flow', sequence, '000002.flo'));
    expect(flow.subarray(start).equals(flo.subarray(12))).toBe(true);
    const image = await readFile(join(folders, 'images', sequence, '000002.png'));
    expect(find('image.png').equals(image)).toBe(true);
    expect(JSON.parse(find('json').toString())).toEqual({
      ...{ sequence, frame: 2, timeSeconds: 0.05, seed: 1, real: false },
    });
    await checkedHashes(folder, `sequences/${sequence}.sha256`);
    expect(await json(join(folder, 'dataset.json'))).toMatchObject({
      counts: { shards: 2, files: 4 * FRAMES - 2 },
    });
    expect(await make(folder, options)).toMatchObject({ done: 0, skipped: 1 });
    await writeFile(join(folder, 'shards', shards[1]!), 'cut short');
    expect(await make(folder, options)).toMatchObject({ done: 1, skipped: 0 });
    await checkedHashes(folder, `sequences/${sequence}.sha256`);
  });
});

describe('what cannot be made', () => {
  it('is said before anything is written', async () => {
    const folder = scratchPath('refused');
    await mkdir(folder);
    await writeFile(join(folder, 'mine.txt'), 'mine');
    expect(await failure(make(folder))).toEqual(error('exists', /is not empty/));
    expect(await readdir(folder)).toEqual(['mine.txt']);
    const file = join(folder, 'mine.txt');
    expect(await failure(make(file))).toEqual(error('bad-option', /is a file/));
    const inside = join(folder, 'clip.mkv');
    await writeFile(inside, await readFile(labels));
    const within = make(folder, { inputs: [inside], overwrite: true });
    expect(await failure(within)).toEqual(error('bad-option', /clip\.mkv lies in /));
    const fresh = scratchPath('fresh');
    const twice = make(fresh, { inputs: [labels, others], sequenceNames: 'all' });
    expect(await failure(twice)).toEqual(error('bad-option', /would both be the sequence all$/));
    const real = make(fresh, { startFrames: 1 });
    expect((await real).failed).toEqual([
      expect.objectContaining({ error: error('bad-option', /holds no real frames/) }),
    ]);
    const none = scratchPath('none');
    const plain = await openRunModel(await makeRun({ generator: { flow: false } }));
    expect(await failure(make(none, { with: ['flow', 'mask'] }, plain))).toEqual(
      error('bad-option', /^this generator has no flow and no mask$/),
    );
    expect(await failure(stat(none))).toMatchObject({ code: 'ENOENT' });
  });

  it('is a folder that another call is writing', async () => {
    const folder = scratchPath('shared');
    let second: Promise<unknown> | undefined;
    await make(folder, {
      onEvent: () => {
        second ??= failure(make(folder));
      },
    });
    expect(await second).toEqual(error('bad-option', /is being written already, by this process/));
    expect((await readdir(folder)).filter(isTemporary)).toEqual([]);
  });

  it('leaves real frames without a flow, and derived conditions are pictures', async () => {
    const edges = await openRunModel(await makeRun());
    const folder = scratchPath('edges');
    await make(folder, { startFrames: 2 }, edges);
    const [sequence] = await readdir(join(folder, 'images'));
    expect(await readdir(join(folder, 'flow', sequence!))).toHaveLength(FRAMES - 2);
    expect(await json(join(folder, 'dataset.json'))).toMatchObject({
      condition: { content: 'image', channels: 1 },
      sequences: [{ realFrames: 2, flowFrom: 3 }],
    });
    const { pipeline, baseFolder } = await loadPipeline(join(folder, 'pipeline.yaml'));
    const dataset = await openDataset(pipeline.data, {
      ...{ seed: 1, baseFolder, historyFrames: 1, conditionFrames: 1 },
    });
    expect(dataset.layout).toMatchObject({ content: 'image', channels: 3 });
    await dataset.close();
  });
});
