import { existsSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import { loadPipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import type { Pipeline } from '../../src/pipeline/schema.js';
import { startRun } from '../../src/training/run/run-folder.js';
import { describeSnapshots, listSnapshots } from '../../src/training/run/snapshot-store.js';
import { train, type TrainContext } from '../../src/training/trainer.js';
import { logLines, makeWorkFolder, writePipeline } from '../e2e/support.js';
import { counting } from '../clips/make-data.js';
import { expectNoLeak } from '../tensors.js';

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let pipeline: Pipeline;

beforeAll(async () => {
  work = await makeWorkFolder();
  const clips = await Promise.all([1, 2, 3].map(() => counting({ frames: 60 })));
  const training = { steps: 100_000, evaluateFrames: 12, evaluateTotalFrames: 24 };
  const often = { evaluateEverySteps: 3, sampleEverySteps: 3, compile: false };
  const plain = { gradientCheckpointing: 'off' };
  const path = await writePipeline(join(work.path, 'many.yaml'), {
    data: { clips },
    training: { ...training, ...often, ...plain },
  });
  ({ pipeline } = await loadPipeline(path));
});
afterAll(() => work.remove());

/** The pipeline with other keys of its training. */
const withTraining = (training: Partial<Pipeline['training']>): Pipeline => ({
  ...pipeline,
  training: { ...pipeline.training, ...training },
});

/** Trains in a run of its own; what was said, and how long it took from a moment on. */
async function trained(
  name: string,
  context: Partial<TrainContext>,
  { changed = pipeline, resume = false } = {},
) {
  const folder = join(work.path, name);
  const pipelineYaml = pipelineToYaml(changed);
  const run = await startRun({ name, pipelineYaml, resume, folder });
  let said = '';
  const log = createLogger({ write: (line) => void (said += line) });
  try {
    const result = await train(changed, { run, baseFolder: work.path, log, ...context });
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

  it('that died before its first snapshot begins again and says so; it saves before it evaluates', async () => {
    // What a training leaves that was killed while it began, and one that was killed at its first step.
    const run = await startRun({ name: 'died', pipelineYaml: '', folder: join(work.path, 'died') });
    await run.close();
    await rm(run.pipeline);
    await (await startRun({ name: 'died', pipelineYaml: 'x', folder: run.folder })).close();

    const changed = withTraining({ steps: 2, snapshotEverySteps: 2, sampleEverySteps: 9 });
    const saved: boolean[] = [];
    const onEvaluation = (): unknown =>
      saved.push(existsSync(join(run.snapshots, 'snapshot-0000002', 'state.json')));
    const result = await trained('died', { onEvaluation }, { changed, resume: true });
    expect(result.said).toContain('has no snapshot to go on from: starting at step 0');
    expect(result).toMatchObject({ ending: 'done', step: 2 });
    expect(new Set(saved)).toEqual(new Set([true]));
    // The snapshot was due, the evaluation was not: what it measured is in the snapshot all the same.
    const [, { heldOut }] = result.lines as [unknown, { heldOut: { ssim: number } }];
    expect(await describeSnapshots(run.snapshots)).toMatchObject([
      { step: 2, score: heldOut.ssim },
    ]);
  });

  it('that breaks off leaves no tensors and no open files', async () => {
    const open = (): string[] =>
      process.platform === 'linux'
        ? readdirSync('/proc/self/fd').flatMap((fd) => {
            try {
              return [readlinkSync(`/proc/self/fd/${fd}`)].filter((it) => it.startsWith(work.path));
            } catch {
              return []; // that of the listing itself
            }
          })
        : [];
    const onProgress = (): never => {
      throw new RangeError('not shown');
    };
    await expectNoLeak(() => expect(trained('broken', { onProgress })).rejects.toThrow(RangeError));
    const events = join(work.path, 'blocked', 'events');
    await expectNoLeak(() =>
      expect(
        trained('blocked', {
          onOpened: () => {
            rmSync(events, { recursive: true });
            writeFileSync(events, 'a file where a folder was');
          },
        }),
      ).rejects.toMatchObject({ code: 'write-failed' }),
    );
    expect(open()).toEqual([]);
  });
});
