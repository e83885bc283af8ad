import type { Writable } from 'node:stream';
import { Observable, type OperatorFunction } from 'rxjs';
import { FrameloomError, messageOf } from '../base/error.js';
import { silentLogger } from '../base/log.js';
import { formatRational, type Rational } from '../base/rational.js';
import { prepareSound, type Sound } from './audio.js';
import { type Carried, checkCarry, prepareCarried } from './carry.js';
import { Encoder, WRITING_FRAMES } from './encoder.js';
import { cancelledError } from './ffmpeg-error.js';
import { findFfmpeg } from './ffmpeg-path.js';
import { finishFilm } from './finish-film.js';
import { formatOf, OUTPUT_FORMATS } from './formats.js';
import { FrameIntake } from './frame-intake.js';
import { openTarget, type OutputTarget } from './output.js';
import { OutputTimes } from './output-times.js';
import { frameBytes } from './pixel-format.js';
import { toRate } from './rate.js';
import { SOUND_ENCODERS } from './sound-encoder.js';
import type { EncodeOptions, EncodeResult, Frame, FrameShape, OutputFormatName } from './types.js';

/** What an encoding is to be, checked as far as it can be before anything runs. */
interface Job {
  readonly target: string | Writable;
  readonly options: EncodeOptions;
  readonly fps: Rational;
  readonly format: OutputFormatName;
}

function jobOf(target: string | Writable, options: EncodeOptions): Job {
  const path = typeof target === 'string' && target !== '-' ? target : undefined;
  const format = formatOf(path, options.format);
  const { audioFrom, audioStartSeconds = 0 } = options;
  if (audioFrom !== undefined && SOUND_ENCODERS[format] === undefined) {
    throw new FrameloomError(
      'bad-option',
      `${format} holds no sound, so audioFrom cannot be carried along`,
      { hint: 'write mp4, mov, mkv or webm' },
    );
  }
  if (!Number.isFinite(audioStartSeconds)) {
    throw new FrameloomError('bad-option', `audioStartSeconds is ${audioStartSeconds}, not a time`);
  }
  checkCarry(format, options, path === undefined);
  return { target, options, fps: toRate(options.fps), format };
}

/** Bytes of another length would shift every frame after them. */
function checkFrame(frame: Frame, at: number, shape: FrameShape, expected: boolean): void {
  const { width, height, pixelFormat, data } = frame;
  const same =
    width === shape.width && height === shape.height && pixelFormat === shape.pixelFormat;
  if (!same) {
    throw new FrameloomError(
      'bad-shape',
      `frame ${at} is ${width}×${height} ${pixelFormat}, ${expected ? 'it should be' : 'the first one'} ${shape.width}×${shape.height} ${shape.pixelFormat}`,
    );
  }
  const bytes = frameBytes(width, height, pixelFormat);
  if (data.length !== bytes) {
    throw new FrameloomError(
      'bad-shape',
      `frame ${at} has ${data.length} bytes, ${width}×${height} ${pixelFormat} has ${bytes}`,
    );
  }
}

interface Extras {
  readonly sound: Sound | null;
  readonly carried: Carried | null;
}

/**
 * Takes frames until there are no more and writes them, from looking at the sound to the file in its
 * place. Whatever happens, ffmpeg is gone and the partial file removed when this ends.
 * @param stop ends everything at once, with its reason
 */
async function writeFrames(
  intake: FrameIntake,
  job: Job,
  stop: AbortSignal,
): Promise<EncodeResult> {
  const { options, format } = job;
  const [programs, sound, carried] = await Promise.all([
    findFfmpeg(),
    prepareSound(format, options, stop),
    prepareCarried(options, stop),
  ]);
  intake.open();
  const shape = options.expects ?? (await intake.peek());
  if (!shape) throw noFrames();
  const { overwrite, log } = options;
  const target = await openTarget(job.target, format === 'png', { overwrite, log });
  try {
    stop.throwIfAborted();
    checkCarry(format, options, target.kind === 'stream');
    return await encodeInto(target, intake, { ...job, shape, programs, sound, carried, stop });
  } finally {
    // What was committed is in its place: only what is left over goes.
    if (target.kind === 'file') {
      await target.discard().catch((error: unknown) => {
        const why = messageOf(error);
        (log ?? silentLogger).warn(`a partial file of ${target.path} may be left: ${why}`);
      });
    }
  }
}

const noFrames = (): FrameloomError =>
  new FrameloomError('bad-input', 'there is no frame to encode');

interface Ready extends Job, Extras {
  readonly shape: FrameShape;
  readonly programs: Awaited<ReturnType<typeof findFfmpeg>>;
  readonly stop: AbortSignal;
}

