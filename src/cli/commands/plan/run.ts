import { writeFileAtomic } from '../../../base/outputs.js';
import { FrameloomError } from '../../../base/error.js';
import { windowSize } from '../../../clips/options.js';
import { actionColumns } from '../../../clips/actions.js';
import { conditionLayout } from '../../../clips/condition-plan.js';
import { registerKernels } from '../../../kernels/index.js';
import { loadPipeline } from '../../../pipeline/load.js';
import { budgetBytes, planRollout, profileCosts } from '../../../planning/index.js';
import { measuredStep } from '../../../training/measure-step.js';
import { createModel } from '../../../training/model.js';
import { chooseBackend, type BackendFlags } from '../../engine/backend-flag.js';
import type { TrustFlags } from '../../engine/trust-flag.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { memoryPlot } from '../../report/memory-plot.js';
import { formatMemoryReport, memoryReport } from '../../report/memory-report.js';
import { checkFileOutput } from '../../output/check.js';

export interface PlanFlags extends BackendFlags, TrustFlags {
  minutes?: number;
  clip?: string[];
  budget?: number | 'auto';
  set?: string[];
  json?: boolean;
  plot?: string;
  overwrite?: boolean;
}

/** Predicts and prints. @returns the exit code */
export async function plan(path: string, flags: PlanFlags, context: Context): Promise<number> {
  const { log, terminal } = context;
  if (flags.plot !== undefined && !flags.plot.toLowerCase().endsWith('.svg')) {
    throw new FrameloomError('bad-option', `--plot ${flags.plot} is not the name of an SVG file`, {
      hint: 'call it plan.svg; browsers and most programs open it',
    });
  }
  const { plot, overwrite = false } = flags;
  if (plot !== undefined) await checkFileOutput(plot, { overwrite, reads: [path] });
  const { pipeline, baseFolder } = await loadPipeline(path, { set: flags.set ?? [] });
  const { training, data, name } = pipeline;
  const layout = await conditionLayout(data, baseFolder);
  await chooseBackend(flags, context, { native: true });
  registerKernels();
  const model = createModel(pipeline, layout.channels, actionColumns(layout));
  const costsOf = profileCosts(measuredStep(model, pipeline));
  const bytes = budgetBytes(flags.budget ?? training.memoryBudget);
  const { frames, batch, growing } = training;
  const report = memoryReport({ name, data, batch, frames, growing }, bytes, (size) =>
    costsOf(size, batch),
  );
  if (flags.json) terminal.out(`${JSON.stringify(report, null, 2)}\n`);
  else terminal.out(formatMemoryReport(report));
  if (flags.plot !== undefined) {
    await writeFileAtomic(flags.plot, memoryPlot(report), { overwrite, log });
    log.info(`wrote ${flags.plot}`);
  }
  // Throws when the pipeline's own rollout does not fit; the tables say what would.
  planRollout(costsOf(windowSize(data), batch), frames, bytes);
  return EXIT.ok;
}
