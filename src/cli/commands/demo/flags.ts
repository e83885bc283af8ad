import type { Command } from 'commander';
import type { Register } from '../../command.js';
import { TRAIN_MINUTES } from '../../defaults.js';
import { addBackendFlag } from '../../engine/backend-flag.js';
import type { DemoFlags } from './run.js';
import { positiveNumber } from '../../values.js';

/** `frameloom demo` */
export const registerDemo: Register = (program, run) => {
  const command = program
    .command('demo')
    .description('train on the sample that comes along and leave a video, a picture and a report')
    .option(
      '--max-minutes <minutes>',
      `minutes of training; ${TRAIN_MINUTES} unless given`,
      positiveNumber,
    );
  addBackendFlag(command)
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom demo
  $ frameloom demo --max-minutes 8`,
    )
    .action((flags: DemoFlags, self: Command) =>
      run(async (context) => {
        const { showDemo } = await import('./run.js');
        return showDemo(context, flags);
      }, self),
    );
};
