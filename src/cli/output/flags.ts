import type { Command } from 'commander';
import { crfNumber, pixelFormatName, qualityNumber, threadCount } from '../values.js';

export interface OutputFlags {
  output: string;
  format?: string;
  outputPixFmt?: string;
  codec?: string;
  crf?: number;
  quality?: number;
  threads?: number;
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
    .option(
      '--codec <name>',
      'h264, hevc, av1 … instead of the usual: mp4 and ts h264, webm vp9, mov prores, mkv ffv1',
    )
    .option(
      '--crf <n>',
      'quality of h264 (0-51, 16 unless given), hevc (0-51, 20), av1 and vp9 (0-63, 30)',
      crfNumber,
    )
    .option(
      '--x264-preset <name>',
      'speed of h264 and hevc: ultrafast … veryslow; veryfast unless given',
    )
    .option(
      '--quality <n>',
      'of jpg (95 unless given) and webp (90; 100 is without loss)',
      qualityNumber,
    )
    .option(
      '--threads <n>',
      'processor threads of the generator, and of what decodes and encodes beside it; all unless given',
      threadCount,
    );
