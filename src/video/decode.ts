import type { Readable } from 'node:stream';
import type { Observable } from 'rxjs';
import { silentLogger, type Logger } from '../base/log.js';
import { rationalToNumber } from '../base/rational.js';
import { ffmpegArguments } from './command.js';
import {
  type DecodePlan,
  type DecodeRange,
  decodeRange,
  pixelFormatOf,
  planDecode,
} from './decode-plan.js';
import { cancelledError, ffmpegError } from './ffmpeg-error.js';
import { findFfmpeg } from './ffmpeg-path.js';
import { checkDecoded, FrameTally, type SourceFrame, WrongFrame } from './frame-tally.js';
import { pulled } from './from-frames.js';
import { resolveInput } from './input.js';
import { type NutFrame, NutReader } from './nut-reader.js';
import { bytesPerPixel } from './pixel-format.js';
import { type ProbedInput, probeInput } from './probe.js';
import { MediaProcess } from './process.js';
import { type Resampled, Resampler } from './resample.js';
import type { DecodeOptions, Frame, VideoInfo } from './types.js';

export type DecodeSource = string | Readable | ProbedInput;

const isProbed = (source: DecodeSource): source is ProbedInput =>
  typeof source !== 'string' && 'info' in source;

/** One decoding: what does not change from its first line to its last. */
interface Decoding {
  readonly probed: ProbedInput;
  readonly options: DecodeOptions;
  readonly range: DecodeRange;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** The same file's frames counted, which may come while it is decoded. */
  readonly counted: Promise<VideoInfo>;
}

/** Where the first wanted frame can be told only from the times of all. */
function wantsTable(options: DecodeOptions): boolean {
  const { startFrame, startSeconds, durationSeconds, fps } = options;
  const isPart = (startFrame ?? 0) > 0 || (startSeconds ?? 0) > 0 || durationSeconds !== undefined;
  return isPart || fps !== undefined;
}

async function lookAt(
  source: DecodeSource,
  options: DecodeOptions,
  signal: AbortSignal,
): Promise<{ probed: ProbedInput; counted: Promise<VideoInfo> }> {
  const first = isProbed(source)
    ? source
    : await probeInput(await resolveInput(source), { ...options, count: false, signal });
  const { input } = first;
  if (input.kind !== 'file' || first.info.isCounted) {
    return { probed: first, counted: Promise.resolve(first.info) };
  }
  // What a header says of the count may be anything: the packets are counted, always.
  const counting = probeInput(input, {
    ...options,
    info: undefined,
    log: silentLogger,
    count: true,
    signal,
  }).then(({ info }) => info);
  counting.catch(() => undefined);
  if (!wantsTable(options) && first.info.container !== 'avi') {
    return { probed: first, counted: counting };
  }
  return { probed: { ...first, info: await counting }, counted: counting };
}

/**
 * The frames of a video one after another, as `decodeFrames` delivers them. Nothing is decoded
 * ahead of what is asked for but what ffmpeg's pipe holds.
 * @throws FrameloomError as decodeFrames
 */
async function* framesOf(
  source: DecodeSource,
  options: DecodeOptions,
): AsyncGenerator<Frame, void, undefined> {
  const { log = silentLogger } = options;
  // Whoever stops taking frames stops everything that was begun for them.
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  let looked: Awaited<ReturnType<typeof lookAt>> | undefined;
  try {
    pixelFormatOf(options);
    looked = await lookAt(source, options, signal);
    const { probed } = looked;
    const { info } = probed;
    const range = decodeRange(info, options);
    if (
      range.frames === 0 ||
      (info.kind === 'sequence' && !range.resampleTo && range.startFrame >= (info.frameCount ?? 0))
    )
      return;
    const decoding: Decoding = { ...looked, options, range, signal, log };
    yield* range.resampleTo ? resampled(decoding) : everyFrame(decoding);
  } finally {
    stop.abort();
    await looked?.probed.feed?.close().catch((error: unknown) => {
      log.debug(`the input could not be closed: ${String(error)}`);
    });
    // Whoever counts is gone too; what it failed with was told, or is of no interest any more.
    await looked?.counted.catch(() => undefined);
  }
}

