import type { Command } from 'commander';
import type { Register } from '../../command.js';
import { EXIT } from '../../terminal/exit-code.js';

/** `frameloom info` */
export const registerInfo: Register = (program, run) => {
  program
    .command('info')
    .description('say what a video, a run or an exported .onnx file is, as Frameloom sees it')
    .argument('<place>', 'video, pictures, folder of a run, or .onnx file')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom info holiday.mp4
  $ frameloom info runs/00001-edges-to-video
  $ frameloom info generator.onnx --json`,
    )
    .action((place: string, flags: { json?: boolean }, self: Command) =>
      run(async (context) => {
        const { inform } = await import('./run.js');
        const { facts, text } = await inform(place, context);
        context.terminal.out(flags.json ? `${JSON.stringify(facts, null, 2)}\n` : text);
        return EXIT.ok;
      }, self),
    );
};
