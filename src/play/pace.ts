/** How much earlier than it is due a step may begin, as a share of the time between two: a display's own jitter. */
const EARLY = 0.1;

/**
 * Fixed steps of time. Who comes late finds the newest step that is due, and not all that were missed: those are
 * counted and never made up for, so that nothing lags behind.
 */
export class Pace {
  #stepMs: number;
  #dueMs: number | null = null;
  #dropped = 0;

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
    this.#dueMs += (missed + 1) * this.#stepMs;
    return true;
  }

  /** The next step is due as soon as it is asked for: time stood still. */
  rest(): void {
    this.#dueMs = null;
  }
}
