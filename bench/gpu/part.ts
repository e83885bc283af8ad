/** One part of the bench for a card, by its name: `run.ts` starts it. Prints what it knows, line after line. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { eagerRunner, graphRunner } from '../../src/backend/graph/index.js';
import { probeWebgpu, useBackend } from '../../src/backend/index.js';
import { nvidiaCards } from '../../src/backend/gpu.js';
import { messageOf } from '../../src/base/error.js';
import { packageRoot } from '../../src/base/own-package.js';
import { readByLayers, generatorToOnnx } from '../../src/export/generator-graph.js';
import type { ExportedInfo } from '../../src/export/metadata.js';
import { openRuntime, type Device } from '../../src/export/runtime.js';
import { registerKernels } from '../../src/kernels/index.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';
import { createOnnxSynthesizer } from '../../src/synthesis/engines/onnx/synthesizer.js';
import { flattenState } from '../../src/training/model.js';
import {
  takeGoldenStep,
  type DiscriminatorCase,
  type GeneratorCase,
} from '../../test/training/golden.js';
import { openSubject } from '../support/subject.js';
import { TENSORFLOW, type Figures, type PartName } from './parts.js';

const say = (figures: Figures): void => void process.stdout.write(`${JSON.stringify(figures)}\n`);

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
};

const round = (value: number, digits = 3): number => Number(value.toPrecision(digits));

async function machine(): Promise<void> {
  say({
    ...{ system: `${process.platform}-${process.arch} ${release()}`, node: process.versions.node },
    ...{ processor: cpus()[0]?.model, cores: availableParallelism(), memoryBytes: totalmem() },
    nvidia: await nvidiaCards(),
    webgpu: await probeWebgpu(),
  });
}

const SIZE = { width: 512, height: 288 };
/** Of the picture's edges, as the pipelines have it. */
const CONDITION_FRAMES = 3;

/** An untrained generator of a preset as an exported file. */
async function exported(
  preset: 'small' | 'base',
): Promise<{ file: Uint8Array; info: ExportedInfo }> {
  await useBackend({ prefer: 'cpu' });
  registerKernels();
  const options = generatorOptions.parse({ preset, conditionFrames: CONDITION_FRAMES });
  const generator = createGenerator(options, 1);
  const read = await readByLayers(generator, generator.layout.initialize(1));
  const info: ExportedInfo = {
    ...{ version: '0', step: 0, seed: 0, ...SIZE, pipeline: null, generator: generator.options },
    condition: {
      ...{ kind: 'derived', content: 'image', channels: 1, bytesPerPixel: 1, classNames: [] },
      followsColour: false,
    },
    ...{ weights: null, layers: null, precision: 'float32', compute: 'float32', fixed: null },
    ...{ target: 'onnxruntime', input: null, ffmpeg: null, author: null, licence: null },
  };
  const { file } = generatorToOnnx(generator, read, info);
  return { file, info };
}

/** A condition that moves: bars, a pixel a frame. */
const conditionAt = (t: number): Uint8Array =>
  Uint8Array.from({ length: SIZE.width * SIZE.height }, (_, i) =>
    ((i % SIZE.width) + Math.floor(i / SIZE.width) + t) % 24 < 4 ? 255 : 0,
  );

const GENERATED = 24;

async function generate(preset: 'small' | 'base'): Promise<void> {
  const { file, info } = await exported(preset);
  const figures: Record<string, unknown> = { size: `${SIZE.width}x${SIZE.height}` };
  const frames: Partial<Record<Device, Uint8Array[]>> = {};
  // What a card is held to comes first: a slow one takes no time from it.
  for (const device of ['cpu', 'webgpu'] as const) {
    try {
      const began = performance.now();
      const runtime = await openRuntime(file, 'generator', {
        ...{ device, size: { samples: 1, ...SIZE } },
      });
      const { condition: layout, seed } = info;
      const run = { runtime, ...SIZE, layout, seed, info, style: undefined };
      const synthesizer = createOnnxSynthesizer(run, seed);
      const times: number[] = [];
      const made: Uint8Array[] = [];
      const start = performance.now();
      for (let t = 0; t < GENERATED && performance.now() - start < 12_000; t += 1) {
        const condition = conditionAt(t);
        const before = performance.now();
        const rgb = await synthesizer.next(condition);
        times.push(performance.now() - before);
        made.push(rgb.slice());
        if (t === 0) figures[`${device} first frame ms`] = round(performance.now() - began);
        const rest = times.slice(1);
        if (rest.length > 0) figures[`${device} ms a frame`] = round(median(rest));
        figures[`${device} frames`] = times.length;
        say(figures);
      }
      frames[device] = made;
    } catch (error) {
      figures[`${device} failed`] = messageOf(error).split('\n')[0];
      say(figures);
    }
  }
  const [own, theirs] = [frames.webgpu ?? [], frames.cpu ?? []];
  const count = Math.min(own.length, theirs.length);
  if (count === 0) return;
  let worst = 0;
  for (let t = 0; t < count; t += 1) {
    own[t]!.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - theirs[t]![i]!))));
  }
  figures['furthest apart, of 255'] = `${worst} in ${count} frames`;
  say(figures);
}

const readGolden = <Case>(name: string): (Case & { name: string })[] =>
  (
    JSON.parse(readFileSync(join(packageRoot, 'golden', `${name}.json`), 'utf8')) as {
      cases: (Case & { name: string })[];
    }
  ).cases;

