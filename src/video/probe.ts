import { Readable } from 'node:stream';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { formatRational, rational, rationalToNumber, type Rational } from '../base/rational.js';
import { countAviFrames } from './avi.js';
import { hasNoTimes, RESTARTING } from './containers.js';
import { cancelledError } from './ffmpeg-error.js';
import { type ProbedStream, probeReport, type ProbeReport, type ProbeSource } from './ffprobe.js';
import { gapsOf, microseconds } from './frame-times.js';
import { InputFeed, type ResolvedInput, resolveInput } from './input.js';
import { matroskaIsCutShort } from './matroska.js';
import { orientationOf } from './orientation.js';
import { FIRST_VIDEO, type PacketTable, readPackets } from './packets.js';
import { bitDepthOf, frameBytes, hasAlphaChannel, isPixelFormat } from './pixel-format.js';
import { measuredRate, readRate, sourceRate, toRate } from './rate.js';
import { badPicture, findBadPictures, pictureBytes } from './sequence.js';
import { chooseStream } from './stream-choice.js';
import type { ProbeOptions, RawInput, VideoColour, VideoInfo } from './types.js';
import { parseY4mHeader, type Y4mHeader } from './y4m.js';

const DEFAULT_SEQUENCE_FPS = 25;
const known = (value: string | undefined): string | null =>
  value === undefined || value === 'unknown' || value === 'reserved' ? null : value;

