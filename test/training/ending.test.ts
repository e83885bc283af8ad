import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import { loadPipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import type { Pipeline } from '../../src/pipeline/schema.js';
import { startRun } from '../../src/training/run/run-folder.js';
import { listSnapshots } from '../../src/training/run/snapshot-store.js';
import { train, type TrainContext } from '../../src/training/trainer.js';
import { logLines, makeWorkFolder, writePipeline } from '../e2e/support.js';
import { counting } from '../clips/make-data.js';

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let pipeline: Pipeline;

beforeAll(async () => {
  work = await makeWorkFolder();
  const clips = await Promise.all([1, 2, 3].map(() => counting({ frames: 60 })));
  const training = { steps: 100_000, evaluateFrames: 12, evaluateTotalFrames: 24 };
  const often = { evaluateEverySteps: 3, sampleEverySteps: 3, compile: false };
  const path = await writePipeline(join(work.path, 'many.yaml'), {
    data: { clips },
    training: { ...training, ...often },
  });
  ({ pipeline } = await loadPipeline(path));
});
afterAll(() => work.remove());

/** Trains in a run of its own; what was said, and how long it took from a moment on. */
async function trained(name: string, context: Partial<TrainContext>) {
  const folder = join(work.path, name);
  const pipelineYaml = pipelineToYaml(pipeline);
  const run = await startRun({ name, pipelineYaml, resume: false, folder });
  let said = '';
  const log = createLogger({ write: (line) => void (said += line) });
  try {
    const result = await train(pipeline, { run, baseFolder: work.path, log, ...context });
    return { ...result, said, run, lines: await logLines(folder) };
  } finally {
    await run.close();
  }
}

describe('a training', () => {
  it('that is stopped in an evaluation ends at once, with a snapshot and no other evaluation', async () => {
    const stop = new AbortController();
    const told: (readonly [number, number])[] = [];
    let stopped = 0;
    const result = await trained('stopped', {
      signal: stop.signal,
      onEvaluation: (done, total) => {
        told.push([done, total]);
        // The first one runs to its end.
        if (told.length < 26) return;
        stop.abort();
        stopped = performance.now();
      },
    });
    expect(performance.now() - stopped).toBeLessThan(2000);
    expect(result).toMatchObject({ ending: 'cancelled', step: 6 });
    // Of three clips, 8 frames each; the second one was left after two.
    expect(told[23]).toEqual([24, 24]);
    expect(told).toHaveLength(26);
    expect(result.lines.filter((line) => 'heldOut' in line)).toHaveLength(1);
    expect(await listSnapshots(result.run.snapshots)).not.toEqual([]);
    expect(existsSync(join(result.run.samples, 'step-0000006.png'))).toBe(true);
  });

  it('ends in the time that it is given, its evaluations included', async () => {
    let opened = 0;
    const seconds = 4;
    const result = await trained('timed', {
      maxMinutes: seconds / 60,
      onOpened: () => (opened = performance.now()),
    });
    expect(result.ending).toBe('time');
    expect((performance.now() - opened) / 1000).toBeLessThan(seconds + 1.5);
    expect(result.lines.filter((line) => 'heldOut' in line).length).toBeGreaterThan(0);
    // Steps end before the time does, so that there is some for what comes at the end.
    expect(result.step).toBeGreaterThan(2);
  });
});
