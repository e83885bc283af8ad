import { FrameloomError } from '../../base/error.js';
import type { LiveFrame, LiveRecorder, Recorded } from './services.js';

/** Frames that a recorder may be behind. */
const MOST_BEHIND = 8;

/**
 * A recording of all frames that are made, in order. One that falls behind is waited for, since a frame that is
 * missing would be silent.
 */
class Recording {
  readonly #recorder: Promise<LiveRecorder>;
  readonly #fail: (error: unknown) => void;
  readonly #room: () => void;
  /** What was handed over before. */
  #last: Promise<unknown>;
  #behind = 0;
  #isOver = false;

  constructor(recorder: Promise<LiveRecorder>, fail: (error: unknown) => void, room: () => void) {
    this.#recorder = recorder;
    this.#fail = fail;
    this.#room = room;
    this.#last = recorder.catch((error: unknown) => this.#failedWith(error));
  }

  get isBehind(): boolean {
    return this.#behind >= MOST_BEHIND;
  }

  /** Settles when all is handed over that was added. */
  get idle(): Promise<unknown> {
    return this.#last;
  }

  add(frame: LiveFrame): void {
    this.#behind += 1;
    this.#last = this.#last
      .then(() => this.#hand(frame))
      .catch((error: unknown) => this.#failedWith(error))
      .finally(() => {
        this.#behind -= 1;
        this.#room();
      });
  }

  /** @throws what it cannot be ended with */
  async end(): Promise<Recorded> {
    await this.#last;
    return (await this.#recorder).end();
  }

  async #hand(frame: LiveFrame): Promise<void> {
    const recorder = await this.#recorder;
    if (!this.#isOver) await recorder.add(frame);
  }

  #failedWith(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#fail(error);
    // By which it lets go of what it had written; why it failed has been told.
    this.#recorder.then((recorder) => recorder.end()).catch(() => undefined);
  }
}

/** One recording at a time. */
export class RecordingDesk {
  readonly #fail: (error: unknown) => void;
  readonly #room: () => void;
  #recording: Recording | null = null;

  /**
   * @param told.fail where a recording cannot go on, which ends it
   * @param told.room where a recorder has taken a frame
   */
  constructor(told: { readonly fail: (error: unknown) => void; readonly room: () => void }) {
    this.#fail = told.fail;
    this.#room = told.room;
  }

  get isOn(): boolean {
    return this.#recording !== null;
  }
  /** Whether the next frame has to wait. */
  get isBehind(): boolean {
    return this.#recording?.isBehind ?? false;
  }

  /** @throws FrameloomError bad-call where something is recorded already */
  begin(open: () => Promise<LiveRecorder>): void {
    if (this.#recording) throw new FrameloomError('bad-call', 'it is recorded already');
    const failed = (error: unknown): void => {
      if (this.#recording === recording) this.#recording = null;
      this.#fail(error);
    };
    const recording: Recording = new Recording(open(), failed, this.#room);
    this.#recording = recording;
  }

  /** Settles when the recorder has all frames that were made. */
  async idle(): Promise<void> {
    await this.#recording?.idle;
  }

  add(frame: LiveFrame): void {
    this.#recording?.add(frame);
  }

  /** @throws FrameloomError bad-call where nothing is recorded, and what a recording cannot be ended with, later */
  end(): Promise<Recorded> {
    const recording = this.#recording;
    if (!recording) throw new FrameloomError('bad-call', 'nothing is recorded');
    this.#recording = null;
    return recording.end();
  }
}
