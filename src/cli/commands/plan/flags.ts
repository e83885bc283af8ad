import { InvalidArgumentError, type Command } from 'commander';
import { parseBytes } from '../../../base/units.js';
import { collect, type Register } from '../../command.js';
import { refuseIdle } from '../../idle-options.js';
import { addOverwriteFlag } from '../../output/flags.js';
import { addBackendFlag } from '../../engine/backend-flag.js';
import { addTrustFlag } from '../../engine/trust-flag.js';
import { takePipeline } from '../../taken-word.js';
import { positiveNumber } from '../../values.js';
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
    .description(
      'predict what memory training a pipeline takes, or what some minutes of it will be',
    )
    .argument('[pipeline]', 'file of the pipeline, or the name of one that comes along')
    .option(
      '--minutes <minutes>',
      'measure what so long a training would be, and which preset and size fit',
      positiveNumber,
    )
    .option('--clip <path...>', 'with --minutes: clips instead of the pipeline’s own')
    .option('--budget <size>', 'instead of the pipeline’s training.memoryBudget', budget)
    .option('--set <key=value>', 'change a key of the pipeline; may be repeated', collect)
    .option('--json', 'print it as JSON')
    .option('--plot <file>', 'draw it as an SVG file');
  addBackendFlag(addTrustFlag(addOverwriteFlag(command)))
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom plan edges-to-video
  $ frameloom plan edges-to-video --minutes 8
  $ frameloom plan mine.yaml --budget 4GiB --set data.size=512x256 --set training.frames=16
  $ frameloom plan mine.yaml --budget 2GiB --plot plan.svg`,
    )
    .action((path: string | undefined, flags: PlanFlags, self: Command) =>
      run(async (context) => {
        const { overwrite: given, plot, clip, trustFilters, minutes } = flags;
        const without = minutes === undefined && 'without --minutes';
        refuseIdle(
          { option: '--overwrite', given, why: plot === undefined && 'without --plot' },
          { option: '--clip', given: clip, why: without },
          { option: '--trust-filters', given: trustFilters, why: without },
          { option: '--plot', given: plot, why: minutes !== undefined && 'beside --minutes' },
        );
        const named = takePipeline(path, clip);
        if (minutes !== undefined) {
          const { planMinutes } = await import('./minutes.js');
          return planMinutes(named.word, { ...flags, minutes, clip: named.values }, context);
        }
        const { plan } = await import('./run.js');
        return plan(named.word, flags, context);
      }, self),
    );
};
