import type { ActionColumn } from '../clips/types.js';
import { actionVector, type GivenActions } from '../synthesis/engines/told-actions.js';

/**
 * What is done now. A key that is pressed and let go between two frames is pressed in the next one: a tap that is
 * shorter than a frame would be lost otherwise.
 */
export class HeldActions {
  readonly #columns: readonly ActionColumn[];
  /** Null where it is not known. */
  #now: Float32Array | null;
  /** Keys that were pressed since the last frame. */
  readonly #pressed = new Set<number>();

  /** Nothing is done at first: every column has its default. */
  constructor(columns: readonly ActionColumn[] = []) {
    this.#columns = columns;
    this.#now = columns.length > 0 ? Float32Array.from(columns, (one) => one.default) : null;
  }

  /** @throws FrameloomError bad-input where the generator is told no such thing */
  set(given: GivenActions): void {
    const told = actionVector(given, this.#columns);
    const before = this.#now;
    this.#now = told && given ? told.slice(0, this.#columns.length) : null;
    this.#now?.forEach((value, i) => {
      if (this.#columns[i]!.kind === 'key' && value === 1 && before?.[i] !== 1)
        this.#pressed.add(i);
    });
  }

  /** What the next frame is told; null where it is not known, or nothing is told. */
  take(): Float32Array | null {
    const next = this.#now?.map((value, i) => (this.#pressed.has(i) ? 1 : value)) ?? null;
    this.#pressed.clear();
    return next;
  }
}
