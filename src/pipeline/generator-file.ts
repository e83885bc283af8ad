import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfCancelled } from '../base/cancel.js';
import { isFrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { describeExported, readExported } from '../synthesis/models/exported-model.js';
import { openRun } from '../training/run/run-folder.js';
import { readSnapshot, type SnapshotChoice } from '../training/run/snapshot-store.js';
import { parsePipeline } from './load.js';
import { differs } from './open-model.js';
import type { Pipeline } from './schema.js';

/** A generator as an ONNX file, whether it lies on the disk or not. */
export interface GeneratorFile {
  /** Names it in errors. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Steps the weights were trained. */
  readonly step: number;
  /** The run that it is of; null of a file by itself. */
  readonly run: { readonly pipeline: Pipeline; readonly baseFolder: string } | null;
}

export interface GeneratorFileOptions {
  /** Which of a run's weights: `latest` unless given. */
  readonly snapshot?: SnapshotChoice | undefined;
  readonly log?: Logger | undefined;
  readonly signal?: AbortSignal | undefined;
}

const DOING = 'opening the model';

/**
 * The generator of a run, or of an `.onnx` file, as what ONNX Runtime loads. A run's own export is taken where it is of
 * the weights that are asked for; otherwise the file is made in memory.
 * @throws FrameloomError not-found (no run, no snapshot, no file), bad-pipeline, bad-snapshot, bad-input, cancelled
 */
export async function generatorFile(
  place: string,
  options: GeneratorFileOptions = {},
): Promise<GeneratorFile> {
  const { snapshot = 'latest', log = silentLogger, signal } = options;
  throwIfCancelled(signal, DOING);
  if (/\.onnx$/i.test(place)) {
    const bytes = await readExported(place);
    const { step } = describeExported(bytes, place);
    return { path: place, bytes, step, run: null };
  }
  const paths = await openRun(place);
  const { pipeline, baseFolder } = parsePipeline(paths.pipelineYaml, paths.pipeline);
  const run = { pipeline, baseFolder };
  const path = join(paths.exports, 'generator.onnx');
  const wanted = await readSnapshot(paths.snapshots, snapshot, { log });
  throwIfCancelled(signal, DOING);
  const bytes = await readFile(path).catch(() => null);
  let why = 'is not there';
  if (bytes) {
    try {
      const { info } = describeExported(bytes, path);
      const half = info.precision === 'float16' ? 'has weights of half precision' : undefined;
      const other = differs(info, wanted, false) ?? half;
      if (other === undefined) return { path, bytes, step: wanted.step, run };
      why = other;
    } catch (error) {
      if (!isFrameloomError(error)) throw error;
      why = `cannot be used: ${error.message}`;
    }
  }
  log.debug(`${path} ${why}: made of the snapshot of step ${wanted.step}`);
  // A run that has its export is played without a line of TensorFlow.js.
  const { encodeRun } = await import('./encode-run.js');
  const made = await encodeRun(place, { snapshot: wanted.step, baseFolder, log });
  throwIfCancelled(signal, DOING);
  return { path, bytes: made, step: wanted.step, run };
}
