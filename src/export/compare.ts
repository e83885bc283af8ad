import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from 'onnxruntime-common';
import { scoped } from '../backend/scope.js';
import { throwIfCancelled } from '../base/cancel.js';
import type { ConditionLayout } from '../clips/index.js';
import { registerKernels } from '../kernels/index.js';
import { GENERATOR_MULTIPLE, type Generator, type Parameters } from '../networks/index.js';
import type { FixedSize } from './metadata.js';
import { stepByTensorFlow } from './reference-step.js';
import { feedsFor, type OnnxProgram } from './feeds.js';
import { openRuntime } from './runtime.js';
import { inputsAt, startHistory, trialCases, type Planes, type TrialCase } from './trial-inputs.js';

/** What two engines made of the same inputs. */
export interface Comparison {
  /** The largest |difference| of each output, over all frames. */
  readonly outputs: Readonly<Record<string, number>>;
  /** The largest of them. */
  readonly maxDifference: number;
  readonly frames: number;
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

export interface CompareOptions {
  readonly layout: ConditionLayout;
  /** The trained size. */
  readonly width: number;
  readonly height: number;
  /** The one batch and size that the file takes, if it is one. */
  readonly fixed: FixedSize | null;
  /** Names the file in errors. */
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
}

async function runCase(
  generator: Generator,
  parameters: Parameters,
  runtime: OnnxProgram,
  { layout, signal }: CompareOptions,
  test: TrialCase,
  note: (output: string, difference: number) => void,
): Promise<void> {
  const { samples, width, height, frames } = test;
  const { conditionFrames, historyFrames, noiseChannels, styleChannels } = generator.options;
  const { session, Tensor } = runtime;
  const tensor = (planes: Planes | null, shape: readonly number[]): Tensor | null =>
    planes && new Tensor('float32', planes, shape);
  let ours = startHistory(generator, test);
  let theirs = ours;
  for (let t = 0; t < frames; t += 1) {
    throwIfCancelled(signal, 'the export');
    const { condition, noise, style, actions } = inputsAt(generator, layout, test, t);
    const hasHistory = test.warm || t > 0;
    const expected = await stepByTensorFlow(
      generator,
      parameters,
      { condition, noise, style, actions, history: ours, hasHistory },
      test,
    );
    const channels = generator.conditionChannels * conditionFrames;
    const quarter = [height / GENERATOR_MULTIPLE, width / GENERATOR_MULTIPLE] as const;
    const outputs = await session.run(
      feedsFor(runtime, {
        condition: tensor(condition, [samples, channels, height, width]),
        history: tensor(theirs, [samples, 3 * historyFrames, height, width]),
        noise: tensor(noise, [samples, noiseChannels, ...quarter]),
        style: tensor(style, [samples, styleChannels, 1, 1]),
        actions: tensor(actions, [samples, (actions?.length ?? 0) / samples, 1, 1]),
        hasHistory,
      }),
    );
    for (const [name, numbers] of Object.entries(expected)) {
      note(name, largestDifference(outputs[name]!.data as Planes, numbers));
    }
    // Each engine goes on from its own frames: what they differ by may grow, and must not.
    ours = expected.next_history ?? null;
    theirs = (outputs.next_history?.data as Planes | undefined) ?? null;
  }
}

/**
 * Runs an exported file and the generator that it was written from on the same inputs, several
 * frames in a row, from nothing and from frames, at the trained size and another. `useBackend` must
 * have been called.
 *
 * @throws FrameloomError bad-input when ONNX Runtime cannot load the file; diverged when the
 *   generator makes NaN; cancelled
 */
export async function compareWithOnnx(
  generator: Generator,
  weights: Float32Array,
  file: Uint8Array,
  options: CompareOptions,
): Promise<Comparison> {
  registerKernels();
  const runtime = await openRuntime(file, options.path);
  const parameters = scoped(() => generator.weights(tf.tensor1d(weights)));
  const outputs: Record<string, number> = {};
  const cases = trialCases(options, options.fixed);
  try {
    for (const test of cases) {
      await runCase(generator, parameters, runtime, options, test, (name, difference) => {
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
