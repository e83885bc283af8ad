import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FrameloomError } from '../base/error.js';
import type { Rational } from '../base/rational.js';
import { ffmpegSilent } from './ffmpeg-error.js';
import { environmentFor } from './ffmpeg-path.js';
import type { EncodeOptions, OutputFormatName, VideoCodec } from './types.js';

/** The codecs that a format holds, the usual one first. */
export const FORMAT_CODECS: Readonly<Partial<Record<OutputFormatName, readonly VideoCodec[]>>> = {
  mp4: ['h264', 'hevc', 'av1'],
  mpegts: ['h264', 'hevc'],
  webm: ['vp9', 'av1'],
  mov: ['prores', 'h264', 'hevc'],
  mkv: ['ffv1', 'h264', 'hevc', 'av1'],
};

interface CodecFacts {
  /** ffmpeg's encoders, the preferred first. */
  readonly encoders: readonly string[];
  /** The usual constant quality, and the worst that there is; absent where there is none. */
  readonly crf?: { readonly usual: number; readonly most: number };
  /** Takes x264's names of speeds. */
  readonly presets?: boolean;
}

export const CODEC_FACTS: Readonly<Record<VideoCodec, CodecFacts>> = {
  h264: { encoders: ['libx264'], crf: { usual: 16, most: 51 }, presets: true },
  hevc: { encoders: ['libx265'], crf: { usual: 20, most: 51 }, presets: true },
  av1: { encoders: ['libsvtav1', 'libaom-av1'], crf: { usual: 30, most: 63 } },
  vp9: { encoders: ['libvpx-vp9'], crf: { usual: 30, most: 63 } },
  prores: { encoders: ['prores_ks'] },
  ffv1: { encoders: ['ffv1'] },
};

const CODEC_NAMES = Object.keys(CODEC_FACTS) as VideoCodec[];

/**
 * The codec that a format is written with; null of one that is no codec's, such as GIF or pictures.
 * @throws FrameloomError bad-option for a codec that there is not, or that the format does not hold
 */
export function codecOf(format: OutputFormatName, named?: string): VideoCodec | null {
  const held = FORMAT_CODECS[format];
  if (named === undefined) return held?.[0] ?? null;
  const codec = CODEC_NAMES.find((name) => name === named);
  if (codec && held?.includes(codec)) return codec;
  const holders = (Object.keys(FORMAT_CODECS) as OutputFormatName[]).filter(
    (other) => codec && FORMAT_CODECS[other]?.includes(codec),
  );
  throw new FrameloomError(
    'bad-option',
    codec ? `${format} holds no ${codec}` : `"${named}" is no codec that can be written`,
    {
      hint: codec
        ? `write ${holders.join(', ')}${held ? `, or one of ${held.join(', ')}` : ''}`
        : `one of ${CODEC_NAMES.join(', ')}`,
    },
  );
}

/**
 * The constant quality to write with.
 * @throws FrameloomError bad-option where there is no such quality
 */
export function crfOf(codec: VideoCodec, asked: number | undefined): string {
  const { crf: facts } = CODEC_FACTS[codec];
  const crf = asked ?? facts?.usual ?? 0;
  if (!Number.isFinite(crf) || crf < 0 || crf > (facts?.most ?? 0)) {
    throw new FrameloomError('bad-option', `crf is ${crf}, not between 0 and ${facts?.most ?? 0}`);
  }
  return String(crf);
}

/** x264's own names, fastest first, which are x265's too. */
const PRESETS = [
  ...['ultrafast', 'superfast', 'veryfast', 'faster', 'fast'],
  ...['medium', 'slow', 'slower', 'veryslow', 'placebo'],
];

/**
 * The generator needs the processor too: `veryfast` takes a third of the time of x264's own
 * `medium`, and at CRF 16 looks as good as that at 18 in a file about a tenth larger.
 * @throws FrameloomError bad-option for another name
 */
export function presetOf(asked = 'veryfast'): string {
  if (PRESETS.includes(asked)) return asked;
  throw new FrameloomError('bad-option', `"${asked}" is not a preset of x264 and x265`, {
    hint: `one of ${PRESETS.join(', ')}`,
  });
}

const run = promisify(execFile);
const known = new Map<string, Promise<ReadonlySet<string>>>();

