import { FrameloomError, isFrameloomError } from '../base/error.js';
import type { Rational } from '../base/rational.js';
import type { OutputChoice } from '../synthesis/index.js';
import { formatOf, type EncodeResult, type RawInput } from '../video/index.js';
import type { Context } from './context.js';
import { EXIT } from './exit-code.js';
import type { OutputFlags } from './output-flags.js';

/** Formats for a pipe that has to be told them; y4m is understood by most that read one. */
const PIPE_FORMAT = 'y4m';

/**
 * What the flags say of the output.
 * @throws FrameloomError bad-option for an unknown format, or a terminal that would be written to
 */
export function outputChoice(flags: OutputFlags): OutputChoice {
  const toPipe = flags.output === '-';
  if (toPipe && process.stdout.isTTY) {
    throw new FrameloomError('bad-option', 'frames cannot be written to a terminal', {
      hint: 'pipe them into another program, or name a file',
    });
  }
  const named = flags.format ?? (toPipe ? PIPE_FORMAT : undefined);
  return {
    ...(named !== undefined && { format: formatOf(undefined, named) }),
    ...(flags.outputPixFmt !== undefined && { outputPixelFormat: flags.outputPixFmt }),
    ...(flags.crf !== undefined && { crf: flags.crf }),
    ...(flags.x264Preset !== undefined && { preset: flags.x264Preset }),
  };
}

export interface RawFlags {
  pixFmt?: string;
  size?: { width: number; height: number };
  fps?: Rational;
}

/**
 * How an input without a header is read; undefined where it has one.
 * @throws FrameloomError bad-option where --size or --fps is missing beside --pix-fmt
 */
export function rawInput({ pixFmt, size, fps }: RawFlags): RawInput | undefined {
  if (pixFmt === undefined && size === undefined) return undefined;
  if (size === undefined || fps === undefined) {
    throw new FrameloomError(
      'bad-option',
      `raw frames need ${size === undefined ? '--size' : '--fps'} too`,
      { hint: 'such as --pix-fmt rgb24 --size 640x360 --fps 25' },
    );
  }
  return { ...size, fps, pixelFormat: pixFmt ?? 'rgb24' };
}

/**
 * Writes a video and tells of it: on standard output, or, where that carries the frames, on standard
 * error. A reader that has seen enough and closes the pipe is a good end.
 * @returns the exit code
 */
export async function reportVideo(
  flags: OutputFlags & { json?: boolean },
  context: Context,
  make: () => Promise<EncodeResult>,
): Promise<number> {
  const { terminal, log } = context;
  const toPipe = flags.output === '-';
  let result: EncodeResult;
  try {
    result = await make();
  } catch (error) {
    if (!toPipe || !isFrameloomError(error, 'closed-pipe')) throw error;
    log.debug('the reader closed the pipe');
    return EXIT.ok;
  }
  const say = (text: string): void => (toPipe ? terminal.err(text) : terminal.out(text));
  const words = `${flags.output}: ${result.frames} frames, ${result.durationSeconds.toFixed(2)} s`;
  if (flags.json) say(`${JSON.stringify(result)}\n`);
  else if (toPipe) log.info(words);
  else say(`${words}\n`);
  return EXIT.ok;
}
