import { statSync } from 'node:fs';
import { join } from 'node:path';
import { FrameloomError, isFrameloomError } from '../../base/error.js';
import type { Rational } from '../../base/rational.js';
import { counted } from '../../base/units.js';
import type { OutputChoice } from '../../synthesis/index.js';
import {
  CODEC_FACTS,
  codecOf,
  crfOf,
  formatOf,
  isSegmentable,
  OUTPUT_FORMAT_NAMES,
  presetOf,
  type EncodeResult,
  type OutputFormatName,
  type RawInput,
  type VideoCodec,
} from '../../video/index.js';
import type { Context } from '../terminal/context.js';
import { EXIT } from '../terminal/exit-code.js';
import type { OutputFlags } from './flags.js';

/** Formats for a pipe that has to be told them; y4m is understood by most that read one. */
const PIPE_FORMAT = 'y4m';

/**
 * What the flags say of the output.
 * @throws FrameloomError bad-option for an unknown format, a folder or a terminal in place of a file,
 *   or a flag that would change nothing
 */
export function outputChoice(flags: OutputFlags & CarryFlags): OutputChoice {
  if (flags.output === '') {
    throw new FrameloomError('bad-option', '-o is empty', {
      hint: 'an empty variable of the shell, perhaps: name a file',
    });
  }
  const toPipe = flags.output === '-';
  if (toPipe && process.stdout.isTTY) {
    throw new FrameloomError('bad-option', 'frames cannot be written to a terminal', {
      hint: 'pipe them into another program, or name a file',
    });
  }
  refuseFolder(flags.output);
  const named = flags.format ?? (toPipe ? PIPE_FORMAT : undefined);
  const format = formatOf(flags.output, named);
  refuseUnused(format, flags);
  return {
    ...(named !== undefined && { format: formatOf(undefined, named) }),
    ...(flags.outputPixFmt !== undefined && { outputPixelFormat: flags.outputPixFmt }),
    ...(flags.codec !== undefined && { codec: codecOf(format, flags.codec)! }),
    ...(flags.crf !== undefined && { crf: flags.crf }),
    ...(flags.quality !== undefined && { quality: flags.quality }),
    ...(flags.threads !== undefined && { threads: flags.threads }),
    ...(flags.overwrite && { overwrite: true }),
    ...(flags.x264Preset !== undefined && { preset: flags.x264Preset }),
  };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Whatever else is wrong with it is told where it is looked at as a file.
    return false;
  }
}

function refuseFolder(output: string): void {
  if (!isFolder(output) && !/[\\/]$/.test(output)) return;
  throw new FrameloomError('bad-option', `${output} is a folder`, {
    path: output,
    hint: `name a file in it, such as ${join(output, '{name}.mp4')} or ${join(output, '%05d.png')}`,
  });
}

const WITH_QUALITY: readonly OutputFormatName[] = ['jpg', 'webp'];
const WITH_SOUND: readonly OutputFormatName[] = ['mp4', 'mpegts', 'webm', 'mov', 'mkv', 'nut'];
const WITH_MORE: readonly OutputFormatName[] = ['mp4', 'mov', 'mkv', 'webm'];

/** What of the input is carried along beside its pictures. */
export interface CarryFlags {
  audio?: boolean;
  subtitles?: boolean;
  chapters?: boolean;
  metadata?: boolean;
  segmentFrames?: number;
}

/** What is said of a codec's quality and speed has to be of the one that is written, and possible. */
function refuseOfCodec(format: OutputFormatName, flags: OutputFlags): void {
  const codec = codecOf(format, flags.codec);
  const facts = codec === null ? undefined : CODEC_FACTS[codec];
  const refuse = (flag: string, can: (name: VideoCodec) => boolean): never => {
    const codecs = (Object.keys(CODEC_FACTS) as VideoCodec[]).filter(can);
    const what = codec === null || flags.codec === undefined ? format : `${codec} in ${format}`;
    throw new FrameloomError('bad-option', `${flag} does nothing for ${what}`, {
      hint: `leave it out, or write ${codecs.join(', ')}`,
    });
  };
  if (flags.crf !== undefined) {
    if (!codec || !facts?.crf) refuse('--crf', (name) => CODEC_FACTS[name].crf !== undefined);
    else crfOf(codec, flags.crf);
  }
  if (flags.x264Preset !== undefined) {
    if (!facts?.presets) refuse('--x264-preset', (name) => CODEC_FACTS[name].presets === true);
    presetOf(flags.x264Preset);
  }
}

/** A flag that did nothing is a defect to whoever gave it. */
function refuseUnused(format: OutputFormatName, flags: OutputFlags & CarryFlags): void {
  const refuse = (flag: string, formats: readonly OutputFormatName[]): never => {
    throw new FrameloomError('bad-option', `${flag} does nothing for ${format}`, {
      hint: `leave it out, or write ${formats.join(', ')}`,
    });
  };
  refuseOfCodec(format, flags);
  if (flags.quality !== undefined && !WITH_QUALITY.includes(format)) {
    refuse('--quality', WITH_QUALITY);
  }
  if (flags.audio && !WITH_SOUND.includes(format)) refuse('--audio', WITH_SOUND);
  for (const name of ['subtitles', 'chapters', 'metadata'] as const) {
    if (flags[name] && !WITH_MORE.includes(format)) refuse(`--${name}`, WITH_MORE);
  }
  const inSegments = OUTPUT_FORMAT_NAMES.filter(isSegmentable);
  if (flags.segmentFrames !== undefined && !(inSegments.includes(format) && flags.output !== '-')) {
    refuse('--segment-frames', inSegments);
  }
  if (flags.outputPixFmt !== undefined && format === 'gif') {
    refuse(
      '--output-pix-fmt',
      OUTPUT_FORMAT_NAMES.filter((name) => name !== 'gif'),
    );
  }
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
      {
        hint: 'such as --pix-fmt rgb24 --size 640x360 --fps 25; of the frames that are made --output-size says the size',
      },
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
  const words = `${flags.output}: ${counted(result.frames, 'frame')}, ${result.durationSeconds.toFixed(2)} s`;
  if (flags.json) say(`${JSON.stringify(result)}\n`);
  else if (toPipe) log.info(words);
  else say(`${words}\n`);
  return EXIT.ok;
}
