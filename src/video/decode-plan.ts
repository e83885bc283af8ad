import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { rationalToNumber, type Rational } from '../base/rational.js';
import { isHighDynamicRange, isLimitedGrey, sourceColour, stretchGrey } from './colour.js';
import { type CommandInput, type CommandOutput, passThrough } from './command.js';
import { knowsEachFrame } from './containers.js';
import type { FfmpegPrograms } from './ffmpeg-path.js';
import { decodeFilterChain } from './filters.js';
import { frameNear } from './frame-near.js';
import { InputFeed } from './input.js';
import {
  isPixelFormat,
  isRgbLike,
  PIXEL_FORMATS,
  PIXEL_LAYOUTS,
  type PixelFormat,
} from './pixel-format.js';
import type { ProbedInput } from './probe.js';
import { isResampled, secondsToFrames, toRate, wholeFrames } from './rate.js';
import { sequenceFeed } from './sequence-feed.js';
import type { DecodeOptions, VideoInfo } from './types.js';

/** Everything that is settled before ffmpeg starts. */
export interface DecodePlan {
  readonly input: CommandInput;
  readonly output: Omit<CommandOutput, 'url'>;
  /** Bytes for ffmpeg's stdin. */
  readonly feed: InputFeed | undefined;
  readonly pixelFormat: PixelFormat;
  /** The source's frame that ffmpeg delivers first. */
  readonly firstFrame: number;
  /** After it, frames up to this one are left out by ffmpeg; 0 leaves out none. */
  readonly skipTo: number;
  /**
   * Seconds from the source's first frame to the first one that is delivered; where decoding begins
   * at the start that is nothing. Frames' times are counted from it.
   */
  readonly firstSeconds: number;
  /** A seek that has to be proved right by the time of the first frame, on the clock of ffmpeg's output. */
  readonly seek:
    { readonly expectedSeconds: number; readonly toleranceSeconds: number } | undefined;
}

/** What is asked for: of the source's frames, or of frames at another rate. */
export interface DecodeRange {
  /** The rate that was asked for; undefined delivers every frame of the source. */
  readonly resampleTo: Rational | undefined;
  /** Counted as delivered. */
  readonly startFrame: number;
  readonly frames: number | undefined;
}

/** Times go out as ticks of this, which divides the clocks of all usual containers. */
const OUTPUT_TICKS_A_SECOND = 90_000;
/** NUT has no times before zero; of some files the first frames lie there. */
export const OUTPUT_OFFSET_SECONDS = 600;
/** Reading so many frames from the start costs less than being wrong. */
const SEEK_FROM_FRAME = 30;

/** @throws FrameloomError bad-option */
export function decodeRange(info: VideoInfo, options: DecodeOptions): DecodeRange {
  const { startFrame, startSeconds, frames, durationSeconds, threads } = options;
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1)) {
    throw new FrameloomError('bad-option', `threads is ${threads}, not a number from 1`);
  }
  if (startFrame !== undefined && startSeconds !== undefined) {
    throw new FrameloomError('bad-option', 'give startFrame or startSeconds, not both');
  }
  if (frames !== undefined && durationSeconds !== undefined) {
    throw new FrameloomError('bad-option', 'give frames or durationSeconds, not both');
  }
  const asked = options.fps === undefined ? undefined : toRate(options.fps);
  const resampleTo = asked !== undefined && isResampled(info, asked) ? asked : undefined;
  const at = (seconds: number, name: string): number =>
    resampleTo ? secondsToFrames(seconds, resampleTo, name) : frameNear(info, seconds, name);
  const start =
    startFrame === undefined
      ? at(startSeconds ?? 0, 'startSeconds')
      : wholeFrames(startFrame, 'startFrame');
  if (durationSeconds === undefined) {
    return {
      resampleTo,
      startFrame: start,
      frames: frames === undefined ? undefined : wholeFrames(frames, 'frames'),
    };
  }
  const begin = resampleTo
    ? start / rationalToNumber(resampleTo)
    : (info.frameTimes?.[start] ?? start / rationalToNumber(info.fps));
  const end = at(begin + durationSeconds, 'durationSeconds');
  return { resampleTo, startFrame: start, frames: Math.max(1, end - start) };
}

