import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { createLogger } from '../../src/base/log.js';
import { loadPipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import type { Pipeline } from '../../src/pipeline/schema.js';
import { startRun } from '../../src/training/run/run-folder.js';
import { train, type TrainContext } from '../../src/training/trainer.js';
import { logLines, makeWorkFolder, writePipeline } from '../e2e/support.js';
import { counting } from '../clips/make-data.js';
import { expectNoLeak } from '../tensors.js';

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let pipeline: Pipeline;

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  work = await makeWorkFolder();
  const clips = [await counting({ frames: 40 })];
  const path = await writePipeline(join(work.path, 'grows.yaml'), {
    data: { clips, size: '48x32' },
    training: {
      ...{ steps: 5, frames: 2, growing: { untilSteps: 3 }, logEverySteps: 1 },
      ...{ snapshotEverySteps: 1, keepSnapshots: 9, sampleEverySteps: 9, evaluateEverySteps: 2 },
      ...{ compile: false, gradientCheckpointing: 'off', evaluateLongFrames: 0 },
    },
  });
  ({ pipeline } = await loadPipeline(path));
});
afterAll(() => work.remove());

interface Stops {
  readonly resume?: boolean;
  readonly until?: number;
  readonly changed?: Pipeline;
}

/** Trains in a run of its own, until so many steps are done where that is said. */
async function trained(
  name: string,
  {
    resume = false,
    until = Infinity,
    changed = pipeline,
    ...context
  }: Partial<TrainContext> & Stops = {},
) {
  const folder = join(work.path, name);
  const run = await startRun({ name, pipelineYaml: pipelineToYaml(changed), resume, folder });
  const stop = new AbortController();
  let said = '';
  const log = createLogger({ write: (line) => void (said += line) });
  try {
    await train(changed, {
      ...{ run, baseFolder: work.path, log, signal: stop.signal },
      onProgress: ({ step }) => {
        if (step === until) stop.abort();
      },
      ...context,
    });
  } finally {
    await run.close();
  }
  const read = (step: number, file: string) =>
    readFile(join(run.snapshots, `snapshot-000000${step}`, file));
  return { said, read, lines: await logLines(folder) };
}

it('trains on small frames first, and goes on exactly on both sides of the change', async () => {
  await expectNoLeak(async () => {
    const whole = await trained('whole');
    expect(whole.said).toContain('step 3: frames are of 48x32 from now on');
    const steps = whole.lines.flatMap(({ steps: one }) =>
      one ? [one as { dividedBy: number }] : [],
    );
    expect(steps.map(({ dividedBy }) => dividedBy)).toEqual([2, 2, 2, 1, 1]);
    // What is evaluated before they have grown is of data.size, and says nothing that is to be believed.
    const evaluated = whole.lines.flatMap(({ step, alarms }) =>
      alarms ? [[step, Object.keys(alarms).toSorted()]] : [],
    );
    expect(evaluated).toEqual([
      [2, []],
      [4, ['boiling', 'dots']],
      [5, ['boiling', 'dots']],
    ]);
    for (const until of [2, 3]) {
      await trained(`stopped-${until}`, { until });
      const again = await trained(`stopped-${until}`, { resume: true });
      expect(again.said).toContain('step 3: frames are of 48x32 from now on');
      expect(await again.read(5, 'tensors.safetensors')).toEqual(
        await whole.read(5, 'tensors.safetensors'),
      );
      const withoutClock = (lines: typeof whole.lines) =>
        lines.map(({ clock, ...line }) => ({ ...line, clock: typeof clock }));
      expect(withoutClock(again.lines)).toEqual(withoutClock(whole.lines));
    }
  });
});

it('trains on patches at full size, in one graph and exactly again', async () => {
  const patched = {
    ...pipeline,
    data: { ...pipeline.data, patch: { width: 24, height: 16 } },
    generator: { ...pipeline.generator, positions: true },
  };
  const whole = await trained('patches', { changed: patched });
  // While frames are small a patch is all of them.
  expect(whole.said).toContain(
    'normalizes features by all of the picture that it sees, which is 24x16',
  );
  await trained('patches-again', { changed: patched, until: 4 });
  const again = await trained('patches-again', { changed: patched, resume: true });
  expect(await again.read(5, 'tensors.safetensors')).toEqual(
    await whole.read(5, 'tensors.safetensors'),
  );
  const memory = (await whole.read(5, 'state.json')).toString();
  expect(memory).toMatch(/"data\.size": ?"24x16"/);
});

it('says so where the clock ended it before frames had grown', async () => {
  const now = performance.now.bind(performance);
  let late = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now() + late);
  onTestFinished(() => void vi.restoreAllMocks());
  const { said } = await trained('short', {
    maxMinutes: 60,
    onProgress: () => void (late = 3_600_000),
  });
  expect(said).toContain(
    'training ended before its frames were of data.size: they were divided by 2 to the end (training.growing.untilSteps is 3)',
  );
});
