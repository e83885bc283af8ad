import { resolve } from 'node:path';
import ffmpeg from 'fluent-ffmpeg';
import type { FfmpegPrograms } from './ffmpeg-path.js';
import { INPUT_LIMITS } from './containers.js';

/**
 * A path as ffmpeg's file protocol takes it: names that begin with `-` or hold a `:` are not
 * mistaken for options or protocols.
 */
export const fileUrl = (path: string): string => `file:${resolve(path)}`;

export interface CommandInput {
  /** A `file:` URL, or `pipe:0` for standard input. */
  readonly url: string;
  readonly options?: readonly string[];
  /** Made by ffmpeg itself: no protocol is opened. */
  readonly lavfi?: boolean;
  /** Written by us in this run, in a format that nobody else's file is opened in. */
  readonly own?: boolean;
}

export interface CommandOutput {
  /** A `file:` URL, or `pipe:1` for standard output. */
  readonly url: string;
  readonly videoFilter?: string | undefined;
  readonly options: readonly string[];
}

/** Times behind a longer pause are not believed: a year, where ffmpeg's own choice is thirty hours. */
const LONGEST_PAUSE_SECONDS = 31_536_000;

/**
 * ffmpeg's arguments, by fluent-ffmpeg's command builder. Options go in by calls of several
 * arguments: given an array it splits any element with one space in it into two.
 */
export function ffmpegArguments(
  inputs: readonly CommandInput[],
  output: CommandOutput,
  options: { readonly progress?: boolean; readonly verbose?: boolean } = {},
): string[] {
  const command = ffmpeg();
  inputs.forEach((input, index) => {
    command.input(input.url);
    if (index === 0) {
      // `repeat+level`: one line each, so that they can be counted and told apart by severity.
      command.inputOptions(
        '-hide_banner',
        '-nostdin',
        '-nostats',
        '-loglevel',
        // Only so does it say how many packets it read and how many frames it made of them.
        options.verbose ? 'repeat+level+verbose' : 'repeat+level+warning',
      );
      command.inputOptions('-dts_error_threshold', String(LONGEST_PAUSE_SECONDS));
      if (options.progress) command.inputOptions('-progress', 'pipe:2');
    }
    // Media files are trusted least: nothing in one may make ffmpeg open another, or an address.
    const extra = [...(input.lavfi || input.own ? [] : INPUT_LIMITS), ...(input.options ?? [])];
    if (extra.length > 0) command.inputOptions(...pairSafe(extra));
  });
  command.output(output.url);
  if (output.videoFilter !== undefined && output.videoFilter !== '') {
    command.videoFilters(output.videoFilter);
  }
  command.outputOptions(...pairSafe(['-y', ...output.options]));
  return command._getArguments();
}

/** A call with a single argument would split it: two at least. */
function pairSafe(options: readonly string[]): [string, string, ...string[]] {
  const [first, second, ...rest] = options;
  if (first === undefined || second === undefined) {
    throw new RangeError('ffmpeg options come as flags with values');
  }
  return [first, second, ...rest];
}

/** Every frame goes out as it came, with its own time: none is repeated, none left out. */
export const passThrough = ({ fpsMode }: Pick<FfmpegPrograms, 'fpsMode'>): readonly string[] => [
  fpsMode ? '-fps_mode' : '-vsync',
  'passthrough',
];
