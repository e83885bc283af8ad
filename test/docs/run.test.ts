import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { exportGenerator } from '../../src/export/index.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import { probe, readFrames } from '../../src/video/index.js';
import { frameloom } from '../cli/support.js';
import { makeWorkFolder, writePipeline } from '../e2e/support.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip } from '../video/make-clip.js';
import { blocksIn, type Block } from './blocks.js';
import { shown } from './given.js';
import { runnable } from './programs.js';

const RUN = 'runs/00001-edges-to-video';
const blocks = blocksIn('ts');
let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let home: string;

/** The folder that the programs are run in, with what the guides speak of. */
beforeAll(async () => {
  work = await makeWorkFolder();
  home = process.cwd();
  process.chdir(work.path);
  await useBackend();
  await cp(await makeRun({ generator: { noiseChannels: 2 } }), RUN, { recursive: true });
  const label = { kind: 'paired', content: 'labels', classes: 10, path: 'labels.mkv' };
  const labels = await makeRun({ data: { condition: label } });
  await mkdir('runs/demo/exports', { recursive: true });
  await exportGenerator(await openRunModel(labels), 'runs/demo/exports/generator.onnx');
  const clip = await makeClip({ frames: 8, width: 48, height: 32, toneSeconds: 1 });
  for (const name of ['in', 'other', 'my']) await cp(clip, `${name}.mp4`);
  await cp(await makeClip({ frames: 40, width: 48, height: 32 }), 'street.mp4');
  await mkdir('pipelines');
  const heldOut = { fraction: 0 };
  await writePipeline('pipelines/edges-to-video.yaml', { data: { clips: [clip], heldOut } });
});
afterAll(async () => {
  process.chdir(home);
  await work.remove();
});
afterEach(() => vi.restoreAllMocks());

const ran = new Set<Block>();
const said: string[] = [];

/** Runs the block of a guide that says this, in this process. @returns what it printed */
async function run(guide: string, says: string, replaced?: Record<string, string>) {
  const block = blocks.find(({ place, code }) => place.startsWith(guide) && code.includes(says));
  if (!block) throw new Error(`${guide} has no block with ${says}`);
  ran.add(block);
  said.length = 0;
  for (const name of ['log', 'error', 'table'] as const) {
    vi.spyOn(console, name).mockImplementation((...words: unknown[]) => {
      said.push(
        words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' '),
      );
    });
  }
  const path = join(work.path, `block-${ran.size}.ts`);
  await writeFile(path, runnable(block, replaced));
  await import(pathToFileURL(path).href);
  vi.restoreAllMocks();
  return said;
}

/** A hash of each frame. */
async function digest(path: string): Promise<string[]> {
  const hashes: string[] = [];
  for await (const { data } of readFrames(path)) {
    hashes.push(createHash('sha256').update(data).digest('hex'));
  }
  return hashes;
}

const frames = async (path: string) => {
  const { width, height, frameCount, fps } = await probe(path, { count: true });
  return { width, height, frameCount, fps };
};

describe('the programs of the guides', () => {
  it('README: a video by three lines, frame for frame what the command line makes', async () => {
    const made = { 'made.mp4': 'made.mkv' };
    await run('README.md', 'writeFrames', made);
    const args = ['generate', RUN, '-i', 'other.mp4', '-o', 'by-command.mkv'];
    expect(await frameloom('--quiet', ...args)).toMatchObject({ code: 0, stderr: '' });
    expect(await frames('made.mkv')).toEqual({
      ...{ width: 32, height: 24, frameCount: 8, fps: { num: 25, den: 1 } },
    });
    const [ours, theirs] = await Promise.all([digest('made.mkv'), digest('by-command.mkv')]);
    expect(ours).toEqual(theirs);
    expect(ours).toHaveLength(8);
  });

  it('README: labels to a frame', async () => {
    expect(await run('README.md', 'labelIds')).toEqual([]);
  });

  it('video.md', async () => {
    await run('docs/video.md', 'inverted(');
    expect(await frames('inverted.mp4')).toMatchObject({ frameCount: 8, width: 48 });
    const { length } = await run('docs/video.md', 'repaint', {
      'height: 144': 'height: 16',
      'startSeconds: 2, durationSeconds: 5': 'startSeconds: 0.08, durationSeconds: 0.2',
      'audioStartSeconds: 2': 'audioStartSeconds: 0.08',
    });
    expect([length, said]).toEqual([1, ['5 0.2']]);
    await run('docs/video.md', 'teeFrames');
    expect([await frames('large.mp4'), await frames('small.webm')]).toMatchObject([
      { width: 48, frameCount: 8 },
      { width: 32, frameCount: 8 },
    ]);
  });

  it('generate.md: a game loop', async () => {
    expect(await run('docs/generate.md', 'drawEdges', { 'tick < 60': 'tick < 34' })).toEqual([]);
    expect(shown).toHaveLength(34);
    expect(shown.every(([bytes, ms]) => bytes === 3 * 32 * 24 && ms > 0)).toBe(true);
  });

  it('library.md: frames together, and a batch with its events', async () => {
    expect(await run('docs/library.md', 'stacked')).toEqual(['48']);
    expect(await frames('stacked.mp4')).toMatchObject({ width: 32, frameCount: 8 });
    expect((await run('docs/library.md', 'batchEvents')).toSorted()).toEqual([
      'made/other-1.mp4 8',
      'made/other-2.mp4 8',
    ]);
    expect(await readdir('made')).toContain('frameloom-manifest.jsonl');
    // Again there is nothing to do.
    expect(await run('docs/library.md', 'batchEvents')).toEqual([]);
  });

  it('play.md: ten frames on, in any host', async () => {
    await run('docs/play.md', 'player.step(10)', {
      "'generator.onnx'": "'runs/demo/exports/generator.onnx'",
      "'onnxruntime-web'": JSON.stringify(fileURLToPath(import.meta.resolve('onnxruntime-web'))),
    });
    const picture = await readFile('frame.ppm');
    expect(picture.subarray(0, 13).toString()).toBe('P6 32 24 255\n');
    expect(picture).toHaveLength(13 + 3 * 32 * 24);
  });

  it('library.md: training, and export.md: what came of it', async () => {
    const [line] = await run('docs/library.md', 'startRun');
    expect(line).toMatch(/^done 2 runs\/\d{5}-edges-to-video$/);
    expect(await run('docs/export.md', 'conditionBytes')).toEqual([]);
  }, 240_000);

  it('data.md and metrics.md', async () => {
    const shorter = { 'frames: 5, batch': 'frames: 2, batch' };
    expect(await run('docs/data.md', 'openDataset', shorter)).toEqual([]);
    const [table] = await run('docs/metrics.md', 'createRolloutComparison');
    expect(Object.keys(JSON.parse(table!) as object)).toEqual(['generated', 'freeze']);
  });

  it('dataset.md', async () => {
    await run('docs/dataset.md', 'generateDataset', { "'made'": "'made-data'" });
    expect((await readdir('made-data')).length).toBeGreaterThan(1);
  });

  it('are all run but what needs a page', () => {
    const left = blocks.filter((block) => !ran.has(block));
    const page = /'(frameloom\/play|electron)'/;
    expect(left.map(({ code }) => code).filter((code) => !page.test(code))).toEqual([]);
  });
});
