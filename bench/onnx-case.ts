/**
 * Exports a run and writes, beside the file, frames that TensorFlow.js made with what they were made
 * from, so that another runtime can be held to them:
 *
 *   npx tsx bench/onnx-case.ts RUN generator.onnx [--target web|unity|opencv] [--fp16]
 *   $(node bench/peers/setup.mjs) bench/peers/check_onnx.py generator.onnx
 */
import './support/help.js';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../src/backend/scope.js';
import { useBackend } from '../src/backend/index.js';
import { EXPORT_TARGETS, exportGenerator } from '../src/export/index.js';
import { stepByTensorFlow } from '../src/export/reference-step.js';
import { inputsAt, startHistory } from '../src/export/trial-inputs.js';
import { registerKernels } from '../src/kernels/index.js';
import { openRunModel } from '../src/pipeline/run-model.js';
import { encodeSafetensors, type StoredTensor } from '../src/training/run/safetensors.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { target: { type: 'string' }, fp16: { type: 'boolean' } },
});
const [run, file] = positionals;
const target = EXPORT_TARGETS.find((name) => name === (values.target ?? 'onnxruntime'));
if (run === undefined || file === undefined || target === undefined) {
  console.error(
    `usage: npx tsx bench/onnx-case.ts RUN FILE.onnx [--target ${EXPORT_TARGETS.join('|')}] [--fp16]`,
  );
  process.exit(2);
}

const FRAMES = 5;

await useBackend();
registerKernels();
const model = await openRunModel(run);
const { generator, layout } = model;
const precision = values.fp16 ? 'float16' : 'float32';
const result = await exportGenerator(model, file, { target, precision, overwrite: true });
const test = {
  ...model.data.size,
  samples: 1,
  frames: FRAMES,
  content: 'pictures',
  warm: false,
} as const;
const weights = model.weights as Float32Array;
const parameters = scoped(() => generator.layout.unflatten(tf.tensor1d(weights)));
const tensors: Record<string, StoredTensor> = {};
let history = startHistory(generator, test);
for (let t = 0; t < FRAMES; t += 1) {
  const { condition, noise, style, actions } = inputsAt(generator, layout, test, t);
  const inputs = { condition, noise, style, actions, history, hasHistory: t > 0 };
  const outputs = await stepByTensorFlow(generator, parameters, inputs, test);
  const note = (name: string, data: Float32Array, scale = 1): void => {
    const [height, width] = [test.height / scale, test.width / scale];
    const shape = [1, data.length / (height * width), height, width];
    tensors[`${t}.${name}`] = { shape, data };
  };
  if (condition) note('in.condition', condition);
  if (noise) note('in.noise', noise, 4);
  if (style) tensors[`${t}.in.style`] = { shape: [1, style.length, 1, 1], data: style };
  if (actions) tensors[`${t}.in.actions`] = { shape: [1, actions.length, 1, 1], data: actions };
  if (history) note('in.history', history);
  tensors[`${t}.in.has_history`] = { shape: [], data: Float32Array.of(t > 0 ? 1 : 0) };
  for (const [name, data] of Object.entries(outputs)) note(`out.${name}`, data);
  history = outputs.next_history ?? null;
}
tf.dispose(parameters);
await writeFile(`${file}.safetensors`, encodeSafetensors(tensors));
console.log(
  `${file}: ${result.bytes} bytes, ${result.comparison.maxDifference.toExponential(1)} from TensorFlow.js here; ${FRAMES} frames in ${file}.safetensors`,
);
