import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from 'onnxruntime-node';
import { scoped } from '../backend/scope.js';
import { FrameloomError } from '../base/error.js';
import { randomStream } from '../base/random.js';
import type { ConditionLayout } from '../clips/index.js';
import { registerKernels } from '../kernels/index.js';
import { GENERATOR_MULTIPLE, type Generator, type Parameters } from '../networks/index.js';
import { feedsFor, openRuntime, type Runtime } from './runtime.js';

/** What two engines made of the same inputs. */
export interface Comparison {
  /** The largest |difference| of each output, over all frames. */
  readonly outputs: Readonly<Record<string, number>>;
  /** The largest of them. */
  readonly maxDifference: number;
  readonly frames: number;
}

interface Case {
  readonly samples: number;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Noise everywhere, or smooth pictures that move. */
  readonly content: 'random' | 'pictures';
  /** Begin from frames instead of from nothing. */
  readonly warm: boolean;
}

const casesOf = ({ width, height }: { width: number; height: number }): readonly Case[] => [
  { samples: 1, width, height, frames: 5, content: 'pictures', warm: false },
  { samples: 1, width, height, frames: 2, content: 'random', warm: true },
  // Another size, another shape, and more than one sample.
  { samples: 2, width: 36, height: 20, frames: 3, content: 'random', warm: true },
];

type Planes = Float32Array;

/** A picture of slow waves that move by t, in [−1, 1]; channels differ. */
function waves(channels: number, { width, height }: Case, t: number): Planes {
  const planes = new Float32Array(channels * width * height);
  for (let i = 0; i < planes.length; i += 1) {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    const channel = Math.floor(i / (width * height));
    planes[i] = Math.sin((x + 2 * t) / (7 + channel) + channel) * Math.cos((y - t) / 9);
  }
  return planes;
}

/** One sample's condition frame, CHW: as labels are, or as images are. */
function conditionFrame(layout: ConditionLayout, test: Case, name: string, t: number): Planes {
  const { channels, content } = layout;
  const pixels = test.width * test.height;
  const random = randomStream(0, 'eval', `export ${name} ${t}`);
  if (content !== 'labels') {
    if (test.content === 'pictures') return waves(channels, test, t);
    return new Float32Array(channels * pixels).map(() => random.uniform() * 2 - 1);
  }
  const planes = new Float32Array(channels * pixels);
  for (let i = 0; i < pixels; i += 1) {
    const stripe = Math.floor(((i % test.width) + 2 * t) / 8) % channels;
    const id = test.content === 'pictures' ? stripe : random.integer(0, channels - 1);
    planes[id * pixels + i] = 1;
  }
  return planes;
}

