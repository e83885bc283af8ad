import type { Command } from 'commander';
import { formatBytes } from '../../../base/units.js';
import type { Register } from '../../command.js';
import { refuseIdle } from '../../idle-options.js';
import { refuseExported } from '../../taken-word.js';
import { EXIT } from '../../terminal/exit-code.js';
import type { ExportFlags } from './run.js';
import { addOverwriteFlag } from '../../output/flags.js';
import { snapshotChoice } from '../../values.js';

/** `frameloom export` */
export const registerExport: Register = (program, run) => {
  const command = program
    .command('export')
    .description('write a run’s generator as one ONNX file that runs without Frameloom')
    .argument('<run>', 'folder of the run')
    .option('-o, --output <file>', 'what to write; exports/generator.onnx in the run unless given')
    .option('--fp16', 'weights of half precision: half the size, nearly the same frames')
    .option('--snapshot <which>', 'latest, best or a step', snapshotChoice);
  addOverwriteFlag(command)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The file is run by ONNX Runtime first and must make the frames that the training makes.

Examples:
  $ frameloom export runs/00001-edges-to-video
  $ frameloom export runs/00001-edges-to-video -o generator.onnx --fp16`,
    )
    .action((folder: string, flags: ExportFlags, self: Command) =>
      run(async (context) => {
        refuseExported(folder, 'is exported');
        refuseIdle({
          ...{ option: '--overwrite', given: flags.overwrite },
          why: flags.output === undefined && 'without -o: the run’s own export is always made anew',
        });
        const { exportRun } = await import('./run.js');
        const result = await exportRun(folder, flags, context);
        const { terminal } = context;
        if (flags.json) terminal.out(`${JSON.stringify(result)}\n`);
        else {
          const { maxDifference, frames } = result.comparison;
          terminal.out(
            `${result.path}: ${formatBytes(result.bytes)}, step ${result.step}, at most ${maxDifference.toExponential(1)} from TensorFlow.js over ${frames} frames\n`,
          );
        }
        return EXIT.ok;
      }, self),
    );
};