async function* everyFrame(decoding: Decoding): AsyncGenerator<Frame, void, undefined> {
  const { range, options, probed } = decoding;
  const { fps } = probed.info;
  const pixelFormat = pixelFormatOf(options);
  let index = 0;
  // Without a filter ffmpeg counts them itself, but for those that an AVI repeats; from 7.0 on it does
  // not end before a pipe that stays open does.
  const stopsItself =
    options.filter === undefined && probed.info.container !== 'avi' && !probed.feed;
  const enough = (): boolean => !stopsItself && index === range.frames;
  const part = { start: range.startFrame, frames: range.frames, enough };
  for await (const { picture, timeSeconds } of sourceFrames(decoding, part)) {
    // Of an AVI several may come at once.
    if (index === range.frames) continue;
    const { width, height, data } = picture;
    yield { index, timeSeconds, width, height, pixelFormat, fps, data };
    index += 1;
  }
}

async function* resampled(decoding: Decoding): AsyncGenerator<Frame, void, undefined> {
  const { range, options, probed } = decoding;
  const fps = range.resampleTo!;
  const pixelFormat = pixelFormatOf(options);
  const resampler = new Resampler<NutFrame>(fps);
  const end = range.startFrame + (range.frames ?? Number.POSITIVE_INFINITY);
  let reached = 0;
  const wanted = function* (shown: readonly Resampled<NutFrame>[]): Generator<Frame> {
    for (const [i, { frame, slot }] of shown.entries()) {
      reached = slot + 1;
      if (slot < range.startFrame || slot >= end) continue;
      const { width, height, data: bytes } = frame;
      // Every frame belongs to whoever received it: a repeat has bytes of its own.
      const data = i < shown.length - 1 ? Uint8Array.from(bytes) : bytes;
      const timeSeconds = slot / rationalToNumber(fps);
      const index = slot - range.startFrame;
      yield { index, timeSeconds, width, height, pixelFormat, fps, data };
    }
  };
  let lastTime = 0;
  const part = {
    start: frameShownAt(probed.info, range.startFrame / rationalToNumber(fps)),
    frames: undefined,
    enough: (): boolean => reached >= end,
  };
  for await (const { picture, timeSeconds } of sourceFrames(decoding, part)) {
    yield* wanted(resampler.push(picture, timeSeconds));
    lastTime = timeSeconds;
  }
  const { durationSeconds } = probed.info;
  const usual = 1 / rationalToNumber(probed.info.fps);
  const endSeconds =
    probed.info.frameTimes !== null && durationSeconds !== null
      ? Math.max(durationSeconds, lastTime)
      : lastTime + usual;
  yield* wanted(resampler.end(endSeconds));
}

/** The frame that is shown at a time, or one a little before it. */
function frameShownAt({ frameTimes }: VideoInfo, seconds: number): number {
  if (!frameTimes) return 0;
  const after = frameTimes.findIndex((time) => time > seconds);
  return Math.max(0, (after === -1 ? frameTimes.length : after) - 2);
}

/** What is read of a source. */
interface Part {
  /** The first frame that is wanted. */
  readonly start: number;
  /** Frames after which ffmpeg stops by itself; undefined reads to the end. */
  readonly frames: number | undefined;
  /** Asked after each frame: no more are wanted. */
  readonly enough: () => boolean;
}

/** The source's own frames from one on; where a seek did not find it, by reading from the start. */
async function* sourceFrames(
  decoding: Decoding,
  part: Part,
): AsyncGenerator<SourceFrame, void, undefined> {
  try {
    // The numbers of a damaged source are those of what can be decoded of it, which no seek knows.
    const maySeek = decoding.options.onDamage !== 'warn';
    yield* readSource(decoding, part, maySeek);
  } catch (error) {
    if (!(error instanceof WrongFrame)) throw error;
    const { info } = decoding.probed;
    decoding.log.debug(
      `${info.path ?? ''} cannot be entered at frame ${part.start}: it is read from its start`,
    );
    yield* readSource(decoding, part, false);
  }
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelledError('decoding');
}

/** How ffmpeg ends when most of what it read could not be decoded: no failure of its own. */
const MOSTLY_ERRORS = 69;