async function ask(ffmpegPath: string): Promise<ReadonlySet<string>> {
  const { stdout } = await run(ffmpegPath, ['-hide_banner', '-v', 'error', '-encoders'], {
    env: environmentFor(ffmpegPath),
    windowsHide: true,
  }).catch((cause: unknown) => {
    throw ffmpegSilent(ffmpegPath, cause);
  });
  return new Set([...stdout.matchAll(/^ V\S{5} (\S+)/gm)].map(([, name]) => name!));
}

/** SVT-AV1 makes no smaller pictures. */
const SVT_LEAST = 64;

/**
 * Which of its encoders an ffmpeg writes a codec with; it is asked once.
 * @param place what decides it: old versions know the quality of some encoders by another name
 * @throws FrameloomError bad-option where it has none; ffmpeg-failed where it does not answer
 */
export async function chooseEncoder(
  codec: VideoCodec,
  programs: { readonly ffmpegPath: string; readonly fpsMode: boolean },
  size?: { readonly width: number; readonly height: number },
): Promise<string> {
  const { encoders } = CODEC_FACTS[codec];
  const { ffmpegPath, fpsMode } = programs;
  const asked = known.get(ffmpegPath) ?? ask(ffmpegPath);
  known.set(ffmpegPath, asked);
  // A failure is not remembered: the user may mend it while we run.
  asked.catch(() => known.delete(ffmpegPath));
  const there = await asked;
  const isSmall = size !== undefined && Math.min(size.width, size.height) < SVT_LEAST;
  const usable = encoders.filter(
    (name) => there.has(name) && !(name === 'libsvtav1' && (isSmall || !fpsMode)),
  );
  if (usable[0] !== undefined) return usable[0];
  throw new FrameloomError('bad-option', `this ffmpeg cannot write ${codec}`, {
    hint: `it needs ${encoders.join(' or ')}, which ffmpeg -encoders does not name (${ffmpegPath})`,
  });
}

export interface EncoderSettings {
  readonly encoder: string;
  readonly fps: Rational;
  /** ffmpeg is older than 5.1. */
  readonly oldEncoder: boolean;
  /** Frames are to be coded in the order in which they are shown. */
  readonly inOrder: boolean;
  /** The container is MP4 or QuickTime, whose players know HEVC by one tag of two. */
  readonly isMp4: boolean;
}

/** ffmpeg's arguments for a codec that many formats hold. @throws FrameloomError bad-option */
export function codecArguments(
  codec: VideoCodec,
  options: Pick<EncodeOptions, 'crf' | 'preset' | 'threads'>,
  { encoder, fps, oldEncoder, inOrder, isMp4 }: EncoderSettings,
): string[] {
  const crf = crfOf(codec, options.crf);
  const named = ['-c:v', encoder];
  // Ticks would be taken for the rate, and what frames out of order reach beyond is cut off.
  const plainOrder = oldEncoder || inOrder ? ['-bf', '0'] : [];
  switch (codec) {
    case 'h264':
      return [
        ...[...named, '-preset', presetOf(options.preset), '-crf', crf],
        ...(oldEncoder ? ['-x264-params', `fps=${fps.num}/${fps.den}`] : []),
        ...plainOrder,
      ];
    case 'hevc': {
      const { threads } = options;
      const own = [
        'log-level=error',
        ...(oldEncoder ? [`fps=${fps.num}/${fps.den}`] : []),
        ...(oldEncoder || inOrder ? ['bframes=0'] : []),
        ...(threads === undefined ? [] : [`pools=${threads}`]),
      ];
      return [
        ...[...named, '-preset', presetOf(options.preset), '-crf', crf],
        ...['-x265-params', own.join(':')],
        ...(isMp4 ? ['-tag:v', 'hvc1'] : []),
      ];
    }
    case 'av1':
      return encoder === 'libsvtav1'
        ? [...named, '-preset', '8', '-crf', crf]
        : [
            ...[...named, '-crf', crf, '-b:v', '0', '-cpu-used', '8', '-row-mt', '1'],
            // In old versions it counts as experimental.
            ...['-strict', 'experimental'],
          ];
    default:
      throw new RangeError(`${codec} has arguments of its own`);
  }
}
