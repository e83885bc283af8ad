import type { Readable } from 'node:stream';
import { Observable, type Subscriber } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { silentLogger } from '../base/log.js';
import { rationalToNumber } from '../base/rational.js';
import { ffmpegArguments } from './command.js';
import { expectedFrames, reportDamage } from './damage.js';
import { currentDemand, type Demand } from './demand.js';
import { type DecodePlan, planDecode } from './decode-plan.js';
import { cancelledError, ffmpegError } from './ffmpeg-error.js';
import { findFfmpeg } from './ffmpeg-path.js';
import { FrameSplitter, type SplitFrame } from './frame-splitter.js';
import { type InputFeed, resolveInput } from './input.js';
import { type ProbedInput, probeInput } from './probe.js';
import { MediaProcess } from './process.js';
import type { DecodeOptions, Frame } from './types.js';

/** Whole frames that may wait here; beyond them ffmpeg's pipe is left full, and ffmpeg waits. */
const WAITING_FRAMES = 2;

type DecodeSource = string | Readable | ProbedInput;

const isProbed = (source: DecodeSource): source is ProbedInput =>
  typeof source !== 'string' && 'info' in source;

/** One subscription: one ffmpeg. */
class DecodeRun {
  readonly #source: DecodeSource;
  readonly #options: DecodeOptions;
  readonly #subscriber: Subscriber<Frame>;
  readonly #demand: Demand | undefined;
  readonly #waiting: SplitFrame[] = [];
  readonly #undo: (() => void)[] = [];
  #process: MediaProcess | undefined;
  #feed: InputFeed | undefined;
  #plan: DecodePlan | undefined;
  #emitted = 0;
  #received = 0;
  #stopped = false;
  #pumping = false;
  #scheduled: NodeJS.Immediate | undefined;
  #drained: (() => void) | undefined;

  constructor(source: DecodeSource, options: DecodeOptions, subscriber: Subscriber<Frame>) {
    this.#source = source;
    this.#options = options;
    this.#subscriber = subscriber;
    this.#demand = currentDemand();
  }

  start(): void {
    const { signal } = this.#options;
    if (this.#demand) this.#undo.push(this.#demand.onOpen(() => this.#pump()));
    if (signal) {
      const cancel = (): void => this.#fail(cancelledError('decoding'));
      if (signal.aborted) return cancel();
      signal.addEventListener('abort', cancel, { once: true });
      this.#undo.push(() => signal.removeEventListener('abort', cancel));
    }
    this.#run().catch((error: unknown) => this.#fail(error));
  }

  async #run(): Promise<void> {
    const options = this.#options;
    const log = options.log ?? silentLogger;
    const programs = await findFfmpeg();
    const source = this.#source;
    const probed = isProbed(source)
      ? source
      : await probeInput(await resolveInput(source), options);
    this.#feed = probed.feed;
    if (this.#hasStopped()) {
      await probed.feed?.close();
      return;
    }
    const plan = planDecode(probed, options, log);
    this.#plan = plan;
    this.#feed = plan.feed;
    if (plan.empty) return this.#finish(() => this.#subscriber.complete());
    const process = new MediaProcess(
      programs.ffmpegPath,
      ffmpegArguments([plan.input], { url: 'pipe:1', ...plan.output }),
      { stdin: plan.feed ? 'pipe' : 'ignore' },
    );
    this.#process = process;
    const read = this.#readFrames(process, plan);
    const fed = plan.feed?.pump(process) ?? Promise.resolve();
    fed.catch((error: unknown) => this.#fail(error));
    await read;
    const end = await process.ended;
    if (this.#hasStopped()) return;
    const path = probed.info.path ?? undefined;
    if (end.code !== 0) {
      throw ffmpegError({
        doing: 'decode',
        path,
        end,
        stderr: process.stderr,
        filter: options.filter ?? options.preFilter,
      });
    }
    await fed;
    const where = path ?? 'the stream';
    const expected = expectedFrames(probed.info, plan);
    const cutOff = options.filter === undefined && options.preFilter === undefined;
    reportDamage(
      {
        where,
        path,
        container: probed.info.container,
        frames: this.#received,
        // A filter may drop or make frames as it likes.
        expected: cutOff ? expected : undefined,
        stderr: process.stderr,
      },
      options.tolerant ?? false,
      log,
    );
    if (this.#received === 0 && expected !== 0) {
      throw new FrameloomError('bad-input', `${where} gave no frame`, path ? { path } : {});
    }
    this.#finish(() => this.#subscriber.complete());
  }

  /** Resolves when ffmpeg's output has ended and every frame of it was taken. */
  async #readFrames(process: MediaProcess, plan: DecodePlan): Promise<void> {
    const stdout = process.child.stdout;
    if (!stdout) return;
    const splitter = new FrameSplitter(plan.pixelFormat, (frame) => {
      this.#received += 1;
      this.#waiting.push(frame);
    });
    await new Promise<void>((resolve, reject) => {
      process.child.once('error', () => resolve());
      stdout.once('close', resolve);
      stdout.on('data', (chunk: Buffer) => {
        try {
          splitter.push(chunk);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        this.#pump();
      });
    });
    if (this.#waiting.length > 0 && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
        this.#pump();
      });
    }
    if (splitter.pendingBytes > 0 && !this.#stopped) {
      process.stderr.push('[error] ffmpeg stopped in the middle of a frame\n');
    }
  }

