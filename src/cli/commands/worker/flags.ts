import { Option } from 'commander';
import { collect, type Register } from '../../command.js';
import { addTrustFlag } from '../../engine/trust-flag.js';
import { DEVICES } from '../../../export/runtime.js';
import { countingNumber, lengthSeconds, threadCount } from '../../values.js';
import { addQueueFlag } from '../generate/queue-flags.js';
import type { WorkerFlags } from './run.js';

/** `frameloom worker` */
export const registerWorker: Register = (program, run) => {
  const command = addQueueFlag(
    program
      .command('worker')
      .description('take videos from a queue that frameloom generate --queue fills, and make them'),
    'where the jobs are',
  );
  addTrustFlag(
    command
      .option('--concurrency <count>', 'videos made at once; 1 unless given', countingNumber)
      .option('--root <folder>', 'let jobs name only what lies in it; may be repeated', collect)
      .option(
        '--stall-after <time>',
        'a worker without a sign of life for so long loses its job to another; 30 s unless given',
        lengthSeconds,
      )
      .option('--until-empty', 'end when nothing is queued any more')
      .addOption(
        new Option('--device <name>', 'where onnx runs the model; cpu unless given').choices([
          ...DEVICES,
        ]),
      )
      .option('--threads <n>', 'processor threads of a video; all unless given', threadCount),
  )
    .addHelpText(
      'after',
      `
Ctrl-C and SIGTERM hand back what is at work, which another worker makes.

Examples:
  $ frameloom worker --queue redis://queue.local:6379
  $ frameloom worker --queue redis://queue.local:6379 --concurrency 2 --root /srv/films`,
    )
    .action((flags: WorkerFlags) =>
      run(async (context) => {
        const { work } = await import('./run.js');
        return work(flags, context);
      }, command),
    );
};
