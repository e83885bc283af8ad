import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { Observable, type OperatorFunction, type Subscriber, type Subscription } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { silentLogger } from '../base/log.js';
import { rationalToNumber, type Rational } from '../base/rational.js';
import { muxAudio, pipedAudio } from './audio.js';
import { ffmpegArguments } from './command.js';
import { bothOpen, currentDemand, DemandGate, withDemand } from './demand.js';
import { cancelledError, ffmpegError, outputStreamError } from './ffmpeg-error.js';
import { findFfmpeg } from './ffmpeg-path.js';
import { formatOf, OUTPUT_FORMATS, type OutputPlan } from './formats.js';
import { openTarget, type OutputTarget } from './output.js';
import { frameBytes } from './pixel-format.js';
import { MediaProcess } from './process.js';
import { toRate } from './rate.js';
import type { EncodeOptions, EncodeResult, Frame, FrameShape, OutputFormatName } from './types.js';

/** Frames on their way into ffmpeg's stdin: one being written, one ready behind it. */
const WRITING_FRAMES = 2;

interface Started {
  readonly process: MediaProcess;
  readonly target: OutputTarget;
  readonly plan: OutputPlan;
  /** The output stream has taken everything. */
  readonly piped: Promise<void>;
}

/** One subscription: one ffmpeg, begun by the first frame unless that is known before. */
class EncodeRun {
  readonly #target: string | Writable;
  readonly #options: EncodeOptions;
  readonly #subscriber: Subscriber<EncodeResult>;
  readonly #fps: Rational;
  readonly #format: OutputFormatName;
  readonly #gate = new DemandGate();
  readonly #queue: Frame[] = [];
  #upstream: Subscription | undefined;
  #removeAbort: (() => void) | undefined;
  #first: FrameShape | undefined;
  #started: Started | undefined;
  #received = 0;
  #writing = 0;
  #upstreamDone = false;
  #over = false;
  #ending: Promise<void> | undefined;

