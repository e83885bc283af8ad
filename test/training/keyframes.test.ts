import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { informOfRun } from '../../src/cli/commands/info/model.js';
import { trainPipeline } from '../../src/cli/commands/train/run.js';
import type { Context } from '../../src/cli/terminal/context.js';
import type { KeyframeReport } from '../../src/clips/index.js';
import { loadPipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import { openOrigin } from '../../src/pipeline/open-origin.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import type { Pipeline } from '../../src/pipeline/schema.js';
import { generate } from '../../src/synthesis/video/generate.js';
import { keepKeyframes, readKeyframes } from '../../src/training/run/keyframes.js';
import { runPaths, startRun, type Run } from '../../src/training/run/run-folder.js';
import { readSnapshot } from '../../src/training/run/snapshot-store.js';
import { train, type TrainContext } from '../../src/training/trainer.js';
import { counting } from '../clips/make-data.js';
import { logLines, makeWorkFolder, TINY_NETWORKS } from '../e2e/support.js';
import { runFfmpeg } from '../video/make-clip.js';

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let clip: string;
let painted: string;
let pipeline: Pipeline;

const SET = [
  ...Object.entries(TINY_NETWORKS).map(([key, value]) => `${key}=${value}`),
  ...['data.size=32x24', 'training.steps=2', 'training.compile=false', 'training.batch=2'],
  ...['training.snapshotEverySteps=1', 'training.evaluateEverySteps=2'],
  'training.sampleEverySteps=2',
  'training.gradientCheckpointing=off',
];

beforeAll(async () => {
  work = await makeWorkFolder();
  clip = await counting({
    frames: 12,
    colour: (t, x) => [20 * t, (x + 4 * t) % 24 < 12 ? 200 : 20, 40],
  });
  painted = join(work.path, 'painted');
  await mkdir(painted);
  const every = "select='not(mod(n\\,3))',negate";
  await runFfmpeg('-i', clip, '-vf', every, '-fps_mode', 'passthrough', join(painted, '%d.png'));
  for (const [from, to] of [
    [4, 10],
    [3, 7],
    [2, 4],
  ]) {
    await copyFile(join(painted, `${from!}.png`), join(painted, `${to!}.png`));
    await rm(join(painted, `${from!}.png`));
  }
  ({ pipeline } = await loadPipeline('keyframes', { clips: [clip], keyframes: painted, set: SET }));
});
afterAll(() => work.remove());

async function trained(
  name: string,
  context: Partial<TrainContext> = {},
  resume = false,
): Promise<Run & { ending: string }> {
  const folder = join(work.path, name);
  const run = await startRun({ name, folder, pipelineYaml: pipelineToYaml(pipeline), resume });
  try {
    const { ending } = await train(pipeline, { run, baseFolder: work.path, ...context });
    return { ...run, ending };
  } finally {
    await run.close();
  }
}

describe('a training on keyframes', () => {
  it('learns from paintings, is measured on the one held out, and goes on exactly', async () => {
    const whole = await trained('whole');
    const evaluated = (await logLines(whole.folder)).filter((line) => 'heldOut' in line);
    // One frame has a PSNR and no motion.
    expect(evaluated.map(({ step, heldOut }) => [step, heldOut])).toEqual(
      [2].map((step) => [
        step,
        expect.objectContaining({
          psnr: expect.any(Number) as number,
          motionRatio: null,
        }) as object,
      ]),
    );
    const kept = (await readKeyframes(whole))!;
    expect(kept.map(({ frame, isHeldOut }) => [frame, isHeldOut])).toEqual([
      ...[
        [0, false],
        [3, false],
        [6, true],
        [9, false],
      ],
    ]);

    const { text, facts } = await informOfRun(whole.folder);
    expect(text).toContain(`4 of ${painted}, 1 held out`);
    expect(text).toContain('each frame by itself');
    expect(facts).toMatchObject({ keyframes: kept });

    const stop = new AbortController();
    const onProgress = ({ step }: { step: number }): void => {
      if (step === 1) stop.abort();
    };
    expect((await trained('parts', { signal: stop.signal, onProgress })).ending).toBe('cancelled');
    const parts = await trained('parts', {}, true);
    const last = async (run: Run) => (await readSnapshot(run.snapshots, 2)).tensors;
    expect(await last(parts)).toEqual(await last(whole));
  }, 120_000);

  it('makes any frame the same, wherever it begins', async () => {
    const model = await openRunModel(join(work.path, 'whole'));
    const made = async (options: Parameters<typeof generate>[2] = {}): Promise<Uint8Array[]> => {
      const frames: Uint8Array[] = [];
      for await (const { data } of generate(model, clip, options)) frames.push(data);
      return frames;
    };
    const whole = await made();
    expect(whole).toHaveLength(12);
    // At 20 frames a second.
    expect(await made({ startSeconds: 0.35, durationSeconds: 0.1 })).toEqual(whole.slice(7, 9));
    await expect(made({ startFrames: 1 })).rejects.toThrow('goes on from no real frames');
  });

  it('goes on with the paintings that it began with alone', async () => {
    const run = runPaths(join(work.path, 'whole'));
    const kept = (await readKeyframes(run))!;
    const now = kept.map((one): KeyframeReport => ({ ...one, width: 32, height: 24 }));
    const [first, ...others] = now as [KeyframeReport, ...KeyframeReport[]];
    await keepKeyframes(run, now);
    const refused = (keyframes: readonly KeyframeReport[] | null, words: string): Promise<void> =>
      expect(keepKeyframes(run, keyframes)).rejects.toMatchObject({
        code: 'bad-data',
        message: expect.stringContaining(`began with: ${words}`) as string,
        hint: expect.stringContaining('--from') as string,
      });
    await refused([{ ...first, sha256: '0' }, ...others], `${first.path} is another picture`);
    await refused(others, '1.png is gone');
    await refused([...now, { ...first, frame: 5, path: '6.png' }], '6.png is new');
    await refused(null, '1.png is gone; 4.png is gone');
    expect(await readKeyframes(run)).toEqual(kept);
    const flags = { resume: true, run: run.folder, keyframes: painted };
    await expect(trainPipeline(undefined, flags, {} as Context)).rejects.toThrow(
      '--keyframes and --resume contradict each other',
    );
  });

  it('is of a pipeline that is made for them, and of the clip that they are of', async () => {
    const load = (name: string, options: Parameters<typeof loadPipeline>[1]): Promise<unknown> =>
      loadPipeline(name, options);
    await expect(load('labels-to-video', { keyframes: painted })).rejects.toThrow(
      `--keyframes ${painted}: data.keyframes: keyframes stand alone and teach to make each frame of its condition alone, and generator.historyFrames is 2, not 0`,
    );
    await expect(load('keyframes', { clips: [clip] })).rejects.toMatchObject({
      message: expect.stringContaining('are of its own clip') as string,
      hint: expect.stringContaining('as keyframes, or set data.keyframes') as string,
    });
    await expect(load('edges-to-video', { set: ['data.condition=picture'] })).rejects.toThrow(
      'leaves nothing to learn without data.keyframes',
    );
    const set = ['generator.historyFrames=0', 'training.teacherForcing.probability=0.5'];
    await expect(load('edges-to-video', { set })).rejects.toThrow(
      /generator\.flow: .*no last frame[^]*warmUp\.frames: .*set it to 0[^]*no history can be shown/,
    );
    const from = await openOrigin(join(work.path, 'whole'));
    const again = { clips: [clip], keyframes: painted, set: ['data.size=32x24'], from };
    const { generator } = (await loadPipeline('keyframes', again)).pipeline;
    expect([generator.historyFrames, generator.channels]).toEqual([0, 4]);
    const own = ['data.keyframes.firstNumber=0'];
    const loaded = await loadPipeline('keyframes', { clips: [clip], keyframes: painted, set: own });
    expect(loaded.pipeline.data.keyframes).toEqual({ folder: painted, firstNumber: 0 });
  });
});
