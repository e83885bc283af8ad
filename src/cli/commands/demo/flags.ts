import type { Command } from 'commander';
import type { Register } from '../../command.js';
import { PLAY_MINUTES, TRAIN_MINUTES } from '../../defaults.js';
import { addBackendFlag } from '../../engine/backend-flag.js';
import type { DemoFlags } from './training.js';
import { positiveNumber } from '../../values.js';

/** `frameloom demo` */
export const registerDemo: Register = (program, run) => {
  const command = program
    .command('demo')
    .description('train on the sample that comes along and leave a video, a picture and a report')
    .option(
      '--max-minutes <minutes>',
      `minutes of training; ${TRAIN_MINUTES} unless given, ${PLAY_MINUTES} with --play`,
      positiveNumber,
    )
    .option(
      '--play',
      'a little game instead of the street: key presses in, a world to play in out',
    );
  addBackendFlag(command)
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom demo
  $ frameloom demo --max-minutes 8
  $ frameloom demo --play`,
    )
    .action((flags: DemoFlags, self: Command) =>
      run(async (context) => {
        if (flags.play) {
          const { showPlayDemo } = await import('./play.js');
          return showPlayDemo(context, flags);
        }
        const { showDemo } = await import('./run.js');
        return showDemo(context, flags);
      }, self),
    );
};
