import type * as tf from '@tensorflow/tfjs-core';
import { refuseExisting, writeFileAtomic } from '../base/outputs.js';
import { asGiven } from '../base/caller.js';
import { throwIfCancelled } from '../base/cancel.js';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { packageVersion } from '../base/own-package.js';
import type { ConditionLayout, DataOptions } from '../clips/index.js';
import type { ClipStyle } from '../networks/clip-styles.js';
import type { Generator, NamedArrays } from '../networks/index.js';
import { compareWithOnnx, type Comparison } from './compare.js';
import { generatorToOnnx, readByLayers } from './generator-graph.js';
import { describeInput } from './input-words.js';
import { MOST_PIXELS, MOST_SAMPLES } from './metadata-fields.js';
import type { ExportedInfo, FixedSize } from './metadata.js';
import { portablePipeline } from './portable.js';
import { TARGETS, type ExportTarget } from './targets.js';
import { weightsHash } from './weights-hash.js';

/** What an export needs of a training. */
export interface ExportModel {
  readonly generator: Generator;
  /** The averaged weights, one number for each of `generator.layout.size`. */
  readonly weights: Float32Array | tf.Tensor1D;
  readonly layout: ConditionLayout;
  readonly seed: number;
  readonly step: number;
  /** The looks of its clips, where the generator is told one. */
  readonly styles?: readonly ClipStyle[] | undefined;
  readonly pipeline: {
    readonly data: DataOptions;
    readonly about?: About | undefined;
  };
}

/** Whose a generator is, and what may be done with it. */
export interface About {
  readonly author?: string | undefined;
  readonly licence?: string | undefined;
}

/**
 * `float16` stores weights and computes the layers between inputs and heads so, for devices that
 * are faster at it; `float16-weights` stores the large weights so and computes as float32.
 */
export const PRECISIONS = ['float32', 'float16', 'float16-weights'] as const;
export type Precision = (typeof PRECISIONS)[number];

export interface ExportOptions {
  /** What is to run it: it is written of ops that this has. `onnxruntime` unless given. */
  readonly target?: ExportTarget;
  /**
   * The one size and batch that the file is for, all of whose shapes are then numbers; a batch of 1
   * or the trained size where only the other is given. They stay open when neither is, except for
   * `opencv`, which takes no other files.
   */
  readonly size?: { readonly width: number; readonly height: number };
  readonly batch?: number;
  /** `float32` unless given. */
  readonly precision?: Precision;
  /**
   * The largest |difference| to TensorFlow.js that is let through: 1e-3, or 1e-2 of half weights, or
   * 5e-2 of half computing. The flow, which counts in pixels, may differ by `flowScalePixels` times
   * as much.
   */
  readonly tolerance?: number;
  /** The version of the ffmpeg that makes conditions here, for the metadata. */
  readonly ffmpeg?: string;
  readonly signal?: AbortSignal;
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
  readonly target: ExportTarget;
  readonly precision: Precision;
  /** The one batch and size that it takes; null where they are open. */
  readonly fixed: FixedSize | null;
  readonly comparison: Comparison;
  readonly tolerance: number;
  /** Nodes of each kind in the file. */
  readonly ops: Readonly<Record<string, number>>;
}

/** The largest |difference| to TensorFlow.js that is let through unless another is given. */
export const TOLERANCES: Readonly<Record<Precision, number>> = {
  float32: 1e-3,
  'float16-weights': 1e-2,
  float16: 5e-2,
};

/** @throws FrameloomError bad-option */
function fixedSize(
  { size, batch }: ExportOptions,
  needed: boolean,
  trained: { readonly width: number; readonly height: number },
): FixedSize | null {
  if (!needed && size === undefined && batch === undefined) return null;
  const { width, height } = size ?? trained;
  const bad = (side: number): boolean => !Number.isInteger(side) || side < 4 || side % 4 !== 0;
  if (bad(width) || bad(height) || width * height > MOST_PIXELS) {
    throw new FrameloomError('bad-option', `a frame cannot be ${width}x${height}`, {
      hint: 'both sides are multiples of 4, and 8192x4096 is the most',
    });
  }
  const samples = batch ?? 1;
  if (!Number.isInteger(samples) || samples < 1 || samples > MOST_SAMPLES) {
    throw new FrameloomError('bad-option', `a batch cannot be of ${samples}`, {
      hint: `give a whole number from 1 to ${MOST_SAMPLES}`,
    });
  }
  return { samples, width, height };
}

