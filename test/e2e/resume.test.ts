import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frameloom } from '../cli/support.js';
import { makeClip } from '../video/make-clip.js';
import {
  logLines,
  makeWorkFolder,
  processesWith,
  snapshotFiles,
  startFrameloom,
  until,
  writePipeline,
} from './support.js';

const STEPS = 10;
/** Whole trainings, two of them in a process that has TensorFlow yet to load. */
const TIMEOUT_MS = 240_000;

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let pipeline = '';
const run = (name: string): string => join(work.path, name);
const lastStep = async (folder: string): Promise<number> =>
  ((await logLines(folder)).at(-1)?.step as number | undefined) ?? 0;

/** Names and bytes, the bytes compared whole: a diff of two weights says nothing to anyone. */
async function expectSameSnapshots(one: string, other: string): Promise<void> {
  const [a, b] = [await snapshotFiles(one), await snapshotFiles(other)];
  const different = [...a].filter(([name, bytes]) => !b.get(name)?.equals(bytes));
  expect(different.map(([name]) => name)).toEqual([]);
}

beforeAll(async () => {
  work = await makeWorkFolder();
  const clip = await makeClip({ frames: 40 });
  // All that draws at random takes part: crops, noise, teacher forcing, cold starts, the curriculum, the noise
  // of penalties; and LeCam, which remembers.
  pipeline = await writePipeline(join(work.path, 'resumed.yaml'), {
    data: { clips: [clip], augment: { flip: true, cropFraction: 0.2, colourFraction: 0.2 } },
    generator: { noiseChannels: 2 },
    losses: {
      ...{ adversarial: 'relativistic', lecam: 0.1 },
      ...{ penalty: 'approximate', r1: 1, r1EverySteps: 5, r2: 1, r2EverySteps: 5 },
    },
    training: {
      steps: STEPS,
      // Recording takes most of the time, and going on from a snapshot does not know of it.
      compile: false,
      frames: 3,
      rollout: { startFrames: 2, growEverySteps: 5 },
      teacherForcing: { untilSteps: 8 },
      gradientCheckpointing: { every: 2 },
      logEverySteps: 1,
      snapshotEverySteps: 3,
      keepSnapshots: 3,
      sampleEverySteps: 6,
      evaluateEverySteps: 8,
    },
  });
  const { code, stderr } = await frameloom('--quiet', 'train', pipeline, '--run', run('whole'));
  if (code !== 0 || stderr !== '') throw new Error(`training ended with ${code}: ${stderr}`);
}, TIMEOUT_MS);
afterAll(() => work.remove());

describe('a training', { timeout: TIMEOUT_MS }, () => {
  it('of another seed makes others', async () => {
    const { code } = await frameloom(
      ...['--quiet', 'train', pipeline, '--run', run('other')],
      ...['--set', 'seed=2', '--set', 'training.steps=1'],
    );
    expect(code).toBe(0);
    const [mine, other] = [await logLines(run('whole')), await logLines(run('other'))];
    expect(other[0]!.step).toBe(1);
    expect(other[0]!.terms).not.toEqual(mine[0]!.terms);
  });

  it('that goes on with a clip that is not there leaves its run as it was', async () => {
    const kept = join(run('whole'), 'pipeline.yaml');
    const before = await readFile(kept, 'utf8');
    const { code, stderr } = await frameloom(
      ...['train', '--resume', '--run', run('whole'), '--clip', join(work.path, 'typo.mp4')],
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(/typo\.mp4/);
    expect(stderr).toContain('has its own pipeline again');
    expect(await readFile(kept, 'utf8')).toBe(before);
  });

  // Another process begins it and this one ends it: byte for byte what was made in one go.
  it('that was killed goes on as if it had not been', async () => {
    const child = startFrameloom(['train', pipeline, '--run', run('killed')], {});
    // Past the snapshot of step 3, so that lines of the log have to be taken back.
    await until(async () => (await lastStep(run('killed'))) >= 4, 'step 4');
    child.signalGroup('SIGKILL');
    expect((await child.ended).signal).toBe('SIGKILL');
    const reached = await lastStep(run('killed'));
    expect(reached).toBeLessThan(STEPS);

    const { code, stderr } = await frameloom(
      ...['train', pipeline, '--run', run('killed'), '--resume'],
    );
    expect(code).toBe(0);
    const from = Number(/going on from step (\d+)/.exec(stderr)?.[1]);
    expect(from % 3).toBe(0);
    expect(from).toBeGreaterThanOrEqual(3);
    expect(from).toBeLessThanOrEqual(reached);

    expect(await logLines(run('killed'))).toEqual(await logLines(run('whole')));
    const final = `snapshot-00000${STEPS}/tensors.safetensors`;
    const [whole, killed] = [await snapshotFiles(run('whole')), await snapshotFiles(run('killed'))];
    expect(whole.get(final)!.length).toBeGreaterThan(1000);
    expect(whole.size).toBeGreaterThanOrEqual(6);
    expect(killed.get(final)!.equals(whole.get(final)!)).toBe(true);
    await expectSameSnapshots(run('whole'), run('killed'));
  });

  // Processes are found by /proc.
  it.runIf(process.platform === 'linux')(
    'that is stopped by Ctrl-C saves a snapshot and leaves no process behind',
    async () => {
      const mark = `${process.pid}-${Date.now()}`;
      const child = startFrameloom(
        // Nothing is kept decoded, so that ffmpeg is at work for every step.
        [
          ...['train', pipeline, '--run', run('stopped'), '--set', 'training.steps=100000'],
          ...['--set', 'data.cache.memoryBytes=0', '--set', 'data.cache.diskBytes=0'],
        ],
        { FRAMELOOM_TEST_MARK: mark },
      );
      await until(async () => (await lastStep(run('stopped'))) >= 2, 'step 2');
      child.signalGroup('SIGINT');
      const { code, stderr } = await child.ended;
      const lines = stderr.trimEnd().split('\n');
      expect([code, lines.at(-1)]).toEqual([
        130,
        expect.stringMatching(
          /^stopped at step \d+, snapshot saved \(go on with: .*frameloom train/,
        ),
      ]);
      expect(await processesWith('FRAMELOOM_TEST_MARK', mark)).toEqual([]);

      const step = Number(/stopped at step (\d+)/.exec(stderr)![1]);
      expect(await lastStep(run('stopped'))).toBe(step);
      const snapshots = await snapshotFiles(run('stopped'));
      expect([...snapshots.keys()].at(-1)).toBe(
        `snapshot-${String(step).padStart(7, '0')}/tensors.safetensors`,
      );

      const resumed = await frameloom(
        ...['--quiet', 'train', pipeline, '--run', run('stopped'), '--resume'],
        ...['--set', `training.steps=${step + 2}`],
      );
      expect([resumed.code, resumed.stderr]).toEqual([0, '']);
      const steps = (await logLines(run('stopped'))).filter((line) => 'terms' in line);
      expect(steps.map((line) => line.step)).toEqual(
        Array.from({ length: step + 2 }, (_, i) => i + 1),
      );
    },
  );
});
