import { cacheFolder } from '../../base/cache-folder.js';
import { openDataset } from '../../clips/index.js';
import type { BrokenClip } from '../../clips/broken.js';
import type { DatasetReport } from '../../clips/types.js';
import type { Pipeline } from '../../pipeline/schema.js';
import { assertStridesFit, createModel } from '../../training/model.js';
import type { Context } from '../terminal/context.js';
import { createOpeningProgress } from '../report/opening-progress.js';
import { datasetWarnings, formatDatasetReport } from '../report/dataset-report.js';
import { EXIT } from '../terminal/exit-code.js';
import { formatNetworkCosts, networkCosts, type NetworkCost } from '../report/model-report.js';

/** What `check --json` prints. */
export interface Inspection {
  readonly pipeline: string;
  readonly data: DatasetReport;
  readonly networks: readonly NetworkCost[];
}

/**
 * Opens every clip and condition of a pipeline, and counts its networks; nothing is trained.
 * @param options whether the pipeline's filtergraph may be any
 * @throws FrameloomError as openDataset does
 */
export async function inspect(
  pipeline: Pipeline,
  context: Context,
  options: {
    readonly trustFilters: boolean;
    /** Told of all clips that cannot be used, also where an error says so then. */
    readonly onBroken?: (broken: readonly BrokenClip[]) => void;
  },
): Promise<Inspection> {
  const { generator, training } = pipeline;
  assertStridesFit(pipeline);
  const opening = createOpeningProgress(context);
  const dataset = await openDataset(pipeline.data, {
    seed: pipeline.seed,
    baseFolder: process.cwd(),
    historyFrames: generator.historyFrames,
    conditionFrames: generator.conditionFrames,
    windowFrames: training.frames,
    log: context.log,
    cacheFolder: cacheFolder(),
    signal: context.signal,
    findAllBroken: true,
    onProgress: (progress) => opening.update(progress),
    ...options,
  }).finally(() => opening.stop());
  try {
    const model = createModel(pipeline, dataset.conditionChannels);
    return {
      pipeline: pipeline.name,
      data: dataset.report,
      networks: networkCosts(model, dataset),
    };
  } finally {
    await dataset.close();
  }
}

/** Prints an inspection, for people or as JSON, and its warnings. */
export function printInspection(
  inspection: Inspection,
  { terminal, log }: Context,
  options: { json?: boolean },
): number {
  if (options.json) {
    terminal.out(`${JSON.stringify(inspection, null, 2)}\n`);
    return EXIT.ok;
  }
  terminal.out(`${formatDatasetReport(inspection.data)}\n`);
  terminal.out(formatNetworkCosts(inspection.networks));
  const warnings = datasetWarnings(inspection.data);
  for (const warning of warnings) log.warn(warning);
  terminal.out(
    `\n${inspection.pipeline} can be trained${warnings.length > 0 ? '; see the warnings' : ''}.\n`,
  );
  return EXIT.ok;
}
