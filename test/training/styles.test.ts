import * as tf from '@tensorflow/tfjs-core';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eagerRunner, graphRunner } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { createLogger } from '../../src/base/log.js';
import { openDataset } from '../../src/clips/index.js';
import { exportGenerator } from '../../src/export/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { loadPipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import { openModel } from '../../src/pipeline/open-model.js';
import { openRunModel, type RunModel } from '../../src/pipeline/run-model.js';
import { modelFingerprint } from '../../src/synthesis/index.js';
import { withClipLook } from '../../src/synthesis/models/looks.js';
import type { AnyModel } from '../../src/synthesis/models/model.js';
import { generate } from '../../src/synthesis/video/generate.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { startRun, type Run } from '../../src/training/run/run-folder.js';
import { readSnapshot } from '../../src/training/run/snapshot-store.js';
import { train, type TrainContext } from '../../src/training/trainer.js';
import { counting, open } from '../clips/make-data.js';
import { makeWorkFolder, TINY_NETWORKS } from '../e2e/support.js';
import { makeRun } from '../synthesis/make-run.js';
import { expectNoLeak, normals } from '../tensors.js';
import { runFfmpeg } from '../video/make-clip.js';
import { disposeInput, expectOneGradient, PLAN, smallModel, windowFor } from './support.js';

describe('a step whose generator is told looks', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
    registerKernels();
  });

  it('has one gradient on one tape, in segments, in stretches and as a graph, the encoder’s too, and modulated', async () => {
    await expectNoLeak(async () => {
      const model = smallModel({ styleChannels: 3, modulation: 'condition' });
      const state = initialState(model, 1);
      const looks = normals<tf.Rank.R4>('looks', [1, 12, 20, 3]);
      const input = { ...windowFor(model, { warmUp: 1 }), looks };
      const blocks = model.generator.blocks(true).length;
      const graph = graphRunner();
      await expectOneGradient({
        ...{ model, state, input },
        plans: [
          [PLAN, eagerRunner],
          [{ ...PLAN, segments: [2] }, eagerRunner],
          // The look goes from stretch to stretch.
          [{ ...PLAN, segments: [1, 1], stretches: [4, 1, blocks - 5] }, graph],
        ],
        moved: ['style.half.weight', 'style.code.weight', 'trunk.0.styling.weight'],
      });
      graph.dispose();
      looks.dispose();
      disposeInput(input);
      disposeState(state);
    });
  }, 120_000);
});

describe('looks of windows', () => {
  it('are other frames of the clips, in the windows’ colours, and change no window', async () => {
    // The red of frame t is 10 t.
    const clip = await counting({ frames: 20, colour: (t) => [10 * t, 0, 0] });
    const data = await open({ clips: [clip], heldOut: { fraction: 0.2 } });
    const { train: span } = data.report.clips[0]!;
    const seen = new Set<number>();
    for (let step = 0; step < 12; step += 1) {
      const request = { frames: 2, batch: 2 };
      const [plain, window] = [
        await data.trainWindow(step, request),
        await data.trainWindow(step, { ...request, withLooks: true }),
      ];
      expect(window.origin).toEqual(plain.origin);
      expect(plain.looks).toBeNull();
      expect(window.looks!.shape).toEqual([2, 24, 32, 3]);
      const reds = tf.tidy(() => tf.mean(tf.slice(window.looks!, 0, [2, 24, 32, 1]), [1, 2, 3]));
      [...reds.dataSync()].forEach((red, i) => {
        const frame = Math.round(((red + 1) * 127.5) / 10);
        const { startFrame } = window.origin[i]!;
        expect(frame < startFrame || frame >= startFrame + 4).toBe(true);
        expect(frame).toBeLessThan(span.end);
        seen.add(frame);
      });
      reds.dispose();
      plain.dispose();
      window.dispose();
    }
    expect(seen.size).toBeGreaterThan(5);
    await data.close();
  });
});

