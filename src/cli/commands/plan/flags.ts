import { InvalidArgumentError, type Command } from 'commander';
import { parseBytes } from '../../../base/units.js';
import { collect, type Register } from '../../command.js';
import { refuseIdle } from '../../idle-options.js';
import { addOverwriteFlag } from '../../output/flags.js';
import { addBackendFlag } from '../../engine/backend-flag.js';
import type { PlanFlags } from './run.js';

function budget(text: string): number | 'auto' {
  if (text === 'auto') return text;
  try {
    return parseBytes(text);
  } catch {
    throw new InvalidArgumentError('Write it as auto, 512MiB or 4GiB.');
  }
}

/** `frameloom plan` */
export const registerPlan: Register = (program, run) => {
  const command = program
    .command('plan')
    .description('predict what memory training a pipeline takes, and how it would fit a budget')
    .argument('<pipeline>', 'file of the pipeline, or the name of one that comes along')
    .option('--budget <size>', 'instead of the pipeline’s training.memoryBudget', budget)
    .option('--set <key=value>', 'change a key of the pipeline; may be repeated', collect)
    .option('--json', 'print it as JSON')
    .option('--plot <file>', 'draw it as an SVG file');
  addBackendFlag(addOverwriteFlag(command))
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom plan edges-to-video
  $ frameloom plan mine.yaml --budget 4GiB --set data.size=512x256 --set training.frames=16
  $ frameloom plan mine.yaml --budget 2GiB --plot plan.svg`,
    )
    .action((path: string, flags: PlanFlags, self: Command) =>
      run(async (context) => {
        const { overwrite: given, plot } = flags;
        refuseIdle({ option: '--overwrite', given, why: plot === undefined && 'without --plot' });
        const { plan } = await import('./run.js');
        return plan(path, flags, context);
      }, self),
    );
};
