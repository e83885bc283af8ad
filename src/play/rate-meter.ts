const REMEMBERED = 512;
/** What counts as lately. */
const SPAN_MS = 2000;

/** How often something happened lately. */
export class RateMeter {
  readonly #times = new Float64Array(REMEMBERED);
  #count = 0;

  add(nowMs: number): void {
    this.#times[this.#count % REMEMBERED] = nowMs;
    this.#count += 1;
  }

  /** Times a second over the last two seconds; null where there were not two of them. */
  rate(nowMs: number): number | null {
    const kept = Math.min(this.#count, REMEMBERED);
    let since = 0;
    while (since < kept && this.#back(since) > nowMs - SPAN_MS) since += 1;
    if (since < 2) return null;
    const spanMs = this.#back(0) - this.#back(since - 1);
    return spanMs > 0 ? ((since - 1) * 1000) / spanMs : null;
  }

  /** The time of the last one but so many. */
  #back(by: number): number {
    return this.#times[(this.#count - 1 - by) % REMEMBERED]!;
  }
}
