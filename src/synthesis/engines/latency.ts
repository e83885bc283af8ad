import type { Synthesizer } from './synthesizer.js';

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

/** A synthesizer that times itself. */
export interface TimedSynthesizer extends Synthesizer {
  /** Of the last 1,000 frames. The very first frame is slower: kernels are chosen during it. */
  readonly latency: LatencyFigures;
}

/** Frames that the figures are of: the last half minute of a game. */
const REMEMBERED_FRAMES = 1000;

/** The smallest value that `share` of the sorted values do not exceed. */
const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;

/**
 * Times each `next` of a synthesizer.
 * @param now milliseconds of a clock that only goes forward
 */
export function withLatency(
  synthesizer: Synthesizer,
  now: () => number = () => performance.now(),
): TimedSynthesizer {
  const times = new Float64Array(REMEMBERED_FRAMES);
  let frames = 0;
  return {
    width: synthesizer.width,
    height: synthesizer.height,
    async next(condition) {
      const started = now();
      const frame = await synthesizer.next(condition);
      times[frames % REMEMBERED_FRAMES] = now() - started;
      frames += 1;
      return frame;
    },
    start: (startFrames, conditions) => synthesizer.start(startFrames, conditions),
    reset: (seed) => synthesizer.reset(seed),
    snapshot: () => synthesizer.snapshot(),
    restore: (state) => synthesizer.restore(state),
    dispose: () => synthesizer.dispose(),
    get latency() {
      if (frames === 0) return { frames, meanMs: null, p50Ms: null, p95Ms: null, maxMs: null };
      const sorted = times.slice(0, Math.min(frames, REMEMBERED_FRAMES)).sort();
      return {
        frames,
        meanMs: sorted.reduce((sum, time) => sum + time, 0) / sorted.length,
        p50Ms: percentile(sorted, 0.5),
        p95Ms: percentile(sorted, 0.95),
        maxMs: sorted.at(-1)!,
      };
    },
  };
}