/**
 * Writes a generator as one ONNX file that is proved first: it is run by ONNX Runtime and must make
 * the frames that TensorFlow.js makes. The file is there whole or not at all. `useBackend` must have
 * been called.
 *
 * @throws FrameloomError backend when the generator cannot be written in ONNX, or the file computes
 *   other numbers; bad-option; diverged when it makes NaN; exists, disk-full, write-failed;
 *   cancelled, and nothing is written
 */
export async function exportGenerator(
  model: ExportModel,
  path: string,
  options: ExportOptions = {},
): Promise<ExportResult> {
  const { generator, layout } = model;
  const { overwrite = false, log = silentLogger, signal } = options;
  const { target = 'onnxruntime', precision = 'float32' } = options;
  if (precision === 'float16' && !TARGETS[target].half) {
    throw new FrameloomError('bad-option', `${target} does not compute in float16`, {
      hint: `${asGiven('--fp16-weights', "precision: 'float16-weights'")} halves the file`,
    });
  }
  const { size } = model.pipeline.data;
  const fixed = fixedSize(options, TARGETS[target].fixed, size);
  if (generator.options.styleChannels > 0 && (model.styles ?? []).length === 0) {
    throw new FrameloomError(
      'bad-option',
      'a generator that is told looks is exported with those of its clips, and there are none',
      { hint: 'openModel gives a model that knows them' },
    );
  }
  if (!overwrite) await refuseExisting(path);
  const tolerance = options.tolerance ?? TOLERANCES[precision];
  const weights =
    model.weights instanceof Float32Array
      ? model.weights
      : ((await model.weights.data()) as Float32Array);
  const read = await readByLayers(generator, weights);
  const info = await describe(model, { weights, read }, { ...options, target, precision }, fixed);
  throwIfCancelled(signal, 'the export');
  const { file, opCounts } = generatorToOnnx(generator, read, info);
  log.debug(`${file.length} bytes of ONNX; comparing them with TensorFlow.js`);
  const comparison = await compareWithOnnx(generator, weights, file, {
    ...size,
    ...{ layout, fixed, path, signal },
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
        hint:
          precision === 'float32'
            ? 'this is a defect of Frameloom, please report it with the pipeline'
            : 'export without half precision',
      },
    );
  }
  throwIfCancelled(signal, 'the export');
  await writeFileAtomic(path, file, { overwrite, log });
  return {
    ...{ path, bytes: file.length, step: model.step },
    ...{ target, precision, fixed, comparison, tolerance },
    ops: opCounts,
  };
}

/**
 * A generator as the bytes of the file that `exportGenerator` writes at full precision and for all sizes, without the proof by
 * comparison: to be run at once and not kept. `useBackend` must have been called, of whichever backend: no frame is made.
 * @throws FrameloomError backend when the generator cannot be written in ONNX
 */
export async function encodeGenerator(
  model: ExportModel,
  { baseFolder }: Pick<ExportOptions, 'baseFolder'> = {},
): Promise<Uint8Array> {
  const { generator } = model;
  const weights =
    model.weights instanceof Float32Array
      ? model.weights
      : ((await model.weights.data()) as Float32Array);
  const read = await readByLayers(generator, weights);
  const how = {
    ...({ target: 'onnxruntime', precision: 'float32' } as const),
    ...(baseFolder !== undefined && { baseFolder }),
  };
  const info = await describe(model, { weights, read }, how, null);
  return generatorToOnnx(generator, read, info).file;
}

/** What the file will say of itself. */
async function describe(
  { generator, layout, pipeline, seed, step, styles = [] }: ExportModel,
  { weights, read }: { readonly weights: Float32Array; readonly read: NamedArrays },
  options: ExportOptions & { readonly target: ExportTarget; readonly precision: Precision },
  fixed: FixedSize | null,
): Promise<ExportedInfo> {
  const { data, about } = pipeline;
  const { historyFrames, conditionFrames, noiseChannels, flow, styleChannels } = generator.options;
  return {
    ...{ version: packageVersion(), step, seed },
    ...data.size,
    generator: {
      ...{ historyFrames, conditionFrames, noiseChannels, flow },
      ...(styleChannels > 0 && { styleChannels }),
    },
    ...(styles.length > 0 && { styles }),
    condition: { ...layout, classNames: [...layout.classNames] },
    pipeline: await portablePipeline(pipeline, options.baseFolder ?? process.cwd()),
    weights: weightsHash(generator.layout.toNamed(weights)),
    layers: weightsHash(read),
    precision: options.precision === 'float32' ? 'float32' : 'float16',
    compute: options.precision === 'float16' ? 'float16' : 'float32',
    ...{ target: options.target, fixed, input: describeInput(data) },
    ffmpeg: options.ffmpeg ?? null,
    ...{ author: about?.author ?? null, licence: about?.licence ?? null },
  };
}
