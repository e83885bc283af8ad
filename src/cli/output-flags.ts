import type { Command } from 'commander';
import { pixelFormatName, wholeNumber } from './values.js';

export interface OutputFlags {
  output: string;
  format?: string;
  outputPixFmt?: string;
  crf?: number;
  x264Preset?: string;
}

/** --format and what goes with it, the same for everything that writes video. */
export const addOutputFlags = (command: Command): Command =>
  command
    .option(
      '--format <name>',
      'y4m, rawvideo, nut, mpegts, matroska, mp4 …; by the extension unless given, y4m on a pipe',
    )
    .option('--output-pix-fmt <format>', 'pixel format to write, as yuv420p', pixelFormatName)
    .option('--crf <n>', 'quality of H.264 (0-51, 16 unless given) or VP9 (0-63, 30)', wholeNumber)
    .option('--x264-preset <name>', 'ultrafast … veryslow; veryfast unless given');
