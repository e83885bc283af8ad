import type { Rational } from '../base/rational.js';
import { type CommandInput, ffmpegArguments, passThrough } from './command.js';
import { failedToWrite, ffmpegError } from './ffmpeg-error.js';
import type { FfmpegPrograms } from './ffmpeg-path.js';
import type { OutputPlan } from './plan-types.js';
import { nutFrameHeader, nutHeader, rawTag, type TimeBase } from './nut.js';
import type { FileTarget, StreamTarget } from './output.js';
import type { TimesKind } from './output-times.js';
import { pipeOut } from './pipe-out.js';
import { MediaProcess } from './process.js';
import type { FrameShape } from './types.js';

/** Frames on their way into ffmpeg's stdin: one being written, one ready behind it. */
export const WRITING_FRAMES = 2;

export interface EncoderOptions {
  readonly programs: FfmpegPrograms;
  readonly shape: FrameShape;
  readonly fps: Rational;
  readonly timeBase: TimeBase;
  readonly times: TimesKind;
  readonly plan: OutputPlan;
  /** The user's filtergraph, before the plan's own. */
  readonly filter: string | undefined;
  readonly target: StreamTarget | Pick<FileTarget, 'kind' | 'url'>;
  /** What the error names. */
  readonly path: string | undefined;
  /** A sound track of the same pass. */
  readonly sound?:
    { readonly input: CommandInput; readonly options: readonly string[] } | undefined;
  /** It ended before its input did, or its output cannot be written: called once, at once. */
  readonly onTrouble: (error: unknown) => void;
}

/** The time base that ffmpeg's encoder works in: its own choice is the nominal rate's grid. */
function encoderTimes({ times, timeBase, filter }: EncoderOptions): string[] {
  // A filter of the user's may make another rate of it, which a constant stream then has.
  if (times !== 'kept' && filter !== undefined) return [];
  return ['-enc_time_base', `${timeBase.num}/${timeBase.den}`];
}

function argumentsOf(options: EncoderOptions): string[] {
  const { plan, target, filter, sound } = options;
  const filters = [filter, 'setsar=1', plan.filter].filter((part) => (part ?? '') !== '');
  return ffmpegArguments(
    [
      // Nothing is guessed from the first frames, which would have to be waited for.
      { url: 'pipe:0', options: ['-f', 'nut', '-fpsprobesize', '0'] },
      ...(sound ? [sound.input] : []),
    ],
    {
      url: target.kind === 'stream' ? 'pipe:1' : target.url,
      videoFilter: filters.join(','),
      options: [
        ...['-map', '0:v:0', '-map_chapters', '-1'],
        ...passThrough(options.programs),
        ...encoderTimes(options),
        ...(sound?.options ?? []),
        ...plan.options,
      ],
    },
    { progress: true },
  );
}

/** One ffmpeg that is fed frames with their times. */
export class Encoder {
  readonly #options: EncoderOptions;
  readonly #process: MediaProcess;
  readonly #piped: Promise<void>;
  readonly #stop = new AbortController();
  #head: Buffer | undefined;
  #sent = 0;
  #writing = 0;
  #finishing = false;
  #troubled = false;
  #wake: (() => void) | undefined;

  constructor(options: EncoderOptions) {
    this.#options = options;
    const { target, shape, fps, timeBase } = options;
    const tag = rawTag(shape.pixelFormat);
    this.#head = nutHeader({ ...shape, tag, timeBase, frameRate: fps });
    this.#process = new MediaProcess(options.programs.ffmpegPath, argumentsOf(options), {
      stdin: 'pipe',
      stdout: target.kind === 'stream' ? 'pipe' : 'ignore',
    });
    const { stdout } = this.#process.child;
    this.#piped =
      target.kind === 'stream' && stdout
        ? pipeOut(stdout, target.stream, { ends: target.ends, stop: this.#stop.signal })
        : Promise.resolve();
    this.#piped.catch((error: unknown) => this.#trouble(error));
    // Ended before its input did: whatever the reason, nothing more will be written.
    void this.#process.ended.then(() => {
      if (!this.#finishing) this.#trouble(this.#died());
    });
  }

  /** Pictures handed to ffmpeg. */
  get sent(): number {
    return this.#sent;
  }

  /** Resolves when another picture may be written. */
  async room(): Promise<void> {
    while (this.#writing >= WRITING_FRAMES) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Writes one picture; `done` once ffmpeg has taken it. */
  write(data: Uint8Array, tick: number, done?: () => void): void {
    const { stdin } = this.#process.child;
    if (!stdin) return;
    this.#sent += 1;
    this.#writing += 1;
    stdin.cork();
    if (this.#head) stdin.write(this.#head);
    this.#head = undefined;
    stdin.write(nutFrameHeader(tick, data.byteLength));
    stdin.write(data, () => {
      this.#writing -= 1;
      done?.();
      this.#wake?.();
      this.#wake = undefined;
    });
    stdin.uncork();
  }

  /**
   * Ends the input and waits until all is written.
   * @returns how many pictures ffmpeg says it wrote
   * @throws FrameloomError what ffmpeg failed with, or the output stream
   */
  async finish(): Promise<number | undefined> {
    while (this.#writing > 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#finishing = true;
    this.#process.child.stdin?.end();
    const end = await this.#process.ended;
    const { stderr, stdinError } = this.#process;
    if (end.code !== 0 || stdinError || failedToWrite(stderr)) throw await this.#died();
    await this.#piped;
    return this.#process.stderr.progress('frame');
  }

  /** Ends whatever still runs. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#finishing = true;
    this.#stop.abort(new Error('the encoder was stopped'));
    if (!this.#process.isGone) await this.#process.kill();
  }

  async #died(): Promise<unknown> {
    const { path, filter } = this.#options;
    const end = await this.#process.ended;
    return ffmpegError({ doing: 'encode', path, end, stderr: this.#process.stderr, filter });
  }

  #trouble(error: unknown): void {
    if (this.#troubled || this.#stop.signal.aborted) return;
    this.#troubled = true;
    void Promise.resolve(error).then((reason) => {
      this.#options.onTrouble(reason);
      // Whoever waits for room waits no longer.
      void this.stop();
    });
  }
}