async function encodeInto(
  target: OutputTarget,
  intake: FrameIntake,
  ready: Ready,
): Promise<EncodeResult> {
  const { options, format, fps, shape, programs, sound, carried, stop } = ready;
  const kind = OUTPUT_FORMATS[format];
  const toPipe = target.kind === 'stream';
  const plan = kind.plan(shape, options, {
    toPipe,
    numbered: target.kind === 'file' && !target.single,
    fps,
    oldEncoder: !programs.fpsMode,
  });
  const times = new OutputTimes({ fps, kind: kind.times, smallestGapSeconds: kind.gapSeconds });
  let trouble: { readonly reason: unknown } | undefined;
  const encoder = new Encoder({
    ...{ programs, shape, fps, timeBase: times.timeBase, times: kind.times, plan, target },
    filter: options.filter,
    path: typeof ready.target === 'string' ? ready.target : undefined,
    sound: toPipe && sound ? { input: sound.input, options: sound.options(1) } : undefined,
    onTrouble: (reason) => {
      trouble ??= { reason };
      intake.fail(reason);
    },
  });
  const kill = (): void => void encoder.stop();
  stop.addEventListener('abort', kill);
  try {
    const onlyPicture = target.kind === 'file' && target.single ? target.path : undefined;
    const frames = await feed(encoder, intake, times, { ...ready, onlyPicture });
    const written = await encoder.finish();
    if (written !== undefined && written !== encoder.sent && options.filter === undefined) {
      throw new FrameloomError(
        'ffmpeg-failed',
        `ffmpeg wrote ${written} of ${encoder.sent} frames`,
      );
    }
    const durationSeconds = times.endSeconds;
    tellMoved(times, ready);
    if (target.kind === 'file') {
      const { log } = options;
      const film = { target, format, durationSeconds, sound, carried, programs, log };
      await finishFilm({ ...film, signal: stop });
      stop.throwIfAborted();
      await target.commit();
    }
    return {
      ...{ frames, durationSeconds, width: plan.width, height: plan.height, format },
      ...(encoder.sent === frames ? {} : { framesWritten: encoder.sent }),
      ...(target.kind === 'file' ? { path: target.path } : {}),
    };
  } catch (error) {
    const reason: unknown = trouble ? trouble.reason : error;
    intake.fail(reason);
    throw reason;
  } finally {
    stop.removeEventListener('abort', kill);
    await encoder.stop();
  }
}

/** Writes frame after frame. @returns how many there were */
async function feed(
  encoder: Encoder,
  intake: FrameIntake,
  times: OutputTimes,
  {
    options,
    format,
    fps,
    shape,
    onlyPicture,
  }: Ready & { readonly onlyPicture: string | undefined },
): Promise<number> {
  const log = options.log ?? silentLogger;
  let frames = 0;
  let last: Frame | undefined;
  for (let frame = await intake.next(); frame; frame = await intake.next()) {
    checkFrame(frame, frames, shape, options.expects !== undefined);
    if (onlyPicture !== undefined && last) throw onePicture(onlyPicture);
    const { tick, repeats } = times.place(frame.timeSeconds);
    if (repeats > 0 && encoder.sent === frames) {
      log.info(
        `${format} has one rate only, ${formatRational(fps)}: frames are written more than once to keep their times`,
      );
    }
    for (let k = repeats; k > 0 && last; k -= 1) {
      await encoder.room();
      encoder.write(last.data, tick - k);
    }
    await encoder.room();
    encoder.write(frame.data, tick, () => intake.release());
    frames += 1;
    last = frame;
  }
  if (frames === 0) throw noFrames();
  return frames;
}

const onePicture = (path: string): FrameloomError =>
  new FrameloomError('bad-option', `${path} holds one picture, and there are more frames`, {
    hint: 'name a pattern such as %05d.png',
    path,
  });

/** Frames that had to be moved visibly. */
function tellMoved(times: OutputTimes, { options, format, fps }: Ready): void {
  if (times.furthestSeconds <= fps.den / fps.num) return;
  const most = times.furthestSeconds.toFixed(3);
  (options.log ?? silentLogger).warn(
    `some frames are shown up to ${most} s later than their times say: ${format} cannot hold them so close`,
  );
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
  options: EncodeOptions,
): OperatorFunction<Frame, EncodeResult> {
  return (source) =>
    new Observable<EncodeResult>((subscriber) => {
      const job = jobOf(target, options);
      const { signal } = options;
      if (signal?.aborted) throw cancelledError('encoding');
      const stop = new AbortController();
      const intake = new FrameIntake(source, WRITING_FRAMES);
      const end = (): void => {
        const reason = cancelledError('encoding');
        stop.abort(reason);
        intake.fail(reason);
      };
      signal?.addEventListener('abort', end, { once: true });
      writeFrames(intake, job, stop.signal)
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