  /** Emits while the consumer can take more, and lets ffmpeg write while there is room. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      if (this.#demand) {
        while (!this.#stopped && this.#demand.isOpen && this.#waiting.length > 0) this.#emit();
      } else if (this.#waiting.length > 0 && !this.#scheduled) {
        // No one downstream speaks of demand: one frame a turn, so that a consumer that does its
        // work in step sets the pace.
        this.#scheduled = setImmediate(() => {
          this.#scheduled = undefined;
          if (!this.#stopped && this.#waiting.length > 0) this.#emit();
          this.#pump();
        });
      }
    } finally {
      this.#pumping = false;
    }
    const stdout = this.#process?.child.stdout;
    if (this.#stopped || !stdout) return;
    if (this.#waiting.length >= WAITING_FRAMES) stdout.pause();
    else if (stdout.isPaused()) stdout.resume();
    if (this.#waiting.length === 0) this.#drained?.();
  }

  #emit(): void {
    const frame = this.#waiting.shift();
    const plan = this.#plan;
    if (!frame || !plan) return;
    const index = this.#emitted;
    this.#emitted += 1;
    this.#subscriber.next({
      index,
      timeSeconds: (plan.startFrame + index) / rationalToNumber(plan.fps),
      width: frame.width,
      height: frame.height,
      pixelFormat: plan.pixelFormat,
      data: frame.data,
    });
  }

  /** As a call, since it changes across an await. */
  #hasStopped(): boolean {
    return this.#stopped;
  }

  #fail(error: unknown): void {
    this.#finish(() => this.#subscriber.error(error));
  }

  #finish(tell: () => void): void {
    if (this.#stopped) return;
    this.stop();
    tell();
  }

  /** Ends ffmpeg and lets everything go; nothing is emitted after it. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#undo.forEach((undo) => undo());
    if (this.#scheduled) clearImmediate(this.#scheduled);
    this.#waiting.length = 0;
    this.#drained?.();
    const process = this.#process;
    if (process && !process.isGone) void process.kill();
    // A source that cannot even be closed has nothing more to tell anyone.
    void this.#feed?.close().catch(() => undefined);
  }
}

/**
 * The frames of a video, in order, at a constant rate, rotated and in square pixels, as bytes.
 *
 * One ffmpeg a subscription. It is paused through its pipe while nothing downstream can take a
 * frame: `encodeFrames`, `mapFrames` and `zipFrames` say so across any plain RxJS operators in
 * between; with none of them in the pipeline, one frame is emitted a turn of the event loop, so
 * that a consumer that works in step sets the pace. Unsubscribing ends ffmpeg.
 *
 * @param source A path (a video, a picture, a folder or `%05d.png` pattern of pictures, a named
 *   pipe), `-` for standard input, or a stream of a container, y4m, or raw bytes (`raw`).
 * @returns errors with FrameloomError: not-found, bad-option, bad-input (also at the end, after
 *   the frames that could be read, when the source is damaged or cut short), ffmpeg-failed,
 *   cancelled.
 */
export function decodeFrames(
  source: string | Readable,
  options: DecodeOptions = {},
): Observable<Frame> {
  return decodeSource(source, options);
}

/** decodeFrames, also of a source that has been looked at already. */
export function decodeSource(source: DecodeSource, options: DecodeOptions): Observable<Frame> {
  return new Observable<Frame>((subscriber) => {
    const run = new DecodeRun(source, options, subscriber);
    run.start();
    return () => run.stop();
  });
}