function seconds(value: string | undefined): number | null {
  const clock = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(value ?? '');
  if (clock) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  const number = Number.parseFloat(value ?? '');
  return Number.isFinite(number) ? number : null;
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

function infoOf(
  report: ProbeReport,
  kind: VideoInfo['kind'],
  path: string | null,
  log: Logger,
): VideoInfo {
  const { stream, note } = chooseStream(report, path);
  if (note !== undefined) log.info(note);
  const { rotation, mirrored } = orientationOf(stream, report.frames[0]);
  const turned = rotation === 90 || rotation === 270;
  const stored = { width: stream.width ?? 0, height: stream.height ?? 0 };
  const aspect = readRate(stream.sample_aspect_ratio?.replace(':', '/')) ?? rational(1);
  const interlaced = ['tt', 'bb', 'tb', 'bt'].includes(stream.field_order ?? '');
  const rate = sourceRate(
    readRate(stream.r_frame_rate),
    readRate(stream.avg_frame_rate),
    // Old versions give twice the rate of what could be interlaced, where there are no times to tell.
    interlaced || hasNoTimes(report.format.format_name),
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
    mirrored,
    frameTimes: null,
    isCounted: false,
    repeatedFrames: 0,
  };
}

/** A gap that no recording has: the clock was set. */
const LONGEST_GAP_SECONDS = 60;

/** Whether the frames' own times can be believed. */
const believed = (container: string, gaps: Float64Array): boolean =>
  !RESTARTING.test(container) || !gaps.some((gap) => gap > LONGEST_GAP_SECONDS);

/** Nothing is recorded at such a rate: whoever wrote the file had no times. */
const FASTEST_FPS = 1000;
const ASSUMED_FPS = rational(25);

/** Whether all frames of a source are at one moment, or a tick apart as muxers put those that are. */
const areAtOnce = ({ count, spanSeconds }: PacketTable): boolean =>
  count > 2 && spanSeconds !== null && spanSeconds * FASTEST_FPS < count - 1;

/** What the packets say, which headers may not: count, rate, duration. */
function counted(
  info: VideoInfo,
  claimed: Rational | undefined,
  packets: PacketTable,
  endSeconds: number | null,
): VideoInfo {
  const { count, times, decodingGaps, lastDurationSeconds } = packets;
  const found = { ...info, frameCount: count, isCounted: true };
  if (areAtOnce(packets)) {
    const fps = rationalToNumber(info.fps) < FASTEST_FPS ? info.fps : ASSUMED_FPS;
    const durationSeconds = count / rationalToNumber(fps);
    return { ...found, fps, variableFrameRate: false, durationSeconds };
  }
  const shownGaps = times ? gapsOf(times) : null;
  const sure = times !== null && shownGaps !== null && believed(info.container, shownGaps);
  const gaps = sure ? shownGaps : decodingGaps.filter((gap) => gap < LONGEST_GAP_SECONDS);
  const rate = measuredRate(gaps, claimed) ?? {
    fps: info.fps,
    variable: info.variableFrameRate,
  };
  const fps = rate.fps;
  const usual = 1 / rationalToNumber(fps);
  if (!sure) {
    // Where packets do not all tell, or the clock jumps, the rate is all that is known.
    return { ...found, fps, variableFrameRate: false, durationSeconds: count * usual };
  }
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const said =
    lastDurationSeconds !== null && lastDurationSeconds > 0 ? lastDurationSeconds : usual;
  const lastSeconds = Math.max(said, (endSeconds ?? 0) - last);
  return {
    ...found,
    fps,
    variableFrameRate: rate.variable,
    startSeconds: microseconds(first - (info.containerStartSeconds ?? 0)),
    frameTimes: times.map((time) => microseconds(time - first)),
    durationSeconds: last - first + lastSeconds,
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
  mirrored: false,
  frameTimes: null,
  isCounted: false,
  repeatedFrames: 0,
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
    isCounted: frameCount !== null,
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

async function streamInfo(
  feed: InputFeed,
  signal: AbortSignal | undefined,
  log: Logger,
): Promise<VideoInfo> {
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
  return infoOf(report, 'stream', null, log);
}

/** A source that has been looked at, ready to be decoded. */
export interface ProbedInput {
  readonly info: VideoInfo;
  readonly input: ResolvedInput;
  /** Of streams: the bytes, those already read included. */
  readonly feed?: InputFeed;
}

/** The demuxer of one picture by itself. */
const pictureDemuxer = (decoder: string): string =>
  `${decoder === 'mjpeg' ? 'jpeg' : decoder}_pipe`;

async function probeSequence(
  input: Extract<ResolvedInput, { kind: 'sequence' }>,
  options: ProbeOptions & { readonly info?: VideoInfo | undefined },
): Promise<VideoInfo> {
  const { sequence, path } = input;
  const { signal, log = silentLogger } = options;
  const { files, decoder, missing } = sequence;
  const first = async (): Promise<VideoInfo> => {
    const report = await probeReport(
      {
        url: 'pipe:0',
        path,
        feed: new InputFeed(Readable.from([await pictureBytes(files[0]!, decoder)])),
        inputOptions: ['-f', pictureDemuxer(decoder)],
        picture: true,
      },
      signal,
    );
    return infoOf(report, 'sequence', path, log);
  };
  const info = options.info ?? (await first());
  if (options.count) {
    const [bad, ...others] = await findBadPictures(sequence);
    if (bad && (options.onDamage ?? 'error') === 'error') {
      const more = others.length === 0 ? '' : `, and ${others.length} more such`;
      throw badPicture(`${bad.fault}${more}`, bad.file);
    }
  }
  // Whoever has looked before was told then.
  if (!options.info && missing !== null && missing.length > 0) {
    const named = missing.slice(0, 5).join(', ');
    log.warn(
      `${path}: of its numbers ${missing.length} ${missing.length === 1 ? 'is' : 'are'} missing (${named}${missing.length > 5 ? ', …' : ''}); the pictures beside them are taken as neighbours`,
    );
  }
  const fps = toRate(options.sequenceFps ?? DEFAULT_SEQUENCE_FPS);
  return {
    ...info,
    fps,
    variableFrameRate: false,
    frameCount: files.length,
    isCounted: true,
    durationSeconds: files.length / rationalToNumber(fps),
    startSeconds: 0,
  };
}

async function probeStream(
  input: Extract<ResolvedInput, { kind: 'stream' }>,
  options: ProbeOptions,
): Promise<ProbedInput> {
  const feed = new InputFeed(input.stream);
  const { signal } = options;
  // Whoever waits for a silent pipe hears of nothing else.
  const cancel = (): void => {
    feed.close().catch(() => undefined);
  };
  signal?.addEventListener('abort', cancel);
  try {
    if (signal?.aborted) throw cancelledError('looking at the video');
    const info = options.raw
      ? rawInfo(options.raw, null, null)
      : await streamInfo(feed, options.signal, options.log ?? silentLogger);
    return { input, info, feed };
  } catch (error) {
    await feed.close();
    throw signal?.aborted ? cancelledError('looking at the video') : error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** When the pictures of a Matroska file end, which their packets do not say; null where it is unknown. */
async function matroskaEnd(
  { container, path, hasAudio }: VideoInfo,
  stream: ProbedStream | undefined,
  report: ProbeReport,
): Promise<number | null> {
  if (!container.includes('matroska') || path === null) return null;
  const own = seconds(stream?.tags?.DURATION);
  const end = own ?? (hasAudio ? null : seconds(report.format.duration));
  // Of a file that was cut short it tells of what is lost.
  return end === null || (await matroskaIsCutShort(path)) ? null : end;
}

async function probeFile(
  input: Extract<ResolvedInput, { kind: 'file' }>,
  options: ProbeOptions & { readonly info?: VideoInfo | undefined },
): Promise<VideoInfo> {
  const { signal, log = silentLogger } = options;
  const source: ProbeSource = { url: input.url, path: input.path };
  // Both at once, where both are wanted: most files have one video stream, which is then the one.
  const early =
    options.count && !options.info ? readPackets(source, FIRST_VIDEO, signal) : undefined;
  early?.catch(() => undefined);
  let info = options.info;
  let claimed = info?.fps;
  let endSeconds: number | null = null;
  if (!info) {
    try {
      const report = await probeReport(source, signal);
      info = infoOf(report, 'file', input.path, log);
      const { streamIndex } = info;
      const stream = report.streams.find(({ index }) => index === streamIndex);
      endSeconds = await matroskaEnd(info, stream, report);
      claimed = hasNoTimes(info.container) ? info.fps : readRate(stream?.r_frame_rate);
    } catch (error) {
      // Not with a process of ours still at work; what went wrong with it goes without saying.
      await early?.catch(() => undefined);
      throw error;
    }
  }
  // Matroska gives neither a count nor a sign of a variable rate.
  const count = options.count ?? (info.frameCount === null && needsCount(info));
  if (!count || info.isCounted) return info;
  const packets = await early;
  const right = packets?.streamIndex === info.streamIndex;
  const table = right ? packets : await readPackets(source, info.streamIndex, signal);
  const known = counted(info, claimed, table, endSeconds);
  if (areAtOnce(table) && !hasNoTimes(info.container)) {
    log.warn(
      `${input.path}: all of its frames are at the same time: they are taken to come at ${formatRational(known.fps)} a second`,
    );
  }
  return info.container === 'avi' ? countedAvi(known, input.path) : known;
}

/**
 * AVI has no times: a frame is shown where its chunk stands, and an empty chunk shows the one before it
 * once more, which ffprobe passes over.
 */
async function countedAvi(info: VideoInfo, path: string): Promise<VideoInfo> {
  const held = info.frameCount ?? 0;
  const { chunks, claimed, rate } = await countAviFrames(path);
  // Of a file that is cut short its header still tells how many frames there were.
  const frameCount = chunks ?? Math.max(claimed, held);
  // Where most chunks are empty, the gaps between the others tell another rate.
  const fps = rate ?? info.fps;
  const perSecond = rationalToNumber(fps);
  return {
    ...info,
    fps,
    frameCount,
    repeatedFrames: chunks === null ? 0 : Math.max(0, chunks - held),
    durationSeconds: frameCount / perSecond,
    variableFrameRate: false,
    frameTimes: Float64Array.from({ length: frameCount }, (_, k) => k / perSecond),
  };
}

/** Looks at a resolved source. @throws FrameloomError bad-input, bad-option, ffmpeg-failed */
export async function probeInput(
  input: ResolvedInput,
  options: ProbeOptions & { readonly info?: VideoInfo | undefined },
): Promise<ProbedInput> {
  if (input.kind === 'stream') return probeStream(input, options);
  if (input.kind === 'sequence') return { input, info: await probeSequence(input, options) };
  if (options.raw) return { input, info: rawInfo(options.raw, input.path, input.bytes) };
  return { input, info: await probeFile(input, options) };
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
