import type { Observable, Subscription } from 'rxjs';
import { bothOpen, currentDemand, DemandGate, withDemand } from './demand.js';
import type { Frame } from './types.js';

/**
 * Frames of an Observable for a loop that takes one after the other. The source is asked for more
 * only while fewer than `most` are here: waiting, or taken and not yet given back.
 */
export class FrameIntake<T = Frame> {
  readonly #most: number;
  readonly #gate = new DemandGate(false);
  readonly #queue: T[] = [];
  readonly #upstream: Subscription;
  #held = 0;
  #open = false;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** Subscribes at once, so that a source that is live loses nothing; asks after `open`. */
  constructor(source: Observable<T>, most: number) {
    this.#most = most;
    this.#upstream = withDemand(bothOpen(this.#gate, currentDemand()), () =>
      source.subscribe({
        next: (frame) => {
          if (this.#failure) return;
          this.#queue.push(frame);
          this.#changed();
        },
        error: (reason: unknown) => this.fail(reason),
        complete: () => {
          this.#ended = true;
          this.#changed();
        },
      }),
    );
    if (this.#failure) this.#upstream.unsubscribe();
  }

  /** From now on the source is asked for frames. */
  open(): void {
    this.#open = true;
    this.#level();
  }

  /** The next frame, which stays; undefined when there is none. */
  async peek(): Promise<T | undefined> {
    const [first] = await this.peekAt(1);
    return first;
  }

  /** The next frames, which stay; fewer at the end. @param count at most as many as may be here */
  async peekAt(count: number): Promise<readonly T[]> {
    await this.#hold(count);
    this.#throwIfFailed();
    return this.#queue.slice(0, count);
  }

  /** The next frame, to be given back by `release`; undefined at the end. @throws what it failed with */
  async next(): Promise<T | undefined> {
    await this.#hold(1);
    this.#throwIfFailed();
    const frame = this.#queue.shift();
    if (frame) this.#held += 1;
    return frame;
  }

  /** A frame that was taken is done with. */
  release(): void {
    this.#held -= 1;
    this.#level();
  }

  /** Ends it: the source is left, and whoever asks for a frame gets this instead. */
  fail(reason: unknown): void {
    if (this.#failure) return;
    this.#failure = { reason };
    this.#queue.length = 0;
    this.#changed();
    // Undefined while the source still answers to being subscribed.
    (this.#upstream as Subscription | undefined)?.unsubscribe();
  }

  async #hold(count: number): Promise<void> {
    while (!this.#failure && !this.#ended && this.#queue.length < count) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** After a wait, in which it may have failed and lost its frames: that is no end. */
  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure.reason;
  }

  #changed(): void {
    this.#level();
    this.#wake?.();
    this.#wake = undefined;
  }

  #level(): void {
    const full = this.#queue.length + this.#held >= this.#most;
    this.#gate.set(this.#open && !this.#failure && !full);
  }
}
