import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { useBackend } from '../../src/backend/index.js';
import { cacheFolder } from '../../src/base/cache-folder.js';
import type { Logger } from '../../src/base/log.js';
import { actionColumns, openDataset, windowPixels, type Dataset } from '../../src/clips/index.js';
import { WindowSampler, type Draw } from '../../src/clips/sampler.js';
import { registerKernels } from '../../src/kernels/index.js';
import { pipelineToYaml } from '../../src/pipeline/load.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import type { Pipeline } from '../../src/pipeline/schema.js';
import { createTensorFlowSynthesizer } from '../../src/synthesis/engines/tensorflow.js';
import { openBudget } from '../../src/training/budget.js';
import { createModel, disposeState, initialState, type Model } from '../../src/training/model.js';
import { startRun } from '../../src/training/run/run-folder.js';
import { readSafetensors, writeSafetensors } from '../../src/training/run/safetensors.js';
import { saveSnapshot, type SnapshotTensors } from '../../src/training/run/snapshot-store.js';
import { planStep } from '../../src/training/schedule.js';
import { createSpeedometer } from '../../src/training/speedometer.js';
import { startWorker, type Worker } from '../support/worker.js';
import { assertMirrored, mirrorOptions, withoutExtras } from './mirror-options.js';
import { shotsOf, writePeerData, type PeerData } from './peer-data.js';

export interface PeerTraining {
  readonly pipeline: Pipeline;
  /** The minutes that it may take; its pipeline's steps unless given. */
  readonly maxMinutes?: number | undefined;
  /** The Python that has PyTorch. */
  readonly python: string;
  readonly threads: number;
  /** Where the run goes, and beside it what PyTorch reads. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface PeerTrained {
  /** A run that Frameloom's `evaluate` reads. */
  readonly run: string;
  readonly steps: number;
  readonly stepsPerSecond: number;
  readonly torch: string;
  /** `eager` or `channels-last`, whichever was faster. */
  readonly format: string;
}

interface StepAnswer {
  readonly seconds: number;
  /** Losses that are not finite. */
  readonly broken: readonly string[];
}

/** As trainings of Frameloom do, so that both sides' speeds are of the same moments. */
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Steps a second by a training's figures: the frames that it says it trains a second, by those of a step. */
export const stepsPerSecond = (
  figures: readonly { readonly framesPerSecond: number; readonly frames: number }[],
): number => median(figures.map(({ framesPerSecond, frames }) => framesPerSecond / frames));

/**
 * Trains bench/peers/mirror_step.py, which is Frameloom's own step in PyTorch: from the very weights that a
 * training of the pipeline begins with, on the very windows, by the same schedules (rates, lengths of rollouts,
 * warm-ups, cold starts, average), and where minutes are given for as many steps as the same rule finds room for.
 * It has nothing of what watches and steadies a training, of frames that grow and of histories that are kept, and
 * neither samples nor evaluates on its way.
 *
 * The average that it ends with becomes a snapshot of a run, so that both sides are measured by one command.
 * @throws Error where the pipeline asks for what the mirror has not, where a loss is not finite, and where Frameloom
 *   does not make the same frames of what PyTorch has learned
 */
export async function trainPeer(options: PeerTraining): Promise<PeerTrained> {
  const { folder, log, python } = options;
  await useBackend({ log, native: true });
  registerKernels();
  // Its run says so too.
  const pipeline = withoutExtras(options.pipeline);
  const { generator, seed, training } = pipeline;
  const dataset = await openDataset(pipeline.data, {
    ...{ seed, log, baseFolder: process.cwd(), cacheFolder: cacheFolder() },
    ...{ historyFrames: generator.historyFrames, conditionFrames: generator.conditionFrames },
    windowFrames: training.frames,
  });
  const worker = startWorker(python, 'train_worker.py');
  try {
    const network = mirrorOptions(pipeline, dataset.conditionChannels);
    await mkdir(folder, { recursive: true });
    const model = createModel(pipeline, dataset.conditionChannels, actionColumns(dataset.layout));
    const weights = join(folder, 'initial.safetensors');
    await writeSafetensors(weights, await firstTensors(model, seed));
    const data = await writePeerData(dataset, folder);
    const { width, height, layout } = dataset;
    const sampler = new WindowSampler({
      ...{ seed, shots: shotsOf(dataset), leadFrames: dataset.leadFrames, width, height },
      ...{ strides: pipeline.data.strideFrames, augment: pipeline.data.augment },
      paths: dataset.report.clips.map(({ path }) => path),
    });
    const steps = createSteps(pipeline, sampler, data);
    const opened = await worker.ask<{ torch: string; format: string }>({
      ...{ do: 'open', network, weights, frames: data.frames, condition: data.condition },
      ...{ labels: layout.content === 'labels', channels: layout.channels },
      ...{ ignored: layout.ignoredId ?? null, lead: dataset.leadFrames, width, height },
      ...{ threads: options.threads, example: steps.of(0, []).asked },
    });
    const run = await startRun({
      ...{ name: pipeline.name, pipelineYaml: pipelineToYaml(pipeline), log },
      folder: join(folder, 'run'),
    });
    try {
      const trained = await loop({ ...options, pipeline }, { run, worker, steps });
      const learned = join(folder, 'learned.safetensors');
      await worker.ask({ do: 'save', weights: learned });
      const tensors = (await readSafetensors(learned)).tensors as SnapshotTensors;
      const snapshot = { step: trained.steps, tensors, state: { trainedBy: opened.torch } };
      await saveSnapshot(run.snapshots, snapshot, { keepLast: 1, log });
      await assertSameFrames(run.folder, dataset, worker, data);
      return { run: run.folder, ...trained, torch: opened.torch, format: opened.format };
    } finally {
      await run.close();
    }
  } finally {
    await worker.stop();
    await dataset.close();
  }
}

