import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { rationalToNumber, type Rational } from '../base/rational.js';
import { isHighDynamicRange, sourceColour } from './colour.js';
import type { CommandInput, CommandOutput } from './command.js';
import { decodeFilterChain } from './filters.js';
import { InputFeed } from './input.js';
import { isPixelFormat, PIXEL_FORMATS, type PixelFormat } from './pixel-format.js';
import type { ProbedInput } from './probe.js';
import { secondsToFrames, toRate, wholeFrames } from './rate.js';
import { sequenceBytes } from './sequence.js';
import type { DecodeOptions, VideoInfo } from './types.js';

/** Everything that is settled before ffmpeg starts. */
export interface DecodePlan {
  readonly input: CommandInput;
  readonly output: Omit<CommandOutput, 'url'>;
  /** Bytes for ffmpeg's stdin. */
  readonly feed: InputFeed | undefined;
  readonly fps: Rational;
  readonly startFrame: number;
  readonly frames: number | undefined;
  /** The rate is made by repeating and leaving out. */
  readonly resampled: boolean;
  readonly pixelFormat: PixelFormat;
  /** There is nothing at or after startFrame. */
  readonly empty: boolean;
}

/**
 * Frames are sought by time, and timestamps are rounded (to a millisecond in Matroska): half a
 * frame early is the middle between two, where no rounding can take the wrong one.
 */
const HALF_A_FRAME = 0.5;
/** How far before the frame sought a resampled decode begins; the shown frame must lie in it. */
const RESAMPLE_LEAD_SECONDS = 5;

function pick(
  options: DecodeOptions,
  fps: Rational,
): { start: number; frames: number | undefined } {
  const { startFrame, startSeconds, frames, durationSeconds } = options;
  if (startFrame !== undefined && startSeconds !== undefined) {
    throw new FrameloomError('bad-option', 'give startFrame or startSeconds, not both');
  }
  if (frames !== undefined && durationSeconds !== undefined) {
    throw new FrameloomError('bad-option', 'give frames or durationSeconds, not both');
  }
  return {
    start:
      startFrame === undefined
        ? secondsToFrames(startSeconds ?? 0, fps, 'startSeconds')
        : wholeFrames(startFrame, 'startFrame'),
    frames:
      frames !== undefined
        ? wholeFrames(frames, 'frames')
        : durationSeconds === undefined
          ? undefined
          : Math.max(1, secondsToFrames(durationSeconds, fps, 'durationSeconds')),
  };
}

/** The demuxer's and decoder's options, whatever the range. */
function inputOptions(info: VideoInfo, options: DecodeOptions, format: PixelFormat): string[] {
  if (options.raw) {
    return [
      ...['-f', 'rawvideo', '-video_size', `${info.width}x${info.height}`],
      ...['-framerate', `${info.fps.num}/${info.fps.den}`, '-pixel_format', info.pixelFormat],
    ];
  }
  // The native VP8 and VP9 decoders do not see the alpha plane.
  if (format.startsWith('rgba') && info.hasAlpha && /^vp[89]$/.test(info.codec)) {
    return ['-c:v', info.codec === 'vp8' ? 'libvpx' : 'libvpx-vp9'];
  }
  return [];
}

/** @throws FrameloomError bad-option */
export function planDecode(probed: ProbedInput, options: DecodeOptions, log: Logger): DecodePlan {
  const { info, input } = probed;
  const pixelFormat = options.pixelFormat ?? 'rgb24';
  if (!isPixelFormat(pixelFormat)) {
    throw new FrameloomError(
      'bad-option',
      `"${String(pixelFormat)}" is not a pixel format of frames`,
      {
        hint: `one of ${PIXEL_FORMATS.join(', ')}`,
      },
    );
  }
  const fps = options.fps === undefined ? info.fps : toRate(options.fps);
  const sameRate = fps.num === info.fps.num && fps.den === info.fps.den;
  const resampled = info.variableFrameRate || !sameRate;
  const { start, frames } = pick(options, fps);
  const format = inputOptions(info, options, pixelFormat);
  const perSecond = rationalToNumber(fps);
  if (isHighDynamicRange(info)) {
    log.warn(
      `${info.path ?? 'the stream'} is HDR (${info.colour.transfer ?? ''}): its values are taken as they are, without tone mapping`,
    );
  }

  let skipFrames = start;
  let startSeconds = info.startSeconds;
  let feed = probed.feed;
  let source: CommandInput = { url: 'pipe:0', options: format };
  if (input.kind === 'sequence') {
    const files = input.sequence.files.slice(resampled ? 0 : start);
    if (!resampled) skipFrames = 0;
    feed = new InputFeed(
      sequenceBytes(frames === undefined || resampled ? files : files.slice(0, frames)),
    );
    const rate = `${info.fps.num}/${info.fps.den}`;
    source = { url: 'pipe:0', options: ['-f', input.sequence.demuxer, '-framerate', rate] };
  } else if (input.kind === 'file') {
    const seek = info.startSeconds + (start - HALF_A_FRAME) / perSecond;
    if (start === 0 || info.container.includes('mpegts')) {
      // MPEG-TS seeks by guess: there, frames are counted from the start.
      source = { url: input.url, options: format };
    } else if (!resampled) {
      source = { url: input.url, options: [...format, '-ss', Math.max(0, seek).toFixed(6)] };
      skipFrames = 0;
    } else if (
      seek > info.startSeconds + RESAMPLE_LEAD_SECONDS &&
      info.containerStartSeconds !== null
    ) {
      // Timestamps stay the file's own, so that the grid is the one of decoding from the start.
      const from = (seek - RESAMPLE_LEAD_SECONDS).toFixed(6);
      source = { url: input.url, options: [...format, '-copyts', '-ss', from] };
      startSeconds += info.containerStartSeconds;
    } else {
      source = { url: input.url, options: format };
    }
  }
  return {
    input: source,
    output: {
      videoFilter: decodeFilterChain({
        fps,
        resample: resampled ? { startSeconds } : undefined,
        skipFrames,
        frames,
        size: options.size,
        colour: sourceColour(info, { matrix: options.colourMatrix, range: options.colourRange }),
        pixelFormat,
        filter: options.filter,
        preFilter: options.preFilter,
      }),
      options: [
        ...['-map', `0:${info.streamIndex}`, '-r', `${fps.num}/${fps.den}`],
        ...(frames === undefined || options.filter !== undefined
          ? []
          : ['-frames:v', String(frames)]),
        ...['-f', 'image2pipe', '-c:v', 'pam', '-flush_packets', '1'],
      ],
    },
    feed,
    fps,
    startFrame: start,
    frames,
    resampled,
    pixelFormat,
    empty:
      frames === 0 ||
      (input.kind === 'sequence' && !resampled && start >= input.sequence.files.length),
  };
}
