/** How long the last frames took, from the call to the bytes. */
export interface LatencyFigures {
  /** Frames made since the beginning. */
  readonly frames: number;
  /** Over the last frames, milliseconds; null before the first. */
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly maxMs: number | null;
}

/** Frames that the figures are of: the last half minute of a game. */
const REMEMBERED_FRAMES = 1000;

/** The smallest value that `share` of the sorted values do not exceed. */
const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;

/** Keeps how long the last frames took. */
export class LatencyMeter {
  readonly #times = new Float64Array(REMEMBERED_FRAMES);
  #frames = 0;

  add(ms: number): void {
    this.#times[this.#frames % REMEMBERED_FRAMES] = ms;
    this.#frames += 1;
  }

  get figures(): LatencyFigures {
    const frames = this.#frames;
    if (frames === 0) return { frames, meanMs: null, p50Ms: null, p95Ms: null, maxMs: null };
    const sorted = this.#times.slice(0, Math.min(frames, REMEMBERED_FRAMES)).sort();
    return {
      frames,
      meanMs: sorted.reduce((sum, time) => sum + time, 0) / sorted.length,
      p50Ms: percentile(sorted, 0.5),
      p95Ms: percentile(sorted, 0.95),
      maxMs: sorted.at(-1)!,
    };
  }
}
