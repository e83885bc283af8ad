import { Option, type Command } from 'commander';
import type { Register } from '../../command.js';
import { DEVICES } from '../../../export/runtime.js';
import { addTrustFlag } from '../../engine/trust-flag.js';
import {
  pixelSize,
  portNumber,
  positiveNumber,
  snapshotChoice,
  threadCount,
  wholeNumber,
} from '../../values.js';
import { refuseIdle } from '../../idle-options.js';
import { addOverwriteFlag } from '../../output/flags.js';
import type { LiveFlags } from './run.js';

/** What serves, and does nothing to a folder that any host may serve. */
function refuseServing(flags: LiveFlags): void {
  const why = 'with --export: nothing is served';
  for (const name of ['port', 'host', 'seed', 'device', 'threads', 'folder'] as const) {
    refuseIdle({ option: `--${name}`, given: flags[name], why });
  }
  refuseIdle({ option: '--no-open', given: !flags.open, why });
}

/**
 * Begins to read the program that plays beside the one that serves: one after the other they would take a third longer
 * until the first frame. What cannot be read is told by whoever needs it.
 */
function readAhead(): void {
  const read = [import('../../../serve/live-parts.js'), import('../../../serve/clips.js')];
  for (const one of read) one.catch(() => undefined);
}

/** `frameloom live` */
export const registerLive: Register = (program, run) => {
  const command = program
    .command('live')
    .description('open a page to play with what a run has learned: draw, and the world answers')
    .argument('<run>', 'folder of the run, also while it is trained, or an exported .onnx file')
    .option('--port <number>', 'where to listen; a free port unless given', portNumber)
    .option(
      '--host <address>',
      'listen at another address than 127.0.0.1, for other machines; 0.0.0.0 for all',
    )
    .option('--no-open', 'say the page’s address, and do not open it')
    .option('--snapshot <which>', 'latest, best or a step', snapshotChoice)
    .option(
      '--fps <rate>',
      'frames a second to begin with; the clip’s unless given',
      positiveNumber,
    )
    .option(
      '--size <WxH>',
      'size of the frames to begin with; the training’s unless given',
      pixelSize,
    )
    .option('--seed <number>', 'another seed of the noise', wholeNumber)
    .addOption(
      new Option('--device <name>', 'where frames are made; cpu unless given').choices([
        ...DEVICES,
      ]),
    )
    .option('--threads <count>', 'threads of the processor', threadCount)
    .option(
      '--folder <path>',
      'where drawings and recordings are kept; live in the run’s folder unless given',
    )
    .option(
      '--export <folder>',
      'write the page into a folder for any host instead, where the browser makes the frames',
    );
  addOverwriteFlag(addTrustFlag(command))
    .option('--json', 'print the address and what is served as a line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom live runs/00001-edges-to-video
  $ frameloom live runs/00001-edges-to-video --size 512x288 --fps 30
  $ frameloom live generator.onnx --no-open --port 7860
  $ frameloom live runs/00001-edges-to-video --export street-page`,
    )
    .action((place: string, flags: LiveFlags, self: Command) =>
      run(async (context) => {
        const { export: output } = flags;
        if (output !== undefined) {
          refuseServing(flags);
          const { exportPage } = await import('./export.js');
          return exportPage(place, { ...flags, export: output }, context);
        }
        refuseIdle({
          ...{ option: '--overwrite', given: flags.overwrite },
          why: 'without --export: nothing is written over',
        });
        readAhead();
        const { withEarlyStart } = await import('../../engine/early.js');
        return withEarlyStart(place, { engine: 'onnx' }, async (thread) => {
          const { runLive } = await import('./run.js');
          return runLive(place, flags, context, thread);
        });
      }, self),
    );
};
