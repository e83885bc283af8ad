import type { Writable } from 'node:stream';
import { Observable, type OperatorFunction, tap } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { type Rational } from '../base/rational.js';
import { prepareSound, type Sound } from './audio.js';
import { type Carried, checkCarry, prepareCarried } from './carry.js';
import { chooseEncoder, codecOf } from './codecs.js';
import { chooseClock } from './container-clock.js';
import { assertFrame, encodePart, noFrames, tellMoved } from './encode-part.js';
import { WRITING_FRAMES } from './encoder.js';
import type { SegmentFolder } from './film-progress.js';
import { encodeSegments } from './film-segments.js';
import { cancelledError } from './ffmpeg-error.js';
import { type FfmpegPrograms, findFfmpeg } from './ffmpeg-path.js';
import { finishFilm } from './finish-film.js';
import { formatOf, promisedPixelFormat, isPictureFormat, OUTPUT_FORMATS } from './formats.js';
import { FrameIntake } from './frame-intake.js';
import { planOutput } from './output-plan.js';
import { openTarget, type OutputTarget } from './output.js';
import { rateOfFrames, toRate } from './rate.js';
import { SOUND_ENCODERS } from './sound-encoder.js';
import type { EncodeOptions, EncodeResult, Frame, FrameShape, OutputFormatName } from './types.js';

/** What an encoding is to be, checked as far as it can be before anything runs. */
interface Job {
  readonly target: string | Writable;
  readonly options: EncodeOptions;
  /** Unless given, what the frames say. */
  readonly fps: Rational | undefined;
  readonly format: OutputFormatName;
  readonly segments?: SegmentFolder | undefined;
}

function jobOf(target: string | Writable, given: EncodeOptions): Job {
  const path = typeof target === 'string' && target !== '-' ? target : undefined;
  const format = formatOf(path, given.format);
  const promised = format === 'raw' && path !== undefined ? promisedPixelFormat(path) : undefined;
  const options = { ...given, outputPixelFormat: given.outputPixelFormat ?? promised };
  const { audioFrom, audioStartSeconds = 0 } = options;
  if (audioFrom !== undefined && SOUND_ENCODERS[format] === undefined) {
    throw new FrameloomError(
      'bad-option',
      `${format} holds no sound, so audioFrom cannot be carried along`,
      { hint: `write ${Object.keys(SOUND_ENCODERS).join(', ')}` },
    );
  }
  if (!Number.isFinite(audioStartSeconds)) {
    throw new FrameloomError('bad-option', `audioStartSeconds is ${audioStartSeconds}, not a time`);
  }
  checkCarry(format, options, path === undefined);
  codecOf(format, options.codec);
  const { threads } = options;
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1)) {
    throw new FrameloomError('bad-option', `threads is ${threads}, not a number from 1`);
  }
  const fps = options.fps === undefined ? undefined : toRate(options.fps);
  const { times, clock } = OUTPUT_FORMATS[format];
  if (fps && times === 'kept') chooseClock(fps, options, clock, format);
  return { target, options, fps, format };
}

interface Extras {
  readonly sound: Sound | null;
  readonly carried: Carried | null;
}

/** What has to be known before the first frame. One that fails ends the others. */
async function prepare(
  format: OutputFormatName,
  options: EncodeOptions,
  stop: AbortSignal,
): Promise<Extras & { readonly programs: FfmpegPrograms }> {
  const failed = new AbortController();
  const signal = AbortSignal.any([stop, failed.signal]);
  const all = [
    findFfmpeg(),
    prepareSound(format, options, signal),
    prepareCarried(options, signal),
  ] as const;
  try {
    const [programs, sound, carried] = await Promise.all(all);
    return { programs, sound, carried };
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(all);
    throw error;
  }
}

/**
 * Takes frames until there are no more and writes them, from looking at the sound to the file in its
 * place. Whatever happens, ffmpeg is gone and the partial file removed when this ends.
 * @param stop ends everything at once, with its reason
 */
async function writeFilm(intake: FrameIntake, job: Job, stop: AbortSignal): Promise<EncodeResult> {
  const { options, format } = job;
  const { programs, sound, carried } = await prepare(format, options, stop);
  intake.open();
  const shape = options.expects ?? (await intake.peek());
  if (!shape) throw noFrames();
  const fps = job.fps ?? (await rateOfFrames(intake));
  const { overwrite, log } = options;
  const target = await openTarget(job.target, isPictureFormat(format), {
    ...{ overwrite, log, signal: stop },
  });
  try {
    stop.throwIfAborted();
    const codec = codecOf(format, options.codec);
    const encoder =
      options.codec && codec ? await chooseEncoder(codec, programs, shape) : undefined;
    checkCarry(format, options, target.kind === 'stream');
    const ready = { ...job, fps, shape, programs, encoder, sound, carried, stop };
    if (!job.segments) return await encodeInto(target, intake, ready);
    if (target.kind === 'stream') throw new RangeError('a stream is not written in segments');
    return await encodeSegments(target, intake, { ...ready, segments: job.segments });
  } finally {
    // What was committed is in its place: only what is left over goes.
    await target.discard();
  }
}

