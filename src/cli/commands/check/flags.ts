import type { Command } from 'commander';
import { collect, type Register } from '../../command.js';
import { isPipelineWord, takeBack } from '../../taken-word.js';
import { addTrustFlag, trustsFilters, type TrustFlags } from '../../engine/trust-flag.js';

interface Flags extends TrustFlags {
  clip?: string[];
  set?: string[];
  json?: boolean;
}

/** `frameloom check` */
export const registerCheck: Register = (program, run) => {
  const command = program
    .command('check')
    .description('open every clip and condition of a pipeline and say what there is to train on')
    .argument('[pipeline]', 'pipeline file')
    .option('--clip <path...>', 'clips instead of the pipeline’s own')
    .option('--set <key=value>', 'change a key of the pipeline; may be repeated', collect);
  addTrustFlag(command)
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom check pipelines/edges-to-video.yaml --clip holiday.mp4
  $ frameloom check mine.yaml --set data.size=256x144 --json`,
    )
    .action((path: string | undefined, flags: Flags, self: Command) =>
      run(async (context) => {
        const { loadPipeline } = await import('../../../pipeline/load.js');
        const { inspect, printInspection } = await import('../../input/inspect.js');
        const { word, values = [] } = takeBack({
          ...{ word: path, values: flags.clip },
          ...{ what: 'pipeline', flag: '--clip', isIt: isPipelineWord },
        });
        const { pipeline } = await loadPipeline(word, {
          clips: values,
          set: flags.set ?? [],
        });
        const trustFilters = trustsFilters(flags);
        const inspection = await inspect(pipeline, context, { trustFilters });
        return printInspection(inspection, context, flags);
      }, self),
    );
};
