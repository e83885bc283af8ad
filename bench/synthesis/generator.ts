import {
  createOnnxSynthesizer,
  createSynthesizer,
  openOnnxModel,
} from '../../src/synthesis/index.js';
import { say } from '../support/files.js';
import { spreadOf, spreadText } from '../support/statistics.js';
import type { Worker } from '../support/worker.js';
import { prepare, secondsPerFrame } from './prepare.js';
import { framesAt, pointText, type Point, type SynthesisSettings } from './settings.js';

interface PeerAnswer {
  /** A frame. */
  readonly seconds?: number;
  /** Why it was not timed. */
  readonly skipped?: string;
}

const KINDS = ['onnxruntime', 'eager', 'compile'] as const;

/**
 * The generator alone, frame for frame, each from the last: on ONNX Runtime and TensorFlow.js here,
 * on ONNX Runtime and PyTorch in Python, by turns.
 */
export async function generatorAlone(point: Point, settings: SynthesisSettings, peer: Worker) {
  const { rounds, folder, quick } = settings;
  const { model, path } = await prepare(point, folder);
  const { width, height, preset } = point;
  const frames = framesAt(point, settings.frames, 5);
  const condition = new Uint8Array(width * height).map((_, i) => (i % 17 === 0 ? 255 : 0));
  const onnx = await openOnnxModel(path);
  const ours = createOnnxSynthesizer(onnx);
  const tfjs = await createSynthesizer(model);
  const seconds: Record<string, number[]> = {};
  const add = (name: string, value: number): void => void (seconds[name] ??= []).push(value);
  const skipped = new Set<string>();
  for (let round = 0; round < rounds; round += 1) {
    add('frameloom', await secondsPerFrame(() => ours.next(condition), frames));
    for (const kind of KINDS) {
      if (kind === 'compile' && quick) {
        skipped.add('compile: it takes minutes to compile, and this is a quick run');
        continue;
      }
      const answer = await peer.ask<PeerAnswer>({ kind, path, preset, width, height, frames });
      if (answer.seconds !== undefined) add(`python ${kind}`, answer.seconds);
      else skipped.add(`${kind}: ${answer.skipped}`);
    }
    const few = Math.max(3, Math.round(frames / 4));
    add('tensorflow.js', await secondsPerFrame(() => tfjs.next(condition), few));
  }
  tfjs.dispose();
  ours.dispose();
  await onnx.release();
  const mine = seconds.frameloom!;
  const rate = (1 / spreadOf(mine).median).toFixed(1);
  say(`\n${pointText(point)}: ${rate} frames/s on ONNX Runtime`);
  for (const [name, other] of Object.entries(seconds)) {
    if (name === 'frameloom') continue;
    const ratios = other.map((value, i) => value / mine[i]!);
    const time = (spreadOf(other).median * 1000).toFixed(1);
    say(
      `  ${name.padEnd(20)} ${time.padStart(8)} ms/frame, Frameloom is ${spreadText(ratios)} times as fast`,
    );
  }
  for (const why of skipped) say(`  left out: ${why}`);
  return { ...point, frames, seconds, skipped: [...skipped] };
}
