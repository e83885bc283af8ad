import type { Command } from 'commander';
import type { Register } from '../../command.js';
import type { EvaluateFlags } from './run.js';
import { refuseIdle } from '../../idle-options.js';
import { refuseExported } from '../../taken-word.js';
import { EXIT } from '../../terminal/exit-code.js';
import { addOverwriteFlag } from '../../output/flags.js';
import { addBackendFlag } from '../../engine/backend-flag.js';
import { addTrustFlag } from '../../engine/trust-flag.js';
import { countingNumber, snapshotChoice } from '../../values.js';

/** Enough for measures that no more clips would change much, and made in minutes. */
const MOST_FRAMES = 2000;

/** `frameloom evaluate` */
export const registerEvaluate: Register = (program, run) => {
  const command = program
    .command('evaluate')
    .description('measure a run on frames held out of training, in closed loop, with baselines')
    .argument('<run>', 'folder of the run')
    .option('-i, --input <video>', 'another video instead of what was held out')
    .option('--snapshot <which>', 'latest, best or a step', snapshotChoice)
    .option(
      '--max-frames <count>',
      `frames scored of all clips together at most; ${MOST_FRAMES} unless given`,
      countingNumber,
    )
    .option('--strip <png>', 'where the picture goes; evaluation.png in the run unless given')
    .option('--video <file>', 'a video of all scored frames: condition | generated | real');
  addBackendFlag(addTrustFlag(addOverwriteFlag(command)))
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom evaluate runs/00001-edges-to-video
  $ frameloom evaluate runs/00001-edges-to-video -i other.mp4 --json`,
    )
    .action((folder: string, flags: EvaluateFlags, self: Command) =>
      run(async (context) => {
        refuseExported(folder, 'is evaluated');
        refuseIdle({
          ...{ option: '--overwrite', given: flags.overwrite },
          why:
            flags.strip === undefined &&
            flags.video === undefined &&
            'without --strip or --video: the run’s own picture is always made anew',
        });
        const { evaluateRun, formatBehaviour, formatEvaluation } = await import('./run.js');
        const { rows, segments, frames, framesThere, behaviour, step, stripPath } =
          await evaluateRun(
            folder,
            { ...flags, maxFrames: flags.maxFrames ?? MOST_FRAMES },
            context,
          );
        const { terminal } = context;
        if (flags.json) {
          terminal.out(
            `${JSON.stringify({ step, segments, frames, framesThere, rows, behaviour, strip: stripPath, video: flags.video ?? null })}\n`,
          );
          return EXIT.ok;
        }
        const some =
          frames < framesThere
            ? ` (of ${framesThere}, spread over all clips; more with --max-frames)`
            : '';
        terminal.out(
          `step ${step}, ${frames} held-out frames in ${segments} ${segments === 1 ? 'segment' : 'segments'}, closed loop${some}\n`,
        );
        terminal.out(`${formatEvaluation({ rows })}\n`);
        if (behaviour) terminal.out(`${formatBehaviour(behaviour)}\n`);
        if (stripPath !== null) terminal.out(`condition | generated | real: ${stripPath}\n`);
        if (flags.video !== undefined) terminal.out(`the same as a video: ${flags.video}\n`);
        return EXIT.ok;
      }, self),
    );
};