/** The native VP8 and VP9 decoders do not see the alpha plane, and ffprobe does not speak of it. */
const hidesAlpha = (info: VideoInfo, format: PixelFormat): boolean =>
  format.startsWith('rgba') && info.hasAlpha && /^vp[89]$/.test(info.codec);

/** The demuxer's and decoder's options, whatever the range. */
function inputOptions(info: VideoInfo, options: DecodeOptions, format: PixelFormat): string[] {
  const { threads } = options;
  const inThreads = threads === undefined ? [] : ['-threads:v', String(threads)];
  if (options.raw) {
    return [
      ...inThreads,
      ...['-f', 'rawvideo', '-video_size', `${info.width}x${info.height}`],
      ...['-framerate', `${info.fps.num}/${info.fps.den}`, '-pixel_format', info.pixelFormat],
    ];
  }
  if (hidesAlpha(info, format)) {
    return [...inThreads, '-c:v', info.codec === 'vp8' ? 'libvpx' : 'libvpx-vp9'];
  }
  return inThreads;
}

/** Formats that decoders give and that no filter can make. */
const UNMAKEABLE = /^(pal8|bayer|unknown|d3d|vaapi|cuda|videotoolbox|xyz)/;

/**
 * The pixel format that every frame of a source is brought to before anything else, since frames may
 * come in another one from some moment on. Of pictures it has to hold the colours of all: the
 * first may be a grey one.
 */
function steadyFormat(
  info: VideoInfo,
  format: PixelFormat,
  range: DecodeOptions['colourRange'],
): string | undefined {
  const { pixelFormat, bitDepth } = info;
  const wantsGrey = PIXEL_LAYOUTS[format].channels === 1;
  const grey = pixelFormat.startsWith('gray');
  if (isLimitedGrey(info, range)) return bitDepth > 8 ? 'gray16le' : 'gray';
  if (hidesAlpha(info, format)) return pixelFormat.replace(/^yuv(?!a)/, 'yuva');
  if (info.kind !== 'sequence') {
    if (!UNMAKEABLE.test(pixelFormat)) return pixelFormat;
    return pixelFormat === 'pal8' ? 'rgba' : undefined;
  }
  if (grey && wantsGrey) return pixelFormat;
  if (grey && info.codec === 'mjpeg') return 'yuvj444p';
  if (!isRgbLike(pixelFormat)) return pixelFormat;
  const alpha = PIXEL_LAYOUTS[format].channels === 4;
  if (bitDepth > 8) return alpha ? 'gbrap16le' : 'gbrp16le';
  // Packed: of colours by a palette, only these are made without rounding.
  return alpha ? 'rgba' : 'rgb24';
}

interface Entry {
  readonly source: CommandInput;
  readonly feed: InputFeed | undefined;
  readonly firstFrame: number;
  readonly firstSeconds: number;
  readonly skipTo: number;
  readonly seek: DecodePlan['seek'];
}

/** Where reading begins: at the frame itself only where it is known to be found. */
function entryOf(
  probed: ProbedInput,
  start: number,
  options: DecodeOptions,
  context: { format: string[]; maySeek: boolean; log: Logger },
): Entry {
  const { info, input } = probed;
  const { format, maySeek, log } = context;
  // An AVI's frames are counted with those that it repeats, which ffmpeg knows nothing of.
  const skipTo = info.container === 'avi' ? 0 : start;
  const fromStart = { feed: probed.feed, firstFrame: 0, firstSeconds: 0, skipTo, seek: undefined };
  if (input.kind === 'sequence') {
    const feed = new InputFeed(
      sequenceFeed(input.sequence, {
        ...{ info, start, onDamage: options.onDamage ?? 'error', log },
        pictures: options.pictures,
      }),
    );
    const decoder = options.pictures?.decoder ?? input.sequence.decoder;
    const source = { url: 'pipe:0', options: ['-c:v', decoder, '-f', 'nut'] };
    const firstSeconds = start / rationalToNumber(info.fps);
    return { ...fromStart, source, feed, firstFrame: start, firstSeconds, skipTo: 0 };
  }
  if (input.kind === 'stream') return { ...fromStart, source: { url: 'pipe:0', options: format } };
  const source = { url: input.url, options: format };
  const { frameTimes } = info;
  const [before, at] = [frameTimes?.[start - 1], frameTimes?.[start]];
  if (
    !maySeek ||
    start < SEEK_FROM_FRAME ||
    !knowsEachFrame(info.container) ||
    before === undefined ||
    at === undefined
  ) {
    return { ...fromStart, source };
  }
  // Half-way between two frames no rounding of times can take the wrong one.
  const seekSeconds = Number((info.startSeconds + (before + at) / 2).toFixed(6));
  return {
    source: { url: input.url, options: [...format, '-ss', seekSeconds.toFixed(6)] },
    feed: undefined,
    firstFrame: start,
    firstSeconds: at,
    skipTo: 0,
    seek: {
      expectedSeconds: OUTPUT_OFFSET_SECONDS + info.startSeconds + at - seekSeconds,
      toleranceSeconds: (at - before) / 4,
    },
  };
}