/** Planes one after the other: the samples of a batch, or the frames of a condition. */
function joined(parts: readonly Planes[]): Planes {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** The inputs of frame t but the history, NCHW. */
function inputsAt(generator: Generator, layout: ConditionLayout, test: Case, t: number) {
  const { conditionFrames, noiseChannels } = generator.options;
  const samples = Array.from({ length: test.samples }, (_, sample) => sample);
  const times = Array.from({ length: conditionFrames }, (_, i) => t - conditionFrames + 1 + i);
  const noise = new Float32Array(
    (test.samples * noiseChannels * test.width * test.height) / GENERATOR_MULTIPLE ** 2,
  );
  return {
    condition:
      generator.conditionChannels === 0
        ? null
        : joined(
            samples.flatMap((sample) =>
              times.map((time) => conditionFrame(layout, test, `condition ${sample}`, time)),
            ),
          ),
    noise:
      noiseChannels === 0 ? null : randomStream(0, 'eval', `export noise ${t}`).fillNormal(noise),
  };
}

function startHistory(generator: Generator, test: Case): Planes {
  const { samples, width, height } = test;
  const history = new Float32Array(samples * 3 * generator.options.historyFrames * width * height);
  if (!test.warm) return history;
  const random = randomStream(0, 'eval', 'export history');
  return history.map(() => random.uniform() * 2 - 1);
}

const toPlain = (planes: Planes, shape: [number, number, number, number]): tf.Tensor4D =>
  tf.transpose(tf.tensor4d(planes, shape), [0, 2, 3, 1]);

/** One frame by TensorFlow.js: outputs by name, and the next history, all NCHW. */
function stepByTensorFlow(
  generator: Generator,
  parameters: Parameters,
  inputs: { condition: Planes | null; noise: Planes | null; history: Planes; hasHistory: boolean },
  test: Case,
) {
  const { samples, width, height } = test;
  const { conditionFrames, historyFrames, noiseChannels } = generator.options;
  const [rows, columns] = [height / GENERATOR_MULTIPLE, width / GENERATOR_MULTIPLE];
  const made = scoped(() => {
    const channels = generator.conditionChannels * conditionFrames;
    const history = toPlain(inputs.history, [samples, 3 * historyFrames, height, width]);
    const output = generator.step(parameters, {
      condition: inputs.condition && toPlain(inputs.condition, [samples, channels, height, width]),
      history,
      hasHistory: inputs.hasHistory,
      noise: inputs.noise && toPlain(inputs.noise, [samples, noiseChannels, rows, columns]),
    });
    const kept = 3 * (historyFrames - 1);
    const older = kept === 0 ? [] : [tf.slice(history, [0, 0, 0, 0], [-1, -1, -1, kept])];
    const named = {
      frame: output.frame,
      raw: output.raw,
      ...(output.flow && { flow: output.flow }),
      ...(output.mask && { mask: output.mask }),
      next_history: tf.concat([output.frame, ...older], 3),
    };
    return Object.entries(named).map(
      ([name, tensor]) => [name, tf.transpose(tensor, [0, 3, 1, 2])] as const,
    );
  });
  const numbers = made.map(([name, tensor]) => [name, tensor.dataSync() as Planes] as const);
  made.forEach(([, tensor]) => tensor.dispose());
  return Object.fromEntries(numbers);
}

/** max|a − b|, infinite where one of them is NaN. */
function largestDifference(a: Planes, b: Planes): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

async function runCase(
  generator: Generator,
  parameters: Parameters,
  runtime: Runtime,
  layout: ConditionLayout,
  test: Case,
  note: (output: string, difference: number) => void,
): Promise<void> {
  const { samples, width, height, frames } = test;
  const { conditionFrames, historyFrames, noiseChannels } = generator.options;
  const { session, Tensor } = runtime;
  const tensor = (planes: Planes | null, shape: readonly number[]): Tensor | null =>
    planes && new Tensor('float32', planes, shape);
  let ours = startHistory(generator, test);
  let theirs = ours;
  for (let t = 0; t < frames; t += 1) {
    const { condition, noise } = inputsAt(generator, layout, test, t);
    const hasHistory = test.warm || t > 0;
    const expected = stepByTensorFlow(
      generator,
      parameters,
      { condition, noise, history: ours, hasHistory },
      test,
    );
    const channels = generator.conditionChannels * conditionFrames;
    const quarter = [height / GENERATOR_MULTIPLE, width / GENERATOR_MULTIPLE] as const;
    const outputs = await session.run(
      feedsFor(runtime, {
        condition: tensor(condition, [samples, channels, height, width]),
        history: tensor(theirs, [samples, 3 * historyFrames, height, width])!,
        noise: tensor(noise, [samples, noiseChannels, ...quarter]),
        hasHistory,
      }),
    );
    for (const [name, numbers] of Object.entries(expected)) {
      if (numbers.some(Number.isNaN)) {
        throw new FrameloomError('diverged', 'the generator to export makes NaN', {
          hint: 'the weights are damaged: go back to an earlier snapshot',
        });
      }
      note(name, largestDifference(outputs[name]!.data as Planes, numbers));
    }
    // Each engine goes on from its own frames: what they differ by may grow, and must not.
    ours = expected.next_history!;
    theirs = outputs.next_history!.data as Planes;
  }
}

/**
 * Runs an exported file and the generator that it was written from on the same inputs, several
 * frames in a row, from nothing and from frames, at the trained size and another. `useBackend` must
 * have been called.
 *
 * @throws FrameloomError bad-input when ONNX Runtime cannot load the file; diverged when the
 *   generator makes NaN
 */
export async function compareWithOnnx(
  generator: Generator,
  weights: Float32Array,
  file: Uint8Array,
  options: { layout: ConditionLayout; width: number; height: number; path: string },
): Promise<Comparison> {
  registerKernels();
  const runtime = await openRuntime(file, options.path);
  const parameters = scoped(() => generator.layout.unflatten(tf.tensor1d(weights)));
  const outputs: Record<string, number> = {};
  const cases = casesOf(options);
  try {
    for (const test of cases) {
      await runCase(generator, parameters, runtime, options.layout, test, (name, difference) => {
        outputs[name] = Math.max(outputs[name] ?? 0, difference);
      });
    }
  } finally {
    tf.dispose(parameters);
    await runtime.session.release();
  }
  return {
    outputs,
    maxDifference: Math.max(...Object.values(outputs)),
    frames: cases.reduce((sum, { frames }) => sum + frames, 0),
  };
}