describe('a training on two looks', () => {
  let work: Awaited<ReturnType<typeof makeWorkFolder>>;
  let clips: [warm: string, cold: string];
  const lines: string[] = [];
  const log = createLogger({ write: (line) => void lines.push(line) });

  const pipelineOf = async (steps: number) => {
    const set = [
      ...Object.entries(TINY_NETWORKS).map(([key, value]) => `${key}=${value}`),
      ...['data.size=32x24', 'generator.styleChannels=3', 'training.compile=false'],
      ...[`training.steps=${steps}`, 'training.frames=1', 'training.coldStartFraction=1'],
      ...['training.warmUp.fraction=0', 'training.gradientCheckpointing=off'],
      ...['training.optimizer.generatorLearningRate=0.01', 'training.stability=off'],
      ...['losses.frameAdversarial=0', 'losses.sequenceAdversarial=0', 'losses.featureMatching=0'],
      ...['losses.warp=0', 'training.batch=2', 'training.ema.halfLifeSteps=1'],
      ...['training.snapshotEverySteps=1000', 'training.evaluateEverySteps=1000'],
      'training.sampleEverySteps=1000',
    ];
    return (await loadPipeline('edges-to-video', { clips, set })).pipeline;
  };

  async function trained(
    name: string,
    steps: number,
    context: Partial<TrainContext> = {},
    resume = false,
  ): Promise<Run> {
    const pipeline = await pipelineOf(steps);
    const folder = join(work.path, name);
    const run = await startRun({ name, folder, pipelineYaml: pipelineToYaml(pipeline), resume });
    try {
      await train(pipeline, { run, baseFolder: work.path, ...context });
      return run;
    } finally {
      await run.close();
    }
  }

  /** The mean colour of what a model makes of the first clip, red over blue. */
  async function warmth(model: AnyModel): Promise<number> {
    let [sum, count] = [0, 0];
    for await (const { data } of generate(model, clips[0], { durationSeconds: 0.1 })) {
      for (let i = 0; i < data.length; i += 3) sum += data[i]! - data[i + 2]!;
      count += data.length / 3;
    }
    return sum / count;
  }

  let model: RunModel;
  beforeAll(async () => {
    work = await makeWorkFolder();
    const warm = await counting({
      frames: 16,
      colour: (t, x) => [(x + t) % 12 < 6 ? 210 : 150, 90, 30],
    });
    clips = [join(work.path, 'warm.mkv'), join(work.path, 'cold.mkv')];
    await runFfmpeg('-i', warm, '-c', 'copy', clips[0]);
    await runFfmpeg('-i', warm, '-vf', 'hue=h=180', '-c:v', 'ffv1', clips[1]);
    const { folder } = await trained('long', 40, { log });
    model = await openRunModel(folder);
  }, 120_000);
  afterAll(() => work.remove());

  it('makes each look of its code, of its name, of its picture', async () => {
    expect(model.styles!.map(({ clip }) => clip)).toEqual(['warm.mkv', 'cold.mkv']);
    const { path } = { path: join(work.path, 'long') };
    const of = (options: Parameters<typeof openModel>[1]) => openModel(path, options);
    const [hot, cold, mean] = [
      await warmth(await of({ style: 'warm' })),
      await warmth(await of({ style: 'cold.mkv' })),
      await warmth(model),
    ];
    expect(hot - cold).toBeGreaterThan(20);
    expect(mean).toBeGreaterThan(cold);
    expect(mean).toBeLessThan(hot);
    const picture = join(work.path, 'blue.png');
    await runFfmpeg('-i', clips[1], '-frames:v', '1', picture);
    expect(await warmth(await of({ style: picture }))).toBeCloseTo(cold, -1);
    expect(await warmth(await of({ style: clips[0] }))).toBeCloseTo(hot, -1);
    const ids = await Promise.all(
      [{}, { style: 'warm' }, { styleSeed: 1 }, { styleSeed: 2 }, { styleSeed: 1 }].map(
        async (options) => modelFingerprint(await of(options)),
      ),
    );
    expect(new Set(ids).size).toBe(4);
    expect(ids[4]).toBe(ids[2]);
    expect(lines.join('')).toContain('the look of each of 2 clips is told by 3 numbers');
  }, 120_000);

  it('is asked for looks that there are, one at a time', async () => {
    const refused = (options: Parameters<typeof openModel>[1], message: RegExp) =>
      expect(openModel(join(work.path, 'long'), options)).rejects.toMatchObject({
        code: 'bad-option',
        message: expect.stringMatching(message) as string,
      });
    await refused({ style: 'warm', styleSeed: 1 }, /contradict/);
    await refused({ style: 'snow' }, /no look "snow"/);
    await refused({ styleSeed: 0.5 }, /no seed/);
    const said: string[] = [];
    await openModel(join(work.path, 'long'), {
      log: createLogger({ write: (line) => void said.push(line) }),
    });
    expect(said.join('')).toContain('the look is the mean of 2 clips’, warm.mkv, cold.mkv');
    const plain = await makeRun();
    await expect(openModel(plain, { style: 'warm' })).rejects.toThrow('is told no look');
    await expect(openModel(plain, { styleSeed: 1 })).rejects.toThrow('is told no look');
  });

  it('is exported with its looks, and told one by its name', async () => {
    const path = join(work.path, 'generator.onnx');
    await useBackend();
    await exportGenerator(model, path);
    const warmths = [];
    for (const options of [{}, { style: 'warm' }, { style: 'cold' }]) {
      const [own, run] = [
        await openModel(path, { ...options, inThisThread: options.style === 'warm' }),
        await openModel(join(work.path, 'long'), options),
      ];
      const warm = await warmth(own);
      expect(warm).toBeCloseTo(await warmth(run), 0);
      warmths.push(warm);
      await own.release();
    }
    expect(warmths[1]! - warmths[2]!).toBeGreaterThan(20);
    await expect(openModel(path, { style: clips[0] })).rejects.toThrow(
      'an exported file makes no look of',
    );
  }, 120_000);

  it('is measured in each clip’s own look', async () => {
    const { pipeline } = model;
    const data = await openDataset(pipeline.data, {
      ...{ seed: 1, baseFolder: work.path, historyFrames: 2, conditionFrames: 3 },
    });
    for (const [clip, { code }] of model.styles!.entries()) {
      const { style } = await withClipLook(data, model, { clip, startFrame: 12 });
      expect([...style!]).toEqual([...Float32Array.from(code)]);
    }
    await data.close();
  });

  it('goes on exactly', async () => {
    const whole = await trained('whole', 2);
    const stop = new AbortController();
    const onProgress = ({ step }: { step: number }): void => {
      if (step === 1) stop.abort();
    };
    await trained('parts', 2, { signal: stop.signal, onProgress });
    const parts = await trained('parts', 2, {}, true);
    const last = async ({ snapshots }: Run) => {
      const { tensors, state } = await readSnapshot(snapshots, 2);
      return { tensors, styles: (state as { styles: unknown }).styles };
    };
    const [one, other] = [await last(whole), await last(parts)];
    expect(one.styles).toHaveLength(2);
    expect(other).toEqual(one);
  }, 120_000);
});