export interface PlanContext {
  readonly programs: Pick<FfmpegPrograms, 'fpsMode'>;
  /** The first frame that is needed of the source. */
  readonly start: number;
  /** Frames after which ffmpeg may stop; undefined reads to the end. */
  readonly frames: number | undefined;
  readonly maySeek: boolean;
  readonly log: Logger;
}

/** @throws FrameloomError bad-option */
export function pixelFormatOf(options: DecodeOptions): PixelFormat {
  const pixelFormat = options.pixelFormat ?? 'rgb24';
  if (isPixelFormat(pixelFormat)) return pixelFormat;
  throw new FrameloomError(
    'bad-option',
    `"${String(pixelFormat)}" is not a pixel format of frames`,
    { hint: `one of ${PIXEL_FORMATS.join(', ')}` },
  );
}

/** @throws FrameloomError bad-option */
export function planDecode(
  probed: ProbedInput,
  options: DecodeOptions,
  context: PlanContext,
): DecodePlan {
  const { pictures } = options;
  const info = pictures
    ? { ...probed.info, pixelFormat: pictures.sourceFormat, bitDepth: 8, hasAlpha: false }
    : probed.info;
  const { log, start, frames } = context;
  const pixelFormat = pixelFormatOf(options);
  if (isHighDynamicRange(info)) {
    log.warn(
      `${info.path ?? 'the stream'} is HDR (${info.colour.transfer ?? ''}): its values are taken as they are, without tone mapping`,
    );
  }
  const format = inputOptions(info, options, pixelFormat);
  const { source, ...entry } = entryOf(probed, start, options, { ...context, format });
  // Delivered beside those that are wanted.
  const extra = entry.skipTo > 0 ? 1 : entry.firstFrame === 0 ? start : 0;
  return {
    ...entry,
    input: {
      ...source,
      // No graph is built anew in mid-stream, and none of ffmpeg's own goes before it.
      options: ['-reinit_filter', '0', '-noautorotate', ...(source.options ?? [])],
    },
    output: {
      videoFilter: decodeFilterChain({
        size: options.size,
        steady: steadyFormat(info, pixelFormat, options.colourRange),
        nearest: options.sampling === 'nearest',
        orientation: info,
        isGrey: info.pixelFormat.startsWith('gray'),
        stretchGrey: isLimitedGrey(info, options.colourRange)
          ? stretchGrey(info.bitDepth)
          : undefined,
        colour: sourceColour(info, { matrix: options.colourMatrix, range: options.colourRange }),
        skipTo: entry.skipTo,
        pixelFormat,
        filter: options.filter,
        preFilter: options.preFilter,
      }),
      options: [
        ...['-map', `0:${info.streamIndex}`, ...passThrough(context.programs)],
        ...['-enc_time_base', `1/${OUTPUT_TICKS_A_SECOND}`],
        ...(frames === undefined || options.filter !== undefined
          ? []
          : ['-frames:v', String(frames + extra)]),
        // In threads of its own the encoder would hold frames back.
        ...['-c:v', 'rawvideo', '-pix_fmt', pixelFormat, '-threads:v', '1'],
        ...['-output_ts_offset', String(OUTPUT_OFFSET_SECONDS), '-f', 'nut', '-flush_packets', '1'],
      ],
    },
    pixelFormat,
  };
}
