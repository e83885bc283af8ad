import type { Command } from 'commander';
import type { Register } from '../../command.js';
import { addOverwriteFlag } from '../../output/flags.js';
import type { InitFlags } from './run.js';

/** `frameloom init` */
export const registerInit: Register = (program, run) => {
  const command = program
    .command('init')
    .description('write a pipeline of your own to begin with, every part of it explained')
    .argument('[name]', 'what it is called; its file is NAME.yaml', 'pipeline')
    .option('--from <pipeline>', 'the one that comes along to begin with', 'edges-to-video')
    .option('--clip <path...>', 'your clips; the sample that comes along unless given');
  addOverwriteFlag(command)
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom init
  $ frameloom init street --from labels-to-video
  $ frameloom init holiday --clip holiday.mp4`,
    )
    .action((name: string, flags: InitFlags, self: Command) =>
      run(async (context) => {
        const { initPipeline } = await import('./run.js');
        return initPipeline(name, flags, context);
      }, self),
    );
};
