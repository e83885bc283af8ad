/**
 * Takes over a page's animation frames, so that something can be done in each of them after all that the page itself does:
 * only there a canvas of WebGL still holds what was drawn, and what was drawn is by what had been pressed.
 */
export class AnimationFrames {
  readonly #after: (timeMs: number) => void;
  readonly #request = window.requestAnimationFrame.bind(window);
  #waiting = new Map<number, FrameRequestCallback>();
  #running = new Map<number, FrameRequestCallback>();
  #last = 0;

  /** @param after called in each frame, behind the page's own callbacks */
  constructor(after: (timeMs: number) => void) {
    this.#after = after;
  }

  install(): void {
    window.requestAnimationFrame = (callback) => {
      if (typeof callback !== 'function') {
        throw new TypeError('requestAnimationFrame takes a function');
      }
      this.#last += 1;
      this.#waiting.set(this.#last, callback);
      return this.#last;
    };
    window.cancelAnimationFrame = (handle) => {
      this.#waiting.delete(handle);
      this.#running.delete(handle);
    };
    this.#request((timeMs) => this.#frame(timeMs));
  }

  #frame(timeMs: number): void {
    this.#request((nextMs) => this.#frame(nextMs));
    this.#running = this.#waiting;
    this.#waiting = new Map();
    for (const [handle, callback] of this.#running) {
      if (!this.#running.delete(handle)) continue;
      try {
        callback(timeMs);
      } catch (error) {
        // Of the page: it is told as it would be without us, and the others are called.
        reportError(error);
      }
    }
    this.#after(timeMs);
  }
}