  constructor(
    target: string | Writable,
    options: EncodeOptions,
    subscriber: Subscriber<EncodeResult>,
  ) {
    this.#target = target;
    this.#options = options;
    this.#subscriber = subscriber;
    this.#fps = toRate(options.fps);
    const path = typeof target === 'string' && target !== '-' ? target : undefined;
    this.#format = formatOf(path, options.format);
    if (options.audioFrom !== undefined && OUTPUT_FORMATS[this.#format].audio === null) {
      throw new FrameloomError(
        'bad-option',
        `${this.#format} holds no sound, so audioFrom cannot be carried along`,
        {
          hint: 'write mp4, mov, mkv or webm',
        },
      );
    }
  }

  start(source: Observable<Frame>): void {
    const { signal } = this.#options;
    if (signal) {
      const cancel = (): void => this.#fail(cancelledError('encoding'));
      if (signal.aborted) return cancel();
      signal.addEventListener('abort', cancel, { once: true });
      this.#removeAbort = () => signal.removeEventListener('abort', cancel);
    }
    const { expects } = this.#options;
    if (expects) this.#begin((this.#first = expects));
    const demand = bothOpen(this.#gate, currentDemand());
    const subscription = withDemand(demand, () =>
      source.subscribe({
        next: (frame) => this.#take(frame),
        error: (error: unknown) => this.#fail(error),
        complete: () => {
          this.#upstreamDone = true;
          this.#complete();
        },
      }),
    );
    this.#upstream = subscription;
    if (this.#over) subscription.unsubscribe();
  }

  #take(frame: Frame): void {
    if (this.#over) return;
    const begun = this.#first !== undefined;
    const first = (this.#first ??= frame);
    this.#received += 1;
    const wrong = this.#refuse(frame, first);
    if (wrong) return this.#fail(wrong);
    this.#queue.push(frame);
    if (!begun) this.#begin(first);
    this.#write();
  }

  #begin(shape: FrameShape): void {
    this.#startFfmpeg(shape).then(
      () => this.#write(),
      (error: unknown) => this.#fail(error),
    );
  }

  /** Bytes of another length would shift every frame after them. */
  #refuse(frame: Frame, first: FrameShape): FrameloomError | undefined {
    const { width, height, pixelFormat, data } = frame;
    const same =
      width === first.width && height === first.height && pixelFormat === first.pixelFormat;
    if (!same) {
      return new FrameloomError(
        'bad-shape',
        `frame ${this.#received - 1} is ${width}×${height} ${pixelFormat}, ${this.#options.expects ? 'it should be' : 'the first one'} ${first.width}×${first.height} ${first.pixelFormat}`,
      );
    }
    const expected = frameBytes(width, height, pixelFormat);
    if (data.length === expected) return undefined;
    return new FrameloomError(
      'bad-shape',
      `frame ${this.#received - 1} has ${data.length} bytes, ${width}×${height} ${pixelFormat} has ${expected}`,
    );
  }

  async #startFfmpeg(first: FrameShape): Promise<void> {
    const options = this.#options;
    const programs = await findFfmpeg();
    const target = await openTarget(this.#target, this.#format === 'png');
    if (this.#over) {
      if (target.kind === 'file') await target.discard();
      return;
    }
    const toPipe = target.kind === 'stream';
    const plan = OUTPUT_FORMATS[this.#format].plan(first, options, {
      toPipe,
      numbered: target.kind === 'file' && !target.single,
    });
    const filters = [options.filter, 'setsar=1', plan.filter].filter(
      (part) => part !== undefined && part !== '',
    );
    const rate = `${this.#fps.num}/${this.#fps.den}`;
    const audio = toPipe ? pipedAudio(this.#format, options) : { inputs: [], options: [] };
    const args = ffmpegArguments(
      [
        {
          url: 'pipe:0',
          options: [
            ...['-f', 'rawvideo', '-pixel_format', first.pixelFormat],
            ...['-video_size', `${first.width}x${first.height}`, '-framerate', rate],
          ],
        },
        ...audio.inputs,
      ],
      {
        url: toPipe ? 'pipe:1' : target.url,
        videoFilter: filters.join(','),
        options: ['-map', '0:v:0', '-r', rate, ...audio.options, ...plan.options],
      },
      { progress: true },
    );
    const process = new MediaProcess(programs.ffmpegPath, args, {
      stdin: 'pipe',
      stdout: toPipe ? 'pipe' : 'ignore',
    });
    const piped = toPipe ? this.#pipeOut(process, target.stream, target.ends) : Promise.resolve();
    piped.catch((error: unknown) => this.#fail(error));
    this.#started = { process, target, plan, piped };
    // Ended before its input did: whatever the reason, nothing more will be written.
    void process.ended.then(() => {
      if (!this.#over && !this.#ending) this.#fail(this.#died(process));
    });
  }

  #died(process: MediaProcess): Promise<FrameloomError> {
    const path = typeof this.#target === 'string' ? this.#target : undefined;
    return process.ended.then((end) =>
      ffmpegError({
        doing: 'encode',
        path,
        end,
        stderr: process.stderr,
        filter: this.#options.filter,
      }),
    );
  }

  /** ffmpeg's output into the stream, at the stream's pace. */
  async #pipeOut(process: MediaProcess, stream: Writable, ends: boolean): Promise<void> {
    const stdout = process.child.stdout;
    if (!stdout) return;
    const gone = new AbortController();
    const closed = new Promise<never>((_, reject) => {
      const onError = (error: unknown): void => reject(outputStreamError(error));
      const onClose = (): void =>
        reject(outputStreamError(Object.assign(new Error('closed'), { code: 'EPIPE' })));
      stream.on('error', onError).on('close', onClose);
      gone.signal.addEventListener('abort', () =>
        stream.off('error', onError).off('close', onClose),
      );
    });
    closed.catch(() => undefined);
    try {
      if (stream.destroyed || stream.writableEnded) {
        throw outputStreamError(Object.assign(new Error('closed'), { code: 'EPIPE' }));
      }
      for await (const chunk of stdout as AsyncIterable<Buffer>) {
        if (!stream.write(chunk)) {
          await Promise.race([once(stream, 'drain', { signal: gone.signal }), closed]);
        }
      }
      // All of it must have been taken, not only handed over.
      await Promise.race([
        new Promise<void>((resolve) => {
          if (ends) stream.end(() => resolve());
          else stream.write('', () => resolve());
        }),
        closed,
      ]);
    } finally {
      gone.abort();
    }
  }

  #write(): void {
    const started = this.#started;
    if (this.#over) return;
    if (!started) return this.#level();
    const { stdin } = started.process.child;
    if (!stdin) return;
    if (started.target.kind === 'file' && started.target.single && this.#received > 1) {
      return this.#fail(
        new FrameloomError(
          'bad-option',
          `${started.target.path} holds one picture, and there are more frames`,
          {
            hint: 'name a pattern such as %05d.png',
            path: started.target.path,
          },
        ),
      );
    }
    for (let frame = this.#queue.shift(); frame; frame = this.#queue.shift()) {
      this.#writing += 1;
      stdin.write(frame.data, () => {
        this.#writing -= 1;
        this.#level();
        if (this.#writing === 0) this.#complete();
      });
    }
    this.#level();
    this.#complete();
  }

  #level(): void {
    this.#gate.set(!this.#over && this.#queue.length + this.#writing < WRITING_FRAMES);
  }