/** One ffmpeg. */
async function* readSource(
  decoding: Decoding,
  part: Part,
  maySeek: boolean,
): AsyncGenerator<SourceFrame, void, undefined> {
  const { probed, options, signal, log } = decoding;
  const programs = await findFfmpeg();
  const { start, frames } = part;
  const plan = planDecode(probed, options, { start, frames, maySeek, programs, log });
  throwIfCancelled(signal);
  const process = new MediaProcess(
    programs.ffmpegPath,
    ffmpegArguments([plan.input], { url: 'pipe:1', ...plan.output }, { verbose: true }),
    { stdin: plan.feed ? 'pipe' : 'ignore' },
  );
  const cancel = (): void => {
    void process.kill();
    plan.feed?.close().catch(() => undefined);
  };
  signal.addEventListener('abort', cancel);
  // Whoever reads the source ends ffmpeg when that fails; what it failed with is told below.
  const fed = (plan.feed?.pump(process) ?? Promise.resolve()).then(
    () => undefined,
    async (error: unknown) => {
      await process.kill();
      return error instanceof Error ? error : new Error(String(error));
    },
  );
  try {
    const tally = new FrameTally(plan, probed.info, part.start);
    let isEnough = false;
    for await (const picture of pictures(process, plan)) {
      yield* tally.take(picture);
      isEnough = part.enough();
      if (isEnough) break;
    }
    const end = await (isEnough ? process.kill() : process.ended);
    throwIfCancelled(signal);
    const feedError: Error | undefined = await fed;
    if (feedError) throw feedError;
    if (end.code !== 0 && end.code !== MOSTLY_ERRORS && !isEnough) {
      throw ffmpegError({
        doing: 'decode',
        path: probed.info.path ?? undefined,
        end,
        stderr: process.stderr,
        filter: options.filter ?? options.preFilter,
      });
    }
    const info = await decoding.counted;
    const isStopped = isEnough || (frames !== undefined && tally.given >= frames);
    if (!isStopped) yield* tally.finish(info);
    await checkDecoded({ probed, info, options, tally, isStopped, stderr: process.stderr, log });
  } finally {
    signal.removeEventListener('abort', cancel);
    if (!process.isGone) await process.kill();
    await plan.feed?.close();
    await fed;
  }
}

/** The pictures of ffmpeg's output, while whoever takes them sets the pace. */
async function* pictures(process: MediaProcess, plan: DecodePlan): AsyncGenerator<NutFrame> {
  const { stdout } = process.child;
  if (!stdout) return;
  const waiting: NutFrame[] = [];
  const reader = new NutReader(bytesPerPixel(plan.pixelFormat), (frame) => waiting.push(frame));
  try {
    for await (const chunk of stdout) {
      reader.push(chunk as Buffer);
      for (let frame = waiting.shift(); frame; frame = waiting.shift()) yield frame;
    }
  } catch (error) {
    // A pipe that was closed under us: the process's own end tells why.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  if (reader.pendingBytes > 0) {
    process.stderr.push('[error] ffmpeg stopped in the middle of a frame\n');
  }
}

/**
 * The frames of a video, in order, each as often as the source holds it, upright and in square
 * pixels, as bytes, with the times at which they are shown. `fps` asks for another rate.
 *
 * One ffmpeg a subscription. It is paused through its pipe while nothing downstream can take a
 * frame: `encodeFrames`, `mapFrames` and `zipFrames` say so across any plain RxJS operators in
 * between; with none of them in the pipeline, one frame is emitted a turn of the event loop, so
 * that a consumer that works in step sets the pace. Unsubscribing ends ffmpeg.
 *
 * @param source A path (a video, a picture, a folder or `%05d.png` pattern of pictures, a named
 *   pipe), `-` for standard input, or a stream of a container, y4m, or raw bytes (`raw`).
 * @returns errors with FrameloomError: not-found, bad-option, bad-input (also at the end, after
 *   the frames that could be read, when the source is damaged or cut short), bad-shape (a filter that
 *   changes the size in mid-stream), ffmpeg-failed, cancelled.
 */
export function decodeFrames(
  source: string | Readable,
  options: DecodeOptions = {},
): Observable<Frame> {
  return decodeSource(source, options);
}

/** decodeFrames, also of a source that has been looked at already. */
export function decodeSource(source: DecodeSource, options: DecodeOptions): Observable<Frame> {
  return pulled((signal) => framesOf(source, { ...options, signal }), options.signal);
}

/**
 * The frames of `decodeFrames` as an async iterable: `for await (const frame of readFrames(path))`.
 * ffmpeg works as fast as frames are taken, and is gone when the loop is left, by its end, `break`,
 * `return` or an error.
 * @param source as of decodeFrames
 * @throws FrameloomError as decodeFrames
 */
export function readFrames(
  source: string | Readable,
  options: DecodeOptions = {},
): AsyncGenerator<Frame, void, undefined> {
  return framesOf(source, options);
}
