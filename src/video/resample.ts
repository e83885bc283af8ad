import { rationalToNumber, type Rational } from '../base/rational.js';

/** A frame and the numbers under which it is delivered. */
export interface Resampled<T> {
  readonly frame: T;
  /** Counts at the rate delivered. */
  readonly slot: number;
}

/**
 * Frames at another rate, each slot showing the frame that is shown then: repeated where there are
 * more slots than frames, left out where there are fewer. Slot j begins at j / fps; a frame begins at
 * the slot nearest to its time, so that nothing is more than half a slot off.
 */
export class Resampler<T> {
  readonly #perSecond: number;
  #held: { frame: T; slot: number } | undefined;
  #delivered = false;

  constructor(fps: Rational) {
    this.#perSecond = rationalToNumber(fps);
  }

  /** Takes the next frame. @returns what of the one before is now known to be delivered */
  push(frame: T, timeSeconds: number): Resampled<T>[] {
    // Rounded to a millionth first: a time just under a half is one of a half, written differently.
    const slot = Math.round(Number((timeSeconds * this.#perSecond).toFixed(6)));
    const out = this.#upTo(slot);
    this.#held = { frame, slot };
    return out;
  }

  /** @param endSeconds when the last frame ends to be shown */
  end(endSeconds: number): Resampled<T>[] {
    const slot = Math.round(Number((endSeconds * this.#perSecond).toFixed(6)));
    const held = this.#held;
    if (!held) return [];
    // Something of a source is shown, however short it is.
    return this.#upTo(this.#delivered ? slot : Math.max(slot, held.slot + 1));
  }

  #upTo(slot: number): Resampled<T>[] {
    const held = this.#held;
    if (!held) return [];
    const out: Resampled<T>[] = [];
    for (let i = held.slot; i < slot; i += 1) out.push({ frame: held.frame, slot: i });
    this.#delivered ||= out.length > 0;
    return out;
  }
}