  /** Once the source has completed and every frame was written. */
  #complete(): void {
    if (!this.#upstreamDone || this.#over || this.#ending) return;
    if (this.#received === 0) {
      return this.#fail(new FrameloomError('bad-input', 'there is no frame to encode'));
    }
    const started = this.#started;
    if (!started || this.#queue.length > 0 || this.#writing > 0) return;
    this.#ending = this.#finish(started).catch((error: unknown) => {
      this.#ending = undefined;
      this.#fail(error);
    });
  }

  async #finish({ process, target, plan, piped }: Started): Promise<void> {
    const options = this.#options;
    process.child.stdin?.end();
    const end = await process.ended;
    if (end.code !== 0 || process.stdinError) throw await this.#died(process);
    await piped;
    const frames = this.#received;
    const written = process.stderr.progress('frame');
    if (written !== undefined && written !== frames && options.filter === undefined) {
      throw new FrameloomError('ffmpeg-failed', `ffmpeg wrote ${written} of ${frames} frames`);
    }
    const durationSeconds = frames / rationalToNumber(this.#fps);
    if (target.kind === 'file') {
      if (options.audioFrom !== undefined) {
        await muxAudio({ target, format: this.#format, durationSeconds, options });
      }
      if (this.#over) return;
      await target.commit();
    }
    if (this.#over) return;
    this.#over = true;
    this.#removeAbort?.();
    this.#subscriber.next({
      frames,
      durationSeconds,
      width: plan.width,
      height: plan.height,
      format: this.#format,
      ...(target.kind === 'file' ? { path: target.path } : {}),
    });
    this.#subscriber.complete();
  }

  /** Tells of the error when ffmpeg is gone and the partial file removed, not before. */
  #fail(error: unknown): void {
    if (this.#over) return;
    const cleaned = this.#stop();
    const tell = async (): Promise<void> => {
      const reason = error instanceof Promise ? ((await error) as unknown) : error;
      try {
        await cleaned;
      } finally {
        this.#subscriber.error(reason);
      }
    };
    void tell();
  }

  async #stop(): Promise<void> {
    this.#over = true;
    this.#removeAbort?.();
    this.#upstream?.unsubscribe();
    this.#queue.length = 0;
    const started = this.#started;
    if (!started) return;
    if (!started.process.isGone) await started.process.kill();
    if (started.target.kind === 'file') await started.target.discard();
  }

  cancel(): void {
    if (this.#over) return;
    this.#stop().catch((error: unknown) => {
      (this.#options.log ?? silentLogger).warn(`a partial file may be left: ${String(error)}`);
    });
  }
}

/**
 * A sink: encodes every frame and emits one EncodeResult when the file is complete and in place.
 *
 * It is written beside the target and renamed; on an error, on `signal` or when unsubscribed,
 * ffmpeg is ended and the partial file removed. Frames are asked for (see `decodeFrames`) only
 * while ffmpeg takes them.
 *
 * @param target A path, `-` for standard output, or a stream. The extension chooses the format:
 *   mp4 (H.264), webm (VP9), mov (ProRes), mkv (FFV1, lossless), gif, `%05d.png`, y4m, raw.
 * @param options `fps` is required: frames carry times, not a rate.
 * @returns errors with FrameloomError: bad-option, bad-input (no frames), bad-shape (frames of
 *   several sizes), closed-pipe, disk-full, write-failed, ffmpeg-failed, not-found, cancelled.
 */
export function encodeFrames(
  target: string | Writable,
  options: EncodeOptions,
): OperatorFunction<Frame, EncodeResult> {
  return (source) =>
    new Observable<EncodeResult>((subscriber) => {
      const run = new EncodeRun(target, options, subscriber);
      run.start(source);
      return () => run.cancel();
    });
}
