import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeClip } from '../video/make-clip.js';
import {
  logLines,
  makeWorkFolder,
  processesWith,
  startFrameloom,
  until,
  writePipeline,
} from './support.js';

const TIMEOUT_MS = 240_000;

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let pipeline: string;
beforeAll(async () => {
  work = await makeWorkFolder();
  pipeline = await writePipeline(join(work.path, 'small.yaml'), {
    data: {
      clips: [await makeClip({ frames: 24, width: 32, height: 24 })],
      condition: { kind: 'derived', filtergraph: 'edgedetect' },
    },
  });
}, TIMEOUT_MS);
afterAll(() => work.remove());

interface Results {
  results: {
    name: string;
    folder: string;
    ending: string;
    step: number | null;
    error: string | null;
    measures: { psnr: number } | null;
  }[];
}

it(
  'a sweep measures what trains, tells what does not, and makes nothing twice',
  async () => {
    const folder = join(work.path, 'swept');
    const rates = 'training.optimizer.generatorLearningRate=0.001,1e30';
    const first = await startFrameloom(
      ['sweep', pipeline, '--set', rates, '--set', 'training.steps=8', '-o', folder],
      {},
    ).ended;
    expect(first).toMatchObject({ code: 1 });
    expect(first.stdout).toMatch(/generatorLearningRate=0\.001 .* well\n/);
    expect(first.stdout).toMatch(/1 of 1 failed/);
    // The real frames, then a row for each setting.
    const { width, height } = decode(await readFile(join(folder, 'sweep.png')));
    expect([(width + 2) % (32 + 2), (height + 2) / (24 + 2)]).toEqual([0, 3]);
    expect(await readFile(join(folder, 'sweep.md'), 'utf8')).toContain('| # | setting |');

    const again = await startFrameloom(['sweep', '--resume', '-o', folder, '--json'], {}).ended;
    expect(again.stderr).toContain('2 trainings are done already');
    const { results } = JSON.parse(again.stdout) as Results;
    expect(results.map(({ ending, step }) => [ending, step])).toEqual([
      ['done', 8],
      ['failed', null],
    ]);
    expect(results[0]!.measures!.psnr).toBeGreaterThan(0);
    expect(results[1]!.error).toMatch(/no longer finite|not finite|NaN|diverged/);

    const from = results[0]!.folder;
    const next = join(work.path, 'next');
    const words = ['--from', from, '--set', 'training.steps=1', '-o', next, '--json'];
    const begun = await startFrameloom(['sweep', pipeline, ...words], {}).ended;
    expect(begun.code).toBe(0);
    const [only] = (JSON.parse(begun.stdout) as Results).results;
    const origin = JSON.parse(await readFile(join(only!.folder, 'origin.json'), 'utf8')) as object;
    expect(origin).toMatchObject({ from: { kind: 'run', place: from, step: 8 } });
  },
  TIMEOUT_MS,
);

it(
  'a training ends with the sweep that it belongs to, however that ends',
  async () => {
    const folder = join(work.path, 'killed');
    const mark = ['FRAMELOOM_TEST_SWEEP', folder] as const;
    const sweep = startFrameloom(
      ['sweep', pipeline, '--set', 'training.steps=100000', '-o', folder],
      { [mark[0]]: mark[1] },
    );
    const run = join(folder, '1-as-it-is-seed=1');
    await until(async () => (await logLines(run)).length > 0, 'the first line of the training');
    sweep.kill('SIGKILL');
    await sweep.ended;
    await until(async () => (await processesWith(...mark)).length === 0, 'the end of the training');
    expect(existsSync(join(run, 'result.json'))).toBe(false);
  },
  TIMEOUT_MS,
);
