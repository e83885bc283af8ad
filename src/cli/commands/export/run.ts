import { join } from 'node:path';
import { useBackend } from '../../../backend/index.js';
import { FrameloomError, isFrameloomError } from '../../../base/error.js';
import {
  exportGenerator,
  type ExportResult,
  type ExportTarget,
  type Precision,
} from '../../../export/index.js';
import { openRunModel } from '../../../pipeline/run-model.js';
import { runPaths } from '../../../training/run/run-folder.js';
import { findFfmpeg } from '../../../video/ffmpeg-path.js';
import type { Context } from '../../terminal/context.js';
import { checkFileOutput, modelFiles } from '../../output/check.js';

export interface ExportFlags {
  output?: string;
  target?: ExportTarget;
  size?: { width: number; height: number };
  batch?: number;
  fp16?: boolean;
  fp16Weights?: boolean;
  snapshot?: 'latest' | 'best' | number;
  json?: boolean;
  overwrite?: boolean;
}

const precisionOf = ({ fp16, fp16Weights }: ExportFlags): Precision =>
  fp16 ? 'float16' : fp16Weights ? 'float16-weights' : 'float32';

/**
 * What a run calls its export: `generator.onnx` is the one that `generate` uses, which runs at every
 * size; others are called after what they are for.
 */
function nameOf(flags: ExportFlags): string {
  const { target, size, batch } = flags;
  const marks = [target, size && `${size.width}x${size.height}`, batch && `batch${batch}`];
  const precision = precisionOf(flags);
  const known = marks.filter((mark) => mark !== undefined);
  if (known.length === 0) return 'generator.onnx';
  return `generator-${[...known, ...(precision === 'float32' ? [] : [precision])].join('-')}.onnx`;
}

/** Undefined where there is no ffmpeg: an export needs none. */
async function ffmpegVersion(): Promise<string | undefined> {
  try {
    return (await findFfmpeg()).version;
  } catch (error) {
    if (isFrameloomError(error)) return undefined;
    throw error;
  }
}

/** Writes a run's averaged generator as an ONNX file. */
export async function exportRun(
  folder: string,
  flags: ExportFlags,
  context: Context,
): Promise<ExportResult> {
  const { output, overwrite } = flags;
  const reads = (await modelFiles(folder)).filter((path) => !path.endsWith('.onnx'));
  if (output !== undefined) {
    await checkFileOutput(output, { overwrite, reads });
    if (!/\.onnx$/i.test(output)) {
      throw new FrameloomError('bad-option', `${output} does not end in .onnx`, {
        path: output,
        hint: 'that is what an exported generator is known by',
      });
    }
  }
  const model = await openRunModel(folder, {
    log: context.log,
    snapshot: flags.snapshot ?? 'latest',
  });
  await useBackend({ log: context.log });
  const ffmpeg = await ffmpegVersion();
  const { target, size, batch } = flags;
  const options = { ...(target && { target }), ...(size && { size }), ...(batch && { batch }) };
  return exportGenerator(model, output ?? join(runPaths(folder).exports, nameOf(flags)), {
    // The run's own export is made anew with its snapshots.
    overwrite: overwrite ?? output === undefined,
    ...options,
    ...(ffmpeg !== undefined && { ffmpeg }),
    precision: precisionOf(flags),
    signal: context.signal,
    log: context.log,
  });
}
