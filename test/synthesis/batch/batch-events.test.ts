import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openRunModel, type RunModel } from '../../../src/pipeline/run-model.js';
import { batchEvents } from '../../../src/synthesis/batch/batch-events.js';
import { runBatch } from '../../../src/synthesis/batch/batch.js';
import { planBatch } from '../../../src/synthesis/batch/template.js';
import { runningProcesses } from '../../../src/video/index.js';
import { failure } from '../../video/frames.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

let model: RunModel;
let clip: string;
beforeAll(async () => {
  model = await openRunModel(await makeRun());
  clip = await makeClip({ frames: 6, width: 32, height: 24 });
});

/** Jobs of two seeds into a folder of their own. */
async function plan() {
  const folder = scratchPath('made');
  await mkdir(folder);
  const template = join(folder, '{seed}', '{name}.mkv');
  return { folder, jobs: planBatch({ inputs: [clip], seeds: [1, 2], template }) };
}

describe('batchEvents', () => {
  it('tells what happens, in order, and gives the summary; the manifest lies with the template', async () => {
    const { folder, jobs } = await plan();
    const events = batchEvents(model, jobs);
    const kinds: string[] = [];
    let next = await events.next();
    for (; !next.done; next = await events.next()) kinds.push(next.value.kind);
    expect(kinds.filter((kind) => kind !== 'frame')).toEqual([
      'started',
      'done',
      'started',
      'done',
    ]);
    expect(kinds).toContain('frame');
    expect(next.value).toMatchObject({ done: 2, skipped: 0, failed: [] });
    expect(existsSync(join(folder, 'frameloom-manifest.jsonl'))).toBe(true);
    // Without a word more it is all there.
    expect(await runBatch(model, jobs)).toMatchObject({ done: 0, skipped: 2 });
  });

  it('ends the batch when the loop is left, and tells what it fails with', async () => {
    const { jobs } = await plan();
    for await (const { kind } of batchEvents(model, jobs)) if (kind === 'started') break;
    expect(runningProcesses()).toEqual([]);
    expect(jobs.map(({ output }) => existsSync(output))).toEqual([false, false]);
    const aborted = batchEvents(model, jobs, { signal: AbortSignal.abort() });
    expect(await failure(aborted.next())).toMatchObject({ code: 'cancelled' });
    const apart = jobs.map(({ index, input, output, seed }) => ({ index, input, output, seed }));
    expect(await failure(runBatch(model, apart))).toMatchObject({
      code: 'bad-option',
      message: 'the videos lie in 2 folders',
    });
  });
});
