/**
 * What gradient checkpointing saves and costs: for rollouts of growing length, the peak tensor
 * bytes of the generator's backward pass and its time, plain and checkpointed every frame, and how
 * far the two gradients are apart.
 *
 *   npx tsx bench/checkpointing.ts [preset] [size] [longest]
 */
import './support/help.js';
import * as tf from '@tensorflow/tfjs-core';
import {
  checkpointedGradient,
  evenSegments,
  plainGradient,
  valueAndGradients,
  type LossGradient,
  type RolloutGradient,
} from '../src/autodiff/index.js';
import { useBackend } from '../src/backend/index.js';
import { randomStream } from '../src/base/random.js';
import { registerKernels } from '../src/kernels/index.js';
import { createGenerator, generatorOptions } from '../src/networks/index.js';
import { createRollout, sortOutputs } from '../src/training/rollout.js';

const MIB = 2 ** 20;
const REPEATS = 3;
const LEAD = 2;

const [preset = 'small', size = '128x72', longest = '16'] = process.argv.slice(2);
const [width, height] = size.split('x').map(Number) as [number, number];
await useBackend();
registerKernels();
const generator = createGenerator(generatorOptions.parse({ preset }), 1);
const flat = tf.tensor1d(generator.layout.initialize(1));

/** A smooth moving pattern: gradients of plain noise would say little. */
const pattern = (frames: number, channels: number): tf.Tensor5D => {
  const values = new Float32Array(frames * height * width * channels);
  const noise = randomStream(1, 'data', channels);
  const phase = noise.uniform() * 6;
  for (let i = 0; i < values.length; i += 1) {
    const x = Math.floor(i / channels) % width;
    const t = Math.floor(i / (channels * width * height));
    values[i] = Math.sin(x / 7 + t / 3 + (i % channels) + phase);
  }
  return tf.tensor5d(values, [1, frames, height, width, channels]);
};

async function measure(run: () => RolloutGradient<tf.Scalar>) {
  let gradient = new Float32Array();
  const times: number[] = [];
  const before = tf.memory().numBytes;
  const { peakBytes } = await tf.profile(() => tf.tidy(() => run().result));
  for (let i = 0; i < REPEATS; i += 1) {
    const started = performance.now();
    gradient = tf.tidy(() => run().gradient.dataSync<'float32'>().slice());
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  return { peakMiB: (peakBytes - before) / MIB, ms: times[Math.floor(REPEATS / 2)]!, gradient };
}

const relativeDifference = (a: Float32Array, b: Float32Array): number => {
  let largest = 0;
  let scale = 0;
  for (let i = 0; i < a.length; i += 1) {
    largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
    scale = Math.max(scale, Math.abs(a[i]!));
  }
  return largest / scale;
};

process.stdout.write(
  `${preset} at ${size}\n   T   plain MiB  checkpointed MiB  ratio   plain ms  checkpointed ms  ratio  difference\n`,
);
for (let frames = 2; frames <= Number(longest); frames *= 2) {
  const inputs = { frames: pattern(frames + LEAD, 3), condition: pattern(frames + LEAD, 1) };
  const rollout = createRollout(generator, {
    ...inputs,
    noise: null,
    lead: LEAD,
    warmUp: 0,
    coldStart: false,
    visibleFrom: 0,
    teacherForced: Array.from({ length: frames }, () => false),
  });
  const total = (outputs: readonly tf.Tensor[]): tf.Scalar => {
    const { frames: made, flows } = sortOutputs(outputs, frames);
    const parts = [...made, ...flows.map(({ flow }) => flow)].map((x) => tf.mean(tf.square(x)));
    return tf.addN(parts) as tf.Scalar;
  };
  const loss: LossGradient<tf.Scalar> = (outputs) => {
    const { value, gradients } = valueAndGradients(() => total(outputs), outputs);
    return { result: value, cotangents: gradients };
  };
  const plain = await measure(() => plainGradient(rollout, flat, loss));
  const checkpointed = await measure(() =>
    checkpointedGradient(rollout, flat, loss, { segments: evenSegments(frames, 1) }),
  );
  const cell = (value: number, width: number, digits = 1): string =>
    value.toFixed(digits).padStart(width);
  process.stdout.write(
    `${cell(frames, 4, 0)} ${cell(plain.peakMiB, 11)} ${cell(checkpointed.peakMiB, 17)} ${cell(checkpointed.peakMiB / plain.peakMiB, 6, 3)} ${cell(plain.ms, 10, 0)} ${cell(checkpointed.ms, 16, 0)} ${cell(checkpointed.ms / plain.ms, 6, 2)}  ${relativeDifference(plain.gradient, checkpointed.gradient).toExponential(1)}\n`,
  );
  tf.dispose(inputs);
}
