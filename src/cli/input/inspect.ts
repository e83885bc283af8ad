import { cacheFolder } from '../../base/cache-folder.js';
import {
  actionColumns,
  estimateOffset,
  openDataset,
  type ActionOffset,
} from '../../clips/index.js';
import { counted } from '../../base/units.js';
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
  /** How far the picture comes after what was done; null where that cannot be told, left out without actions. */
  readonly actionOffset?: ActionOffset | null;
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
    const model = createModel(pipeline, dataset.conditionChannels, actionColumns(dataset.layout));
    return {
      pipeline: pipeline.name,
      data: dataset.report,
      ...(dataset.layout.actions && {
        actionOffset: await estimateOffset(dataset, context.signal),
      }),
      networks: networkCosts(model, dataset),
    };
  } finally {
    await dataset.close();
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** How the picture answers what is done, in a line. */
function offsetLine(offset: ActionOffset | null): string {
  if (offset === null) {
    return '\noffset      not to be told: nothing that moves in the picture goes with what is done\n';
  }
  const { frames, explained } = offset;
  const when =
    frames === 0
      ? 'with what is done'
      : `${counted(Math.abs(frames), 'frame')} ${frames > 0 ? 'after' : 'before'} what is done`;
  return `\noffset      the picture changes ${when} (${percent(explained)} of how it starts and stops to move)\n`;
}

/** An offset that is to be set. */
function offsetWarnings({ actionOffset, data }: Inspection): string[] {
  if (!actionOffset || actionOffset.frames === 0) return [];
  const { frames, explained, explainedNow } = actionOffset;
  const now = data.actionOffsetFrames ?? 0;
  return [
    `the picture seems to answer actions ${counted(Math.abs(frames), 'frame')} ${frames > 0 ? 'later' : 'earlier'} than their file says: data.actions.offsetFrames: ${now + frames} explains ${percent(explained)} of its changes, ${now} explains ${percent(explainedNow)}`,
  ];
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
  const { actionOffset } = inspection;
  if (actionOffset !== undefined) terminal.out(offsetLine(actionOffset));
  const warnings = [...datasetWarnings(inspection.data), ...offsetWarnings(inspection)];
  for (const warning of warnings) log.warn(warning);
  terminal.out(
    `\n${inspection.pipeline} can be trained${warnings.length > 0 ? '; see the warnings' : ''}.\n`,
  );
  return EXIT.ok;
}
