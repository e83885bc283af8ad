import type { Command } from 'commander';
import type { Register } from '../../command.js';
import { addOverwriteFlag } from '../../output/flags.js';
import { frameRate, pixelSize, portNumber } from '../../values.js';
import type { RecordFlags } from './run.js';

/** `frameloom record` */
export const registerRecord: Register = (program, run) => {
  const command = program
    .command('record')
    .description('open a page that records a game: its picture, and the keys held at each frame')
    .argument('[pipeline]', 'what is recorded for: its columns are written', 'actions-to-video')
    .option('--game <place>', 'put a game into the page: its folder, its HTML file, or its address')
    .option(
      '-o, --output <place>',
      'a folder for numbered takes, or the .mp4 or .mkv file of one; recordings unless given',
    )
    .option(
      '--columns <names>',
      'what is pressed instead of the pipeline’s own: left,right,jump,steer=axis',
    )
    .option('--fps <rate>', 'frames a second of a take; 30 unless given', frameRate)
    .option(
      '--size <WxH>',
      'size of the frames, the edges cut off where the picture has another shape; the picture’s own up to 640x360 unless given',
      pixelSize,
    )
    .option('--port <number>', 'where to listen; a free port unless given', portNumber)
    .option('--no-open', 'say the page’s address, and do not open it');
  addOverwriteFlag(command)
    .option('--json', 'print the address and where takes go as a line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom record --game my-game --columns left,right,jump
  $ frameloom record --game http://localhost:5173/ -o plays
  $ frameloom record -o take.mkv --fps 60
  $ frameloom check recordings/pipeline.yaml
  $ frameloom train recordings/pipeline.yaml --max-minutes 30`,
    )
    .action((pipeline: string, flags: RecordFlags, self: Command) =>
      run(async (context) => {
        const { runRecord } = await import('./run.js');
        return runRecord(pipeline, flags, context);
      }, self),
    );
};
