import { FrameloomError } from '../base/error.js';
import { rational, rationalToNumber } from '../base/rational.js';
import {
  FIRST_VIDEO,
  packetTimes,
  type PacketTimes,
  probeReport,
  type ProbedStream,
  type ProbeReport,
  type ProbeSource,
} from './ffprobe.js';
import { InputFeed, type ResolvedInput, resolveInput } from './input.js';
import { bitDepthOf, frameBytes, hasAlphaChannel, isPixelFormat } from './pixel-format.js';
import { readRate, snapRate, sourceRate, toRate } from './rate.js';
import { sequenceBytes } from './sequence.js';
import type { ProbeOptions, RawInput, Rotation, VideoColour, VideoInfo } from './types.js';
import { parseY4mHeader, type Y4mHeader } from './y4m.js';

const DEFAULT_SEQUENCE_FPS = 25;
/** Text art and playlists, which ffmpeg plays too: no video, and lists of files to open. */
const NOT_VIDEO_CODECS = new Set(['ansi', 'bintext', 'xbin', 'idf']);
const PLAYLISTS = /(^|,)(concat|hls|dash|imf|sdp|rtsp|ffmetadata|tty)(,|$)/;

const known = (value: string | undefined): string | null =>
  value === undefined || value === 'unknown' || value === 'reserved' ? null : value;

function seconds(value: string | undefined): number | null {
  const clock = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(value ?? '');
  if (clock) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  const number = Number.parseFloat(value ?? '');
  return Number.isFinite(number) ? number : null;
}

/** Clockwise degrees. ffprobe's display matrix turns counter-clockwise, old tags clockwise. */
function rotationOf(stream: ProbedStream): Rotation {
  const matrix = stream.side_data_list?.find((data) => data.rotation !== undefined)?.rotation;
  const clockwise = matrix === undefined ? Number(stream.tags?.rotate ?? 0) : -matrix;
  const quarter = ((Math.round(clockwise / 90) % 4) + 4) % 4;
  return ([0, 90, 180, 270] as const)[quarter] ?? 0;
}

function colourOf(stream: ProbedStream): VideoColour {
  const jpeg = stream.pix_fmt?.startsWith('yuvj') === true;
  const range = stream.color_range;
  return {
    space: known(stream.color_space),
    primaries: known(stream.color_primaries),
    transfer: known(stream.color_transfer),
    range: range === 'pc' || jpeg ? 'full' : range === 'tv' ? 'limited' : null,
  };
}

function chooseStream(report: ProbeReport, where: string, path: string | null): ProbedStream {
  const video = report.streams.filter(
    (stream) =>
      stream.codec_type === 'video' &&
      stream.disposition?.attached_pic !== 1 &&
      !NOT_VIDEO_CODECS.has(stream.codec_name ?? ''),
  );
  const chosen = video.find((stream) => (stream.width ?? 0) > 0 && (stream.height ?? 0) > 0);
  const detail = path === null ? {} : { path };
  if (PLAYLISTS.test(report.format.format_name)) {
    throw new FrameloomError('bad-input', `${where} is a list or a text, not a video`, detail);
  }
  if (chosen) return chosen;
  const audio = report.streams.some((stream) => stream.codec_type === 'audio');
  const what =
    video.length > 0
      ? 'has video whose size cannot be told: it is damaged or cut short'
      : audio
        ? 'has no video, only audio'
        : 'has no video';
  throw new FrameloomError('bad-input', `${where} ${what}`, detail);
}

