import type { Command } from 'commander';
import type { BrokenClip } from '../../../clips/broken.js';
import { collect, type Register } from '../../command.js';
import { takePipeline } from '../../taken-word.js';
import { addSkipFlag, printBroken, settingsOf, type SkipFlags } from '../../input/skip-broken.js';
import { addTrustFlag, type TrustFlags } from '../../engine/trust-flag.js';

interface Flags extends TrustFlags, SkipFlags {
  clip?: string[];
  keyframes?: string;
  json?: boolean;
}

/** `frameloom check` */
export const registerCheck: Register = (program, run) => {
  const command = program
    .command('check')
    .description('open every clip and condition of a pipeline and say what there is to train on')
    .argument('[pipeline]', 'file of the pipeline, or the name of one that comes along')
    .option('--clip <path...>', 'clips instead of the pipeline’s own')
    .option('--keyframes <folder>', 'painted frames of the clip, instead of the pipeline’s own')
    .option('--set <key=value>', 'change a key of the pipeline; may be repeated', collect);
  addTrustFlag(addSkipFlag(command))
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom check edges-to-video --clip holiday.mp4
  $ frameloom check mine.yaml --set data.size=256x144 --json
  $ frameloom check mine.yaml --skip-broken`,
    )
    .action((path: string | undefined, flags: Flags, self: Command) =>
      run(async (context) => {
        const { loadPipeline } = await import('../../../pipeline/load.js');
        const { inspect, printInspection } = await import('../../input/inspect.js');
        const { trustsFilters, warnOfIdleTrust } = await import('../../engine/trusted-filters.js');
        const { word, values = [] } = takePipeline(path, flags.clip);
        const { pipeline } = await loadPipeline(word, {
          clips: values,
          keyframes: flags.keyframes,
          set: settingsOf(flags),
        });
        const trustFilters = trustsFilters(flags);
        warnOfIdleTrust(flags, pipeline.data.condition, context.log);
        let broken: readonly BrokenClip[] = [];
        const inspection = await inspect(pipeline, context, {
          trustFilters,
          onBroken: (found) => void (broken = found),
        }).catch((error: unknown) => {
          if (flags.json) printBroken(pipeline.name, broken, context);
          throw error;
        });
        return printInspection(inspection, context, flags);
      }, self),
    );
};
