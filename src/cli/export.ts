import { join } from 'node:path';
import { useBackend } from '../backend/index.js';
import { exportGenerator, type ExportResult } from '../export/index.js';
import { openModel } from '../pipeline/open-model.js';
import { runPaths } from '../training/run/run-folder.js';
import type { Context } from './context.js';

export interface ExportFlags {
  output?: string;
  fp16?: boolean;
  snapshot?: 'latest' | 'best' | number;
  json?: boolean;
}

/** Writes a run's averaged generator as an ONNX file. */
export async function exportRun(
  folder: string,
  flags: ExportFlags,
  context: Context,
): Promise<ExportResult> {
  const model = await openModel(folder, {
    log: context.log,
    snapshot: flags.snapshot ?? 'latest',
  });
  await useBackend({ log: context.log });
  return exportGenerator(model, flags.output ?? join(runPaths(folder).exports, 'generator.onnx'), {
    halfWeights: flags.fp16 ?? false,
    log: context.log,
  });
}
