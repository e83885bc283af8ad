import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { killAgainAndAgain } from '../../bench/support/killing.js';
import { useBackend } from '../../src/backend/index.js';
import { exportGenerator } from '../../src/export/index.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import { PROGRAM } from '../program.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip } from '../video/make-clip.js';
import { makeWorkFolder } from './support.js';

const TIMEOUT_MS = 300_000;

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
beforeAll(async () => {
  work = await makeWorkFolder();
}, TIMEOUT_MS);
afterAll(() => work.remove());

it(
  'a batch whose processes are killed at any moment is whole in the end, and made once',
  async () => {
    await useBackend();
    const model = join(work.path, 'generator.onnx');
    await exportGenerator(await openRunModel(await makeRun()), model);
    const clips = await Promise.all(
      [8, 9, 10, 11].map((frames) => makeClip({ frames, name: `clip-${frames}.mp4` })),
    );
    const rounds = await killAgainAndAgain({
      program: PROGRAM,
      ...{ model, clips, folder: work.path, processes: 2, kills: 4, seed: 5, latestMs: 300 },
    });
    expect(rounds.flatMap(({ faults }) => faults)).toEqual([]);
    expect(rounds.reduce((sum, { kills }) => sum + kills, 0)).toBe(4);
    expect(rounds[0]?.outputs).toBe(8);
  },
  TIMEOUT_MS,
);
