import type { Command } from 'commander';
import { crfNumber, pixelFormatName } from '../values.js';

export interface OutputFlags {
  output: string;
  format?: string;
  outputPixFmt?: string;
  crf?: number;
  x264Preset?: string;
  overwrite?: boolean;
}

/** -y, for everything that writes a file of the user's choice. */
export const addOverwriteFlag = (command: Command): Command =>
  command.option('-y, --overwrite', 'replace what is there; otherwise that is an error');

/** --format and what goes with it, the same for everything that writes video. */
export const addOutputFlags = (command: Command): Command =>
  addOverwriteFlag(command)
    .option(
      '--format <name>',
      'y4m, rawvideo, nut, mpegts, matroska, mp4 …; by the extension unless given, y4m on a pipe',
    )
    .option('--output-pix-fmt <format>', 'pixel format to write, as yuv420p', pixelFormatName)
    .option('--crf <n>', 'quality of H.264 (0-51, 16 unless given) or VP9 (0-63, 30)', crfNumber)
    .option('--x264-preset <name>', 'ultrafast … veryslow; veryfast unless given');
