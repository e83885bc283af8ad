import { Option, type Command } from 'commander';
import { formatBytes } from '../../../base/units.js';
import { EXPORT_TARGETS } from '../../../export/targets.js';
import type { Register } from '../../command.js';
import { refuseIdle } from '../../idle-options.js';
import { refuseExported } from '../../taken-word.js';
import { EXIT } from '../../terminal/exit-code.js';
import type { ExportFlags } from './run.js';
import { addOverwriteFlag } from '../../output/flags.js';
import { countingNumber, pixelSize, snapshotChoice } from '../../values.js';

/** `frameloom export` */
export const registerExport: Register = (program, run) => {
  const command = program
    .command('export')
    .description('write a run’s generator as one ONNX file that runs without Frameloom')
    .argument('<run>', 'folder of the run')
    .option('-o, --output <file>', 'what to write; exports/generator.onnx in the run unless given')
    .addOption(
      new Option('--target <runtime>', 'what is to run it: its ops, and nothing else').choices(
        EXPORT_TARGETS,
      ),
    )
    .option('--size <WxH>', 'the one size that it is for; open unless given', pixelSize)
    .option('--batch <n>', 'the one batch that it is for; open unless given', countingNumber)
    .addOption(
      new Option('--fp16', 'half precision: half the size, faster on graphics cards').conflicts(
        'fp16Weights',
      ),
    )
    .option('--fp16-weights', 'weights alone of half precision: half the size, no other device')
    .option('--snapshot <which>', 'latest, best or a step', snapshotChoice);
  addOverwriteFlag(command)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The file is run by ONNX Runtime first and must make the frames that the training makes. With --target,
--size or --batch and without -o it is called after them, beside the one that generate uses.

Examples:
  $ frameloom export runs/00001-edges-to-video
  $ frameloom export runs/00001-edges-to-video -o generator.onnx --fp16
  $ frameloom export runs/00001-edges-to-video --target unity --size 256x144`,
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
