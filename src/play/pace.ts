/** How much earlier than it is due a step may begin, as a share of the time between two: a display's own jitter. */
const EARLY = 0.1;

/** How much longer steps are, as a share of one, until what was hurried is made up for. */
const SLOWER = 0.5;

/**
 * Fixed steps of time. Who comes late finds the newest step that is due, and not all that were missed: those are
 * counted and never made up for, so that nothing lags behind.
 */
export class Pace {
  #stepMs: number;
  #dueMs: number | null = null;
  #dropped = 0;
  /** How much earlier than they were due steps were taken, and no later one has made up for. */
  #aheadMs = 0;

  /** @param rate steps a second */
  constructor(rate: number) {
    this.#stepMs = 1000 / rate;
  }

  /** Steps that were due and not taken. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Steps a second from the next one on. */
  set rate(rate: number) {
    const before = this.#stepMs;
    this.#stepMs = 1000 / rate;
    if (this.#dueMs !== null) this.#dueMs += this.#stepMs - before;
  }

  /** Milliseconds until a step may be taken. */
  wait(nowMs: number): number {
    return this.#dueMs === null ? 0 : Math.max(0, this.#dueMs - EARLY * this.#stepMs - nowMs);
  }

  /** Takes the step that is due at this time, where one is. */
  take(nowMs: number): boolean {
    if (this.wait(nowMs) > 0) return false;
    this.#dueMs ??= nowMs;
    const missed = Math.max(0, Math.floor((nowMs - this.#dueMs) / this.#stepMs));
    this.#dropped += missed;
    const owed = missed > 0 ? 0 : Math.min(this.#aheadMs, SLOWER * this.#stepMs);
    this.#aheadMs = missed > 0 ? 0 : this.#aheadMs - owed;
    this.#dueMs += (missed + 1) * this.#stepMs + owed;
    return true;
  }

  /**
   * Makes the next step due now, and those behind it later by as much, so that the rate stays what it is: each is
   * longer until that is made up for. No more than one step is ever owed.
   */
  hurry(nowMs: number): void {
    if (this.#dueMs === null) return;
    const earlyMs = Math.max(0, this.#dueMs - nowMs);
    if (this.#aheadMs + earlyMs > (1 + EARLY) * this.#stepMs) return;
    this.#aheadMs += earlyMs;
    this.#dueMs -= earlyMs;
  }

  /** The next step is due as soon as it is asked for: time stood still. */
  rest(): void {
    this.#dueMs = null;
    this.#aheadMs = 0;
  }
}