/** What a training begins with, under the names of a snapshot, singular vectors one by one. */
async function firstTensors(model: Model, seed: number): Promise<SnapshotTensors> {
  const state = initialState(model, seed);
  const { generator, discriminators } = model;
  const { spectralNorm } = discriminators;
  const read = async (tensor: (typeof state)['generator']): Promise<Float32Array> =>
    (await tensor.data()) as Float32Array;
  try {
    return {
      ...generator.layout.toNamed(await read(state.generator), 'generator.'),
      ...discriminators.layout.toNamed(await read(state.discriminators), 'discriminators.'),
      ...spectralNorm.layout.toNamed(await read(state.spectral), 'spectral.'),
    };
  } finally {
    disposeState(state);
  }
}

/** The steps of a training as PyTorch's side is asked for them. */
function createSteps(pipeline: Pipeline, sampler: WindowSampler, { firsts }: PeerData) {
  const place = (origin: Draw['origin'][number]): [number, number] => {
    if (origin.flipped || origin.crop || origin.colour) {
      throw new Error("PyTorch's side does not augment: compare without data.augment");
    }
    return [firsts[origin.clip]! + origin.startFrame, origin.strideFrames];
  };
  return {
    of(step: number, counts: Parameters<typeof planStep>[3]) {
      const planned = planStep(pipeline, { kind: 'off' }, step, counts);
      const { request, plan, coldStart } = planned;
      assertMirrored(planned);
      const { origin, warmUpFrames } = sampler.draw(step, request);
      return {
        frames: request.frames * request.batch,
        warmUpFrames: warmUpFrames * request.batch,
        asked: {
          ...{ do: 'step', places: origin.map(place), frames: request.frames, cold: coldStart },
          warm_up: warmUpFrames,
          generator_rate: plan.generatorLearningRate,
          discriminator_rate: plan.discriminatorLearningRate,
          average_share: plan.averageShare,
        },
      };
    },
  };
}

async function loop(
  { pipeline, maxMinutes, signal, log }: PeerTraining,
  parts: {
    readonly run: Parameters<typeof openBudget>[0]['run'];
    readonly worker: Worker;
    readonly steps: ReturnType<typeof createSteps>;
  },
): Promise<{ steps: number; stepsPerSecond: number }> {
  const { run, worker, steps } = parts;
  const { training } = pipeline;
  const budget = await openBudget({
    ...{ run, training, step: 0, maxMinutes, log },
    pixels: windowPixels(pipeline.data),
    // None are made on the way, nor are samples.
    evaluationFrames: 0,
  });
  const speed = createSpeedometer();
  const figures: { framesPerSecond: number; frames: number }[] = [];
  let step = 0;
  while (step < budget.steps && performance.now() < budget.deadline) {
    if (signal.aborted) throw new Error(`stopped at step ${step}`);
    const began = performance.now();
    const { frames, warmUpFrames, asked } = steps.of(step, budget.counts);
    const { broken } = await worker.ask<StepAnswer>(asked);
    step += 1;
    if (broken.length > 0) throw new Error(`step ${step} has diverged: ${broken.join(', ')}`);
    budget.learn({ ms: performance.now() - began, frames, warmUpFrames });
    await budget.settle(step, step);
    const { framesPerSecond } = speed.tick(frames, 0, 0);
    if (step % training.logEverySteps === 0 || step === budget.steps) {
      figures.push({ framesPerSecond, frames });
    }
  }
  return { steps: step, stepsPerSecond: stepsPerSecond(figures) };
}

/** Frames that are compared: a closed loop drifts apart by rounding. */
const COMPARED_FRAMES = 4;
/** Of 255: where one side rounds up and the other down. */
const MOST_APART = 2;

/**
 * Both sides make the same frames of what PyTorch has learned, or what is measured is not what was trained.
 * @throws Error where they do not
 */
async function assertSameFrames(
  folder: string,
  dataset: Dataset,
  worker: Worker,
  data: PeerData,
): Promise<void> {
  const { leadFrames: lead, width, height, layout } = dataset;
  const segment = dataset.heldOut().find(({ frameCount }) => frameCount > lead);
  if (segment === undefined) throw new Error('too few frames are held out to compare any');
  const count = Math.min(COMPARED_FRAMES, segment.frameCount - lead);
  const file = join(data.frames, '..', 'generated.rgb');
  const first = data.firsts[segment.clip]! + segment.startFrame + lead;
  await worker.ask({ do: 'generate', first, count, file });
  const theirs = await readFile(file);
  const range = await dataset.readFrames(segment.clip, segment.startFrame, lead + count);
  const part = (bytes: Uint8Array, i: number): Uint8Array => {
    const size = bytes.length / (lead + count);
    return bytes.subarray(i * size, (i + 1) * size);
  };
  const starts = Array.from({ length: lead }, (_, i) => i);
  const model = await openRunModel(folder);
  const synthesizer = createTensorFlowSynthesizer({ ...model, width, height, layout });
  try {
    synthesizer.start(
      starts.map((i) => part(range.frames, i)),
      starts.map((i) => part(range.condition!, i)),
    );
    let apart = 0;
    for (let t = 0; t < count; t += 1) {
      const rgb = await synthesizer.next(part(range.condition!, lead + t));
      for (const [i, value] of rgb.entries()) {
        apart = Math.max(apart, Math.abs(value - theirs[t * rgb.length + i]!));
      }
    }
    if (apart > MOST_APART) {
      throw new Error(
        `Frameloom and PyTorch make frames of the same weights that are ${apart} of 255 apart: bench/peers/mirror_networks.py is not src/networks any more`,
      );
    }
  } finally {
    synthesizer.dispose();
  }
}