async function onWebgpu(): Promise<string> {
  const { adapter } = await useBackend({ prefer: 'webgpu' });
  registerKernels();
  return `${adapter!.description || adapter!.device || adapter!.vendor}${adapter!.isSoftware ? ' (no card: the processor)' : ''}`;
}

/** Each golden step: 1 is as far from PyTorch's numbers as is allowed. */
async function goldenSteps(): Promise<void> {
  const figures: Record<string, unknown> = { card: await onWebgpu() };
  say(figures);
  const judges = readGolden<DiscriminatorCase>('discriminator-step');
  const steps = readGolden<GeneratorCase>('generator-step').map((generator, i) => ({
    ...{ name: generator.name, generator, discriminators: judges[i]! },
  }));
  // The one that has all that a step is made of comes first, in case that time is short.
  const first = steps.findIndex(({ name }) => name.startsWith('from a cold start, weights'));
  for (const step of [...steps.splice(first, 1), ...steps]) {
    const found = await takeGoldenStep(step);
    const worst = found.reduce((a, b) => (b.by / b.most > a.by / a.most ? b : a));
    const share = worst.by / worst.most;
    figures[step.name] =
      `${share <= 1 ? 'holds' : 'DOES NOT HOLD'}: ${worst.what} at ${round(share, 2)} of what is allowed`;
    say(figures);
  }
}

/** Steps from one start, twice: every byte of the state, and what the card holds after each. */
async function sameTwice(): Promise<void> {
  const figures: Record<string, unknown> = { card: await onWebgpu() };
  const states: Uint8Array[][] = [];
  const held: unknown[] = [];
  for (let run = 0; run < 2; run += 1) {
    const size = { width: 64, height: 36 };
    const subject = openSubject({ preset: 'tiny', size, frames: 2, runner: eagerRunner });
    const bytes: Uint8Array[] = [];
    for (let step = 0; step < 3; step += 1) {
      await subject.step();
      for (const tensor of Object.values(flattenState(subject.state))) {
        bytes.push(new Uint8Array((await tensor.data()).slice().buffer));
      }
      held.push([tf.memory().numTensors, heldOnCard()]);
    }
    states.push(bytes);
    subject.dispose();
    figures['tensors and bytes after each'] = held;
    say(figures);
  }
  const [first, second] = states;
  const apart = first!.filter((bytes, i) => !Buffer.from(bytes).equals(second![i]!)).length;
  figures['three steps, twice'] = apart === 0 ? 'the same bytes' : `${apart} tensors differ`;
  say(figures);
}

const heldOnCard = (): number | undefined =>
  (tf.memory() as tf.MemoryInfo & { numBytesAllocatedInGPU?: number }).numBytesAllocatedInGPU;

async function train(preset: 'small' | 'base'): Promise<void> {
  const figures: Record<string, unknown> = { card: await onWebgpu(), frames: 5 };
  say(figures);
  for (const size of [
    { width: 128, height: 72 },
    { width: 256, height: 144 },
  ]) {
    const subject = openSubject({ preset, size, frames: 5, runner: eagerRunner });
    const name = `${size.width}x${size.height}`;
    const times: number[] = [];
    const began = performance.now();
    while (times.length < 8 && (times.length < 3 || performance.now() - began < 14_000)) {
      times.push(await subject.step());
      if (times.length === 1) figures[`${name} first step s`] = round(times[0]!);
      else figures[`${name} s a step`] = round(median(times.slice(1)));
      figures[`${name} bytes on the card`] = heldOnCard();
      say(figures);
    }
    subject.dispose();
  }
}

/** Native TensorFlow of this machine's own, where `run.ts` has found one: none travels along. */
async function cuda(): Promise<void> {
  if (process.env[TENSORFLOW] === undefined) {
    say({
      passedOver: 'Python has no TensorFlow here, and one with CUDA is too large to come along',
    });
    return;
  }
  const paths = {
    addon: join(packageRoot, 'addon', 'tfjs_binding.node'),
    tfjsNode: join(packageRoot, 'tfjs-node'),
  };
  writeFileSync(join(packageRoot, '.provisions', 'tensorflow-gpu.json'), JSON.stringify({ paths }));
  const report = await useBackend({ prefer: 'tensorflow' });
  const figures: Record<string, unknown> = { backend: report.name, library: report.libtensorflow };
  say(figures);
  registerKernels();
  for (const preset of ['small', 'base'] as const) {
    const size = { width: 256, height: 144 };
    // As it trains there: recorded at the first step.
    const runner = graphRunner();
    const subject = openSubject({ preset, size, frames: 5, runner });
    const times: number[] = [];
    while (times.length < 4) times.push(await subject.step());
    figures[`${preset} 256x144 s a step`] = round(median(times.slice(1)));
    say(figures);
    subject.dispose();
    runner.dispose();
  }
}

const RUN: Readonly<Record<PartName, () => Promise<void>>> = {
  machine,
  'generate small': () => generate('small'),
  'generate base': () => generate('base'),
  'golden step': goldenSteps,
  'same twice': sameTwice,
  'train small': () => train('small'),
  'train base': () => train('base'),
  cuda,
};

try {
  await RUN[process.argv[2] as PartName]();
  // What a driver does while a process ends is no part of what was measured.
  process.stdout.write('', () => process.exit(0));
} catch (error) {
  process.stderr.write(`${messageOf(error).split('\n')[0]}\n`, () => process.exit(1));
}
