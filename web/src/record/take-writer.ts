import { FrameloomError } from '../../../src/base/error.js';
import type { Size } from '../../../src/play/live/services.js';
import { API, type RecordMessage, type RecordingStart } from '../../../src/serve/page-api.js';
import { errorIn, ServerSocket } from '../engine/worker/server-socket.js';
import type { ServerSource } from '../engine/worker-messages.js';

/** Bytes of frames that may wait to be written, here and at the server. */
const MOST_WAITING = 96 << 20;

export type RecordedTake = Extract<RecordMessage, { type: 'recorded' }>;

/** Sends a take to the server, frame by frame. A game waits for nobody: what the server is too slow for is told. */
export class TakeWriter {
  frames = 0;
  /** Frames that show the picture before once more. */
  repeated = 0;
  /** Of those, the ones whose own picture could not be taken in time. */
  lost = 0;
  /** Called when the server has ended the take, with why. */
  onFail: (error: Error) => void = () => undefined;
  readonly #socket: ServerSocket;
  readonly #frameBytes: number;
  #taken = 0;
  /** Bytes of each frame that the server has not acknowledged. */
  readonly #waiting: number[] = [];
  #waitingBytes = 0;
  #told: RecordedTake | null = null;
  #failure: Error | null = null;
  #wake = (): void => undefined;

  constructor(
    source: Pick<ServerSource, 'base' | 'token'>,
    { width, height, fps }: Size & { readonly fps: number },
  ) {
    this.#frameBytes = 3 * width * height;
    this.#socket = new ServerSocket(source, API.record);
    this.#socket.onEnd = (error) => {
      if (!this.#told) this.#fail(error);
    };
    this.#socket.onMessage = (data) => this.#hear(JSON.parse(data as string) as RecordMessage);
    const start: RecordingStart = { type: 'start', width, height, fps };
    this.#send(JSON.stringify(start));
  }

  /**
   * @param rgb rgb24 of the take's size; null where the frame shows the picture before
   * @param values what was held, in the order of the columns
   */
  add(rgb: Uint8Array | null, values: readonly number[]): void {
    if (this.#failure) return;
    const isLost = rgb !== null && this.#waitingBytes > MOST_WAITING;
    const picture = isLost ? null : rgb;
    if (picture && picture.length !== this.#frameBytes) {
      return this.#fail(new FrameloomError('bad-input', 'the picture has changed its size'));
    }
    this.frames += 1;
    if (!picture) this.repeated += 1;
    if (isLost) this.lost += 1;
    const held = new Uint8Array(Float32Array.from(values).buffer);
    const message = new Uint8Array((picture?.length ?? 0) + held.length);
    if (picture) message.set(picture);
    message.set(held, picture?.length ?? 0);
    this.#waiting.push(message.length);
    this.#waitingBytes += message.length;
    this.#send(message);
  }

  /** A picture that never came, of those that the frames are counted by. */
  missed(count: number): void {
    this.lost += count;
  }

  /** Ends the take. @returns what was written @throws FrameloomError what it failed by */
  async end(): Promise<RecordedTake> {
    const stop: RecordMessage = { type: 'stop', lost: this.lost };
    this.#send(JSON.stringify(stop));
    while (!this.#told) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#told;
  }

  #send(message: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(message).catch((error: unknown) => this.#fail(error as Error));
  }

  #hear(message: RecordMessage): void {
    if (message.type === 'recorded') this.#told = message;
    else if (message.type === 'error') this.#fail(errorIn(message));
    else if (message.type === 'taken') {
      for (; this.#taken < message.frames; this.#taken += 1) {
        this.#waitingBytes -= this.#waiting.shift() ?? 0;
      }
    }
    this.#wake();
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.onFail(error);
    this.#wake();
  }
}