interface Ready extends Job, Extras {
  readonly fps: Rational;
  readonly shape: FrameShape;
  readonly programs: Awaited<ReturnType<typeof findFfmpeg>>;
  readonly encoder: string | undefined;
  readonly stop: AbortSignal;
}

async function encodeInto(
  target: OutputTarget,
  intake: FrameIntake,
  ready: Ready,
): Promise<EncodeResult> {
  const { options, format, fps, shape, programs, encoder, sound, carried, stop } = ready;
  const toPipe = target.kind === 'stream';
  const { plan, times } = planOutput({
    ...{ format, fps, shape, options, programs, toPipe, encoder },
    numbered: target.kind === 'file' && !target.single,
  });
  const { frames, sent } = await encodePart(intake, {
    ...{ options, format, stop, times },
    onlyPicture: target.kind === 'file' && target.single ? target.path : undefined,
    encoder: {
      ...{ programs, shape, fps, plan, target, timeBase: times.timeBase },
      times: OUTPUT_FORMATS[format].times,
      filter: options.filter,
      path: typeof ready.target === 'string' ? ready.target : undefined,
      sound: toPipe && sound ? { input: sound.input, options: sound.options(1) } : undefined,
    },
  });
  tellMoved(times, { format, fps, log: options.log });
  const durationSeconds = times.endSeconds;
  if (target.kind === 'file') {
    const { log } = options;
    const film = { target, format, durationSeconds, sound, carried, programs, log };
    const { timeBase, longLastSeconds: lastSeconds } = times;
    await finishFilm({ ...film, lastSeconds, ticksPerSecond: timeBase.den, signal: stop });
    stop.throwIfAborted();
    await target.commit();
  }
  return {
    ...{ frames, durationSeconds, width: plan.width, height: plan.height, format },
    ...(sent === frames ? {} : { framesWritten: sent }),
    ...(target.kind === 'file' ? { path: target.path } : {}),
  };
}

/**
 * A sink: encodes every frame and emits one EncodeResult when the file is complete and in place.
 *
 * Frames keep the times that they carry, counted from the first one: `fps` is the nominal rate, onto
 * whose grid times go that are as near to it as containers round. y4m and raw bytes, which have one
 * rate only, repeat frames where it takes that; numbered pictures are one for each frame.
 *
 * It is written beside the target and renamed; on an error, on `signal` or when unsubscribed,
 * ffmpeg is ended and the partial file removed. Frames are asked for (see `decodeFrames`) only
 * while ffmpeg takes them, and not before the sound to be carried along has been tried.
 *
 * @param target A path, `-` for standard output, or a stream. The extension chooses the format:
 *   mp4 (H.264), webm (VP9), mov (ProRes), mkv (FFV1, lossless), gif, `%05d.png`, y4m, raw.
 * @returns errors with FrameloomError: bad-option, bad-input (no frames; sound that cannot be used),
 *   bad-shape (frames of several sizes), exists, closed-pipe, disk-full, write-failed, ffmpeg-failed,
 *   not-found, cancelled.
 */
export function encodeFrames(
  target: string | Writable,
  options: EncodeOptions = {},
): OperatorFunction<Frame, EncodeResult> {
  return encodeJob(() => jobOf(target, options));
}

/**
 * The same into a file, in segments: what is finished of them stays in their folder whatever happens, and
 * the next call with that folder takes the frames behind it. The file is the same in the end.
 * @param target a path, in a format that `isSegmentable`
 * @returns errors as encodeFrames
 */
export function encodeInSegments(
  target: string,
  options: EncodeOptions,
  segments: SegmentFolder,
): OperatorFunction<Frame, EncodeResult> {
  return encodeJob(() => ({ ...jobOf(target, options), segments }));
}

function encodeJob(open: () => Job): OperatorFunction<Frame, EncodeResult> {
  return (source) =>
    new Observable<EncodeResult>((subscriber) => {
      const job = open();
      const { options } = job;
      const { signal } = options;
      if (signal?.aborted) throw cancelledError('encoding');
      const stop = new AbortController();
      const intake = new FrameIntake(source.pipe(tap(assertFrame)), WRITING_FRAMES);
      const end = (): void => {
        const reason = cancelledError('encoding');
        stop.abort(reason);
        intake.fail(reason);
      };
      signal?.addEventListener('abort', end, { once: true });
      writeFilm(intake, job, stop.signal)
        .then(
          (result) => {
            subscriber.next(result);
            subscriber.complete();
          },
          (error: unknown) => {
            const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
            intake.fail(reason);
            subscriber.error(reason);
          },
        )
        .finally(() => signal?.removeEventListener('abort', end));
      return end;
    });
}
