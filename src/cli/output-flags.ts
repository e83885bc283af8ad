import type { Command } from 'commander';
import { pixelFormatName } from './values.js';

export interface OutputFlags {
  output: string;
  format?: string;
  outputPixFmt?: string;
}

/** --format and --output-pix-fmt, the same for everything that writes video. */
export const addOutputFlags = (command: Command): Command =>
  command
    .option(
      '--format <name>',
      'y4m, rawvideo, nut, mpegts, matroska, mp4 …; by the extension unless given, y4m on a pipe',
    )
    .option('--output-pix-fmt <format>', 'pixel format to write, as yuv420p', pixelFormatName);
