import { readFileSync } from 'node:fs';
import type * as tf from '@tensorflow/tfjs-core';
import { refuseExisting, writeFileAtomic } from '../base/outputs.js';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import type { ConditionLayout, DataOptions } from '../clips/index.js';
import type { Generator } from '../networks/index.js';
import { compareWithOnnx, type Comparison } from './compare.js';
import { generatorToOnnx } from './generator-graph.js';
import type { ExportedInfo } from './metadata.js';
import { portablePipeline } from './portable.js';
import { weightsHash } from './weights-hash.js';

/** What an export needs of a training. */
export interface ExportModel {
  readonly generator: Generator;
  /** The averaged weights, one number for each of `generator.layout.size`. */
  readonly weights: Float32Array | tf.Tensor1D;
  readonly layout: ConditionLayout;
  readonly seed: number;
  readonly step: number;
  readonly pipeline: { readonly data: DataOptions };
}

export interface ExportOptions {
  /** Store weights as float16: half the file, computing stays float32. Off unless given. */
  readonly halfWeights?: boolean;
  /**
   * The largest |difference| to TensorFlow.js that is let through: 1e-3, or 1e-2 of half weights. The
   * flow, which counts in pixels, may differ by `flowScalePixels` times as much.
   */
  readonly tolerance?: number;
  /** Replace a file that is there. Default: `exists` is the error. */
  readonly overwrite?: boolean;
  /** Folder that relative paths of the pipeline start from; the current one unless given. */
  readonly baseFolder?: string;
  readonly log?: Logger;
}

export interface ExportResult {
  readonly path: string;
  readonly bytes: number;
  readonly step: number;
  readonly halfWeights: boolean;
  readonly comparison: Comparison;
  readonly tolerance: number;
  /** Nodes of each kind in the file. */
  readonly ops: Readonly<Record<string, number>>;
}

const TOLERANCE = 1e-3;
const HALF_TOLERANCE = 1e-2;

const frameloomVersion = (): string =>
  (
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    }
  ).version;

/**
 * Writes a generator as one ONNX file that is proved first: it is run by ONNX Runtime and must make
 * the frames that TensorFlow.js makes. The file is there whole or not at all. `useBackend` must have
 * been called.
 *
 * @throws FrameloomError backend when the generator cannot be written in ONNX, or the file computes
 *   other numbers; diverged when it makes NaN; exists, disk-full, write-failed
 */
export async function exportGenerator(
  model: ExportModel,
  path: string,
  options: ExportOptions = {},
): Promise<ExportResult> {
  const { generator, layout, pipeline } = model;
  const { halfWeights = false, overwrite = false, log = silentLogger } = options;
  if (!overwrite) await refuseExisting(path);
  const tolerance = options.tolerance ?? (halfWeights ? HALF_TOLERANCE : TOLERANCE);
  const weights =
    model.weights instanceof Float32Array
      ? model.weights
      : ((await model.weights.data()) as Float32Array);
  const { width, height } = pipeline.data.size;
  const { historyFrames, conditionFrames, noiseChannels, flow } = generator.options;
  const info: ExportedInfo = {
    version: frameloomVersion(),
    step: model.step,
    seed: model.seed,
    width,
    height,
    generator: { historyFrames, conditionFrames, noiseChannels, flow },
    condition: { ...layout, classNames: [...layout.classNames] },
    pipeline: await portablePipeline(pipeline, options.baseFolder ?? process.cwd()),
    weights: weightsHash(generator.layout.toNamed(weights)),
    precision: halfWeights ? 'float16' : 'float32',
  };
  const { file, opCounts } = generatorToOnnx(generator, weights, info, { halfWeights });
  log.debug(`${file.length} bytes of ONNX; comparing them with TensorFlow.js`);
  const comparison = await compareWithOnnx(generator, weights, file, {
    ...{ layout, width, height, path },
  });
  // The flow counts in pixels, a number near 1 times its scale, and so does what it is off by; what
  // comes of it is in the frames.
  const allowed = (output: string): number =>
    output === 'flow' ? tolerance * generator.options.flowScalePixels : tolerance;
  for (const [output, difference] of Object.entries(comparison.outputs)) {
    if (difference <= allowed(output)) continue;
    throw new FrameloomError(
      'backend',
      `the exported ${output} is ${difference.toPrecision(2)} from TensorFlow.js's, more than ${allowed(output)}; nothing was written`,
      {
        hint: halfWeights
          ? 'export without half precision'
          : 'this is a defect of Frameloom, please report it with the pipeline',
      },
    );
  }
  await writeFileAtomic(path, file, { overwrite, log });
  return {
    path,
    bytes: file.length,
    step: model.step,
    halfWeights,
    comparison,
    tolerance,
    ops: opCounts,
  };
}
