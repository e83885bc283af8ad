import { frameAt, momentOf } from './clock.js';

/**
 * Pictures that come when they come, as frames of a constant rate: each frame shows the newest picture that was captured by
 * its moment. A screen on which nothing moves sends none, and is the same picture again.
 */
export class ConstantRate<Picture> {
  readonly #fps: number;
  readonly #beganMs: number;
  readonly #write: (picture: Picture | null, momentMs: number) => void;
  /** What no frame shows yet, the oldest first. */
  #pictures: { readonly picture: Picture; readonly frame: number }[] = [];
  #next = 0;

  /**
   * @param beganMs when the first frame is shown
   * @param write told of each frame in order: null where it shows the picture before
   */
  constructor(
    fps: number,
    beganMs: number,
    write: (picture: Picture | null, momentMs: number) => void,
  ) {
    this.#fps = fps;
    this.#beganMs = beganMs;
    this.#write = write;
  }

  /** Takes a picture. Those of the past come in order. */
  put(picture: Picture, atMs: number): void {
    // One that comes when its frame is written already is shown by the next.
    const frame = Math.max(this.#next, frameAt(atMs - this.#beganMs, this.#fps));
    // The newest of a frame is the one that it shows.
    this.#pictures = this.#pictures.filter((one) => one.frame !== frame);
    this.#pictures.push({ picture, frame });
    this.#writeBefore(frame);
  }

  /** No picture comes any more that was captured by then. */
  settle(untilMs: number): void {
    this.#writeBefore(frameAt(untilMs - this.#beganMs, this.#fps));
  }

  #writeBefore(end: number): void {
    for (; this.#next < end; this.#next += 1) {
      const due = this.#pictures.filter(({ frame }) => frame <= this.#next);
      this.#pictures = this.#pictures.filter(({ frame }) => frame > this.#next);
      const moment = this.#beganMs + momentOf(this.#next, this.#fps);
      this.#write(due.at(-1)?.picture ?? null, moment);
    }
  }
}