function infoOf(report: ProbeReport, kind: VideoInfo['kind'], path: string | null): VideoInfo {
  const stream = chooseStream(report, path ?? 'the stream', path);
  const rotation = rotationOf(stream);
  const turned = rotation === 90 || rotation === 270;
  const stored = { width: stream.width ?? 0, height: stream.height ?? 0 };
  const aspect = readRate(stream.sample_aspect_ratio?.replace(':', '/')) ?? rational(1);
  const interlaced = ['tt', 'bb', 'tb', 'bt'].includes(stream.field_order ?? '');
  const rate = sourceRate(
    readRate(stream.r_frame_rate),
    readRate(stream.avg_frame_rate),
    interlaced,
  );
  const pixelFormat = stream.pix_fmt ?? 'unknown';
  const containerStart = seconds(report.format.start_time) ?? 0;
  const frames = Number(stream.nb_frames);
  return {
    path,
    kind,
    container: report.format.format_name,
    codec: stream.codec_name ?? 'unknown',
    streamIndex: stream.index,
    width: turned ? stored.height : stored.width,
    height: turned ? stored.width : stored.height,
    sampleAspectRatio: turned ? rational(aspect.den, aspect.num) : aspect,
    fps: rate.fps,
    variableFrameRate: rate.variable,
    frameCount: frames > 0 ? frames : null,
    durationSeconds:
      seconds(stream.duration) ?? seconds(stream.tags?.DURATION) ?? seconds(report.format.duration),
    startSeconds: Math.max(0, (seconds(stream.start_time) ?? containerStart) - containerStart),
    containerStartSeconds: seconds(report.format.start_time),
    pixelFormat,
    bitDepth: bitDepthOf(pixelFormat),
    hasAudio: report.streams.some((other) => other.codec_type === 'audio'),
    hasAlpha:
      hasAlphaChannel(pixelFormat) || (stream.tags?.alpha_mode ?? stream.tags?.ALPHA_MODE) === '1',
    interlaced,
    colour: colourOf(stream),
    rotation,
  };
}

/** What the packets say, which containers may not: count, rate, duration. */
function counted(info: VideoInfo, { seconds: times, lastDurationSeconds }: PacketTimes): VideoInfo {
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  if (times.length < 2) return { ...info, frameCount: times.length };
  const gaps = times.subarray(1).map((time, i) => time - (times[i] ?? 0));
  const median = Float64Array.from(gaps).sort()[gaps.length >> 1] ?? 0;
  // Milliseconds are the grain of Matroska's timestamps.
  const variable = gaps.some((gap) => Math.abs(gap - median) > 0.1 * median + 0.0011);
  const measured = (times.length - 1) / (last - first);
  const claimed = rationalToNumber(info.fps);
  const agrees = Math.abs(measured - claimed) * (last - first) < 0.5;
  const fps = variable
    ? info.variableFrameRate
      ? info.fps
      : snapRate(Math.max(claimed, measured))
    : agrees
      ? info.fps
      : snapRate(measured);
  return {
    ...info,
    frameCount: times.length,
    fps,
    variableFrameRate: variable,
    durationSeconds:
      last - first + (lastDurationSeconds > 0 ? lastDurationSeconds : 1 / rationalToNumber(fps)),
  };
}

/** Containers whose headers cannot tell a variable rate from a constant one. */
const needsCount = (info: VideoInfo): boolean => info.container.includes('matroska');

const plainInfo = {
  streamIndex: 0,
  sampleAspectRatio: rational(1),
  variableFrameRate: false,
  frameCount: null,
  durationSeconds: null,
  startSeconds: 0,
  containerStartSeconds: null,
  hasAudio: false,
  interlaced: false,
  rotation: 0,
} as const;

function rawInfo(raw: RawInput, path: string | null, bytes: number | null): VideoInfo {
  const pixelFormat = raw.pixelFormat ?? 'rgb24';
  const fps = toRate(raw.fps);
  for (const [name, value] of [
    ['width', raw.width],
    ['height', raw.height],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new FrameloomError('bad-option', `raw.${name} is ${value}, not a size in pixels`);
    }
  }
  const one = isPixelFormat(pixelFormat) ? frameBytes(raw.width, raw.height, pixelFormat) : null;
  const frameCount = bytes === null || one === null ? null : Math.floor(bytes / one);
  return {
    ...plainInfo,
    path,
    kind: 'raw',
    container: 'rawvideo',
    codec: 'rawvideo',
    width: raw.width,
    height: raw.height,
    fps,
    frameCount,
    durationSeconds: frameCount === null ? null : frameCount / rationalToNumber(fps),
    pixelFormat,
    bitDepth: bitDepthOf(pixelFormat),
    hasAlpha: hasAlphaChannel(pixelFormat),
    colour: { space: null, primaries: null, transfer: null, range: null },
  };
}

