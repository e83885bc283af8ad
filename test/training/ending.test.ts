import { existsSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { checkGraphs } from '../../src/backend/graph/check.js';
import { createLogger } from '../../src/base/log.js';
import { loadPipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import type { Pipeline } from '../../src/pipeline/schema.js';
import { readStepCounts } from '../../src/training/written-counts.js';
import { startRun } from '../../src/training/run/run-folder.js';
import {
  describeSnapshots,
  judgeSnapshot,
  listSnapshots,
  readSnapshot,
} from '../../src/training/run/snapshot-store.js';
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

    // What was due is made up for when it goes on, before anything else, and once.
    const strip = join(result.run.samples, 'step-0000006.png');
    rmSync(strip);
    const changed = withTraining({ steps: 7, evaluateEverySteps: 3 });
    const again = await trained('stopped', {}, { changed, resume: true });
    const evaluated = (lines: readonly Record<string, unknown>[]) =>
      lines.filter((line) => 'heldOut' in line);
    expect(evaluated(again.lines).map(({ step, ending }) => [step, ending])).toEqual([
      ...[3, 6].map((step) => [step, undefined]),
      [7, true],
    ]);
    expect(existsSync(strip)).toBe(true);
    const kept = await readSnapshot(result.run.snapshots, 6);
    const [, { heldOut: figures, alarms }] = evaluated(again.lines) as [unknown, never];
    expect(kept).toMatchObject({ evaluation: { figures, alarms, ending: false } });
    // Killed after the line and before the snapshot was told: measured again, and one line.
    const unknown = { score: null, scoredBy: 'composite', evaluation: null };
    await judgeSnapshot(result.run.snapshots, 6, unknown, { keepLast: 9 });
    // One of an earlier version, whose score is SSIM, is scored as all others are.
    const state = join(result.run.snapshots, 'snapshot-0000003', 'state.json');
    const text = await readFile(state, 'utf8');
    const { scoredBy, ...older } = JSON.parse(text) as { scoredBy: string };
    expect(scoredBy).toBe('composite');
    await writeFile(state, JSON.stringify({ ...older, score: 0.999 }));
    await rm(join(result.run.snapshots, 'snapshot-0000007'), { recursive: true });
    const third = await trained('stopped', {}, { changed, resume: true });
    expect(third.lines).toEqual(again.lines);
    expect(await readSnapshot(result.run.snapshots, 6)).toEqual(kept);
    expect(await readFile(state, 'utf8')).toBe(text);
  });

  it('ends in the time that it is given, its evaluations included', async () => {
    // Recording again would take of the time.
    const before = checkGraphs(false);
    onTestFinished(() => void checkGraphs(before));
    let opened = 0;
    // Long enough for the eight steps that it counts by on a busy machine too.
    const seconds = 8;
    const result = await trained('timed', {
      maxMinutes: seconds / 60,
      onOpened: () => (opened = performance.now()),
    });
    // By then it knows how many steps fit, does them or is stopped by the clock, and says how many.
    const { counts } = (await readStepCounts(result.run))!;
    const [first, ...again] = counts;
    const { steps } = counts.at(-1)!;
    expect(result.said).toContain(`${first!.steps} steps fit into ${seconds}s`);
    expect(first!.fromStep).toBeGreaterThanOrEqual(8);
    expect(result.ending).toBe(result.step < steps ? 'time' : 'done');
    expect(result.said.split('counted again')).toHaveLength(again.length + 1);
    expect(result.said.includes('the time was over after')).toBe(result.ending === 'time');
    expect((performance.now() - opened) / 1000).toBeLessThan(seconds + 1.5);
    expect(result.lines.filter((line) => 'heldOut' in line).length).toBeGreaterThan(0);
    // Steps end before the time does, so that there is some for what comes at the end.
    expect(result.step).toBeGreaterThan(2);
  });

  it('goes on by all counts of its steps, wherever it was stopped between and beside them', async () => {
    const changed = withTraining({
      ...{ steps: 9, evaluateEverySteps: 99, sampleEverySteps: '50%', evaluateTotalFrames: 1 },
      ...{ frames: 3, rollout: { startFrames: 1, growEverySteps: '25%' }, logEverySteps: 1 },
    });
    // As if the minutes had been counted three times: too few, more, and a little less.
    const counts = [
      { steps: 5, fromStep: 2 },
      { steps: 9, fromStep: 4 },
      { steps: 8, fromStep: 6 },
    ];
    const counted = async (name: string, stops: readonly number[]) => {
      const begun = await startRun({ name, pipelineYaml: 'x', folder: join(work.path, name) });
      const asked = { steps: 9, minutes: null };
      writeFileSync(begun.schedule, JSON.stringify({ counts, asked }));
      await begun.close();
      for (const stop of stops) {
        const signal = new AbortController();
        const onProgress = ({ step }: { step: number }): void => {
          if (step === stop) signal.abort();
        };
        const own = { signal: signal.signal, onProgress };
        const { step } = await trained(name, own, { changed, resume: true });
        expect(step).toBe(stop);
      }
      const result = await trained(name, {}, { changed, resume: true });
      expect(result).toMatchObject({ ending: 'done', step: 8 });
      const { tensors, state, evaluation } = await readSnapshot(result.run.snapshots, 8);
      const steps = result.lines.filter((line) => 'terms' in line);
      const same = steps.map(({ step, frames, terms }) => ({ step, frames, terms }));
      return { tensors, state, evaluation, same, samples: readdirSync(result.run.samples) };
    };
    const whole = await counted('whole', []);
    expect(whole.same.map(({ frames }) => frames)).toEqual([1, 1, 2, 2, 2, 2, 3, 3]);
    // Before, right after and between counts.
    expect(await counted('cut', [1, 4, 5])).toEqual(whole);
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
    const [, { heldOut }] = result.lines as [unknown, { heldOut: { score: number } }];
    expect(await describeSnapshots(run.snapshots)).toMatchObject([
      { step: 2, score: heldOut.score },
    ]);
  });

  it('goes back to an earlier snapshot, and keeps what came after it aside', async () => {
    const seldom = { sampleEverySteps: 2, evaluateEverySteps: 99, evaluateTotalFrames: 1 };
    const often = { snapshotEverySteps: 2, keepSnapshots: 9, logEverySteps: 3 };
    const changed = withTraining({ steps: 5, ...often, ...seldom });
    const first = await trained('back', {}, { changed });
    const again = await trained('back', { snapshot: 2 }, { changed, resume: true });
    const aside = join(first.run.folder, 'aside', '00001');
    expect(again.said).toContain(
      'going back to step 2: what came after it up to step 5 (snapshots, samples',
    );
    expect(await listSnapshots(join(aside, 'snapshots'))).toEqual([4, 5]);
    expect(readdirSync(join(aside, 'samples'))).toEqual(['step-0000004.png', 'step-0000005.png']);
    expect(await logLines(aside)).toEqual(first.lines);
    // The same as before, means over steps from before and after included, but for the mark of the return.
    const mark = { step: 2, wentBack: { fromStep: 5, aside: join('aside', '00001') } };
    expect(again.lines).toEqual([mark, ...first.lines]);
    const bytes = (folder: string) =>
      readFile(join(folder, 'snapshots', 'snapshot-0000005', 'tensors.safetensors'));
    expect((await bytes(aside)).equals(await bytes(first.run.folder))).toBe(true);
    // What is named and not there, and a new run, are errors that change nothing.
    await expect(trained('back', { snapshot: 3 }, { changed, resume: true })).rejects.toMatchObject(
      { code: 'not-found' },
    );
    await expect(trained('other', { snapshot: 3 }, { changed })).rejects.toMatchObject({
      code: 'bad-option',
    });
    expect(await listSnapshots(first.run.snapshots)).toEqual([2, 4, 5]);
  });

  it('that diverges says where to go on from, and has saved nothing of it', async () => {
    const { optimizer } = pipeline.training;
    const changed = withTraining({
      ...{ steps: 20, snapshotEverySteps: 2, sampleEverySteps: 99, evaluateEverySteps: 99 },
      stability: 'off',
      optimizer: { ...optimizer, generatorLearningRate: 1e30 },
    });
    const folder = join(work.path, 'lost');
    await expect(trained('lost', {}, { changed })).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringContaining('diverged at step 8: 8 updates in a row') as string,
      hint: expect.stringContaining(`--resume --run ${folder} --snapshot 4 --set`) as string,
    });
    for (const step of [2, 4, 6]) {
      const { tensors, state } = await readSnapshot(join(folder, 'snapshots'), step);
      expect(Object.values(tensors).every(({ data }) => data.every(Number.isFinite))).toBe(true);
      expect(state).toMatchObject({ skipped: { inARow: step, total: step } });
    }
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
