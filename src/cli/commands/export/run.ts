import { join } from 'node:path';
import { useBackend } from '../../../backend/index.js';
import { exportGenerator, type ExportResult } from '../../../export/index.js';
import { openModel } from '../../../pipeline/open-model.js';
import { runPaths } from '../../../training/run/run-folder.js';
import type { Context } from '../../terminal/context.js';
import { checkFileOutput, modelFiles } from '../../output/check.js';

export interface ExportFlags {
  output?: string;
  fp16?: boolean;
  snapshot?: 'latest' | 'best' | number;
  json?: boolean;
  overwrite?: boolean;
}

/** Writes a run's averaged generator as an ONNX file. */
export async function exportRun(
  folder: string,
  flags: ExportFlags,
  context: Context,
): Promise<ExportResult> {
  const { output, overwrite } = flags;
  const reads = (await modelFiles(folder)).filter((path) => !path.endsWith('.onnx'));
  if (output !== undefined) await checkFileOutput(output, { overwrite, reads });
  const model = await openModel(folder, {
    log: context.log,
    snapshot: flags.snapshot ?? 'latest',
  });
  await useBackend({ log: context.log });
  return exportGenerator(model, output ?? join(runPaths(folder).exports, 'generator.onnx'), {
    // The run's own export is made anew with its snapshots.
    overwrite: overwrite ?? output === undefined,
    halfWeights: flags.fp16 ?? false,
    log: context.log,
  });
}
