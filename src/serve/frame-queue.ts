import type { Frame } from '../video/index.js';

/** Frames that come when they come, for an encoder that takes them when it can. */
export class FrameQueue implements AsyncIterable<Frame> {
  readonly #waiting: Frame[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  /** Told of each frame that the encoder has taken. */
  onTaken: (() => void) | undefined;

  /** Bytes of the frames that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  push(frame: Frame): void {
    this.#waiting.push(frame);
    this.#bytes += frame.data.length;
    this.#wake?.();
  }

  /** No more will come. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Frame, void, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next) {
        this.#bytes -= next.data.length;
        this.onTaken?.();
        yield next;
      } else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