function y4mInfo(header: Y4mHeader): VideoInfo {
  return {
    ...plainInfo,
    path: null,
    kind: 'stream',
    container: 'yuv4mpegpipe',
    codec: 'rawvideo',
    width: header.width,
    height: header.height,
    fps: header.fps,
    sampleAspectRatio: header.sampleAspectRatio,
    interlaced: header.interlaced,
    pixelFormat: header.pixelFormat,
    bitDepth: bitDepthOf(header.pixelFormat),
    hasAlpha: hasAlphaChannel(header.pixelFormat),
    colour: { space: null, primaries: null, transfer: null, range: header.range },
  };
}

async function streamInfo(feed: InputFeed, signal: AbortSignal | undefined): Promise<VideoInfo> {
  let head = Buffer.alloc(0);
  for (;;) {
    const piece = await feed.peek();
    if (!piece) break;
    head = Buffer.concat([head, piece]);
    const header = parseY4mHeader(head);
    if (header) return y4mInfo(header);
    if (header === null) break;
  }
  if (head.length === 0) throw new FrameloomError('bad-input', 'the stream is empty (0 bytes)');
  const report = await probeReport({ url: 'pipe:0', path: null, feed }, signal);
  return infoOf(report, 'stream', null);
}

/** A source that has been looked at, ready to be decoded. */
export interface ProbedInput {
  readonly info: VideoInfo;
  readonly input: ResolvedInput;
  /** Of streams: the bytes, those already read included. */
  readonly feed?: InputFeed;
}

/** Looks at a resolved source. @throws FrameloomError bad-input, bad-option, ffmpeg-failed */
export async function probeInput(
  input: ResolvedInput,
  options: ProbeOptions & { readonly info?: VideoInfo | undefined },
): Promise<ProbedInput> {
  const { signal } = options;
  if (input.kind === 'sequence') {
    const { files, demuxer } = input.sequence;
    const feed = new InputFeed(sequenceBytes(files.slice(0, 1)));
    const report = await probeReport(
      { url: 'pipe:0', path: input.path, feed, inputOptions: ['-f', demuxer] },
      signal,
    );
    const fps = toRate(options.sequenceFps ?? DEFAULT_SEQUENCE_FPS);
    return {
      input,
      info: {
        ...infoOf(report, 'sequence', input.path),
        fps,
        variableFrameRate: false,
        frameCount: files.length,
        durationSeconds: files.length / rationalToNumber(fps),
        startSeconds: 0,
      },
    };
  }
  if (input.kind === 'stream') {
    const feed = new InputFeed(input.stream);
    try {
      const info = options.raw ? rawInfo(options.raw, null, null) : await streamInfo(feed, signal);
      return { input, info, feed };
    } catch (error) {
      await feed.close();
      throw error;
    }
  }
  if (options.raw) return { input, info: rawInfo(options.raw, input.path, input.bytes) };
  const source: ProbeSource = { url: input.url, path: input.path };
  // Both at once, where both are wanted: most files have one video stream, which is then the one.
  const early =
    options.count && !options.info ? packetTimes(source, FIRST_VIDEO, signal) : undefined;
  early?.catch(() => undefined);
  let info: VideoInfo;
  try {
    info = options.info ?? infoOf(await probeReport(source, signal), 'file', input.path);
  } catch (error) {
    // Not with a process of ours still at work; what went wrong with it goes without saying.
    await early?.catch(() => undefined);
    throw error;
  }
  // Matroska gives neither a count nor a sign of a variable rate.
  const count = options.count ?? (info.frameCount === null && needsCount(info));
  if (!count) return { input, info };
  const times = await early;
  const right = times?.streamIndex === info.streamIndex;
  return {
    input,
    info: counted(info, right ? times : await packetTimes(source, info.streamIndex, signal)),
  };
}

/**
 * Looks at a video without decoding it: a file, a folder or `%05d.png` pattern of pictures, a
 * single picture, or (by `options.raw`) bytes without a header.
 *
 * @param options `count: true` reads every packet's header, for an exact frame count and duration
 *   where the container does not say (Matroska, WebM, GIF, MPEG-TS) and a sure answer on variable
 *   rates.
 * @throws FrameloomError not-found, bad-input (one line that says what is wrong), ffmpeg-failed
 */
export async function probe(path: string, options: ProbeOptions = {}): Promise<VideoInfo> {
  const { info, feed } = await probeInput(await resolveInput(path), { count: false, ...options });
  await feed?.close();
  return info;
}
