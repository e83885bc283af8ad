import { bootstrapInterval, type Interval, type JudgedFrameScores } from '../../metrics/index.js';
import { measureOf, sayValue } from './measures.js';

/** What is scored frame by frame, and so can be compared frame by frame. */
const PAIRED = ['psnr', 'ssim', 'lpips'] as const;

/** Distances: the best run is below the others. */
const LOW: ReadonlySet<(typeof PAIRED)[number]> = new Set(['lpips']);

/** A run and the scores of its frames, rollout by rollout; those of other runs are of the same real frames. */
export interface ScoredRun {
  readonly name: string;
  readonly rollouts: readonly (readonly JudgedFrameScores[])[];
}

/** How much better the best run is than another one, on the same frames. */
export interface Difference {
  readonly measure: (typeof PAIRED)[number];
  readonly best: string;
  readonly other: string;
  /** Mean over frames, never below 0. */
  readonly by: number;
  /** Of the mean, 95 %, by a block bootstrap over frames; null of fewer than eight. */
  readonly interval: Interval | null;
  /** Whether other frames of the same kind would say the same of them. */
  readonly isApart: boolean;
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Holds the best run of each measure against every other, frame by frame: most of what makes a frame hard is the same
 * for all, so that a difference is known much closer than each of the two means.
 */
export function differencesOf(runs: readonly ScoredRun[]): Difference[] {
  return PAIRED.flatMap((measure) => {
    // Not every frame has a distance: what is missing is no number.
    const sign = LOW.has(measure) ? -1 : 1;
    const valueOf = (frame: JudgedFrameScores): number => sign * (frame[measure] ?? NaN);
    const means = runs.map(({ rollouts }) => meanOf(rollouts.flat().map(valueOf)));
    const best = runs[means.indexOf(Math.max(...means))];
    // Of a generator that makes no numbers nothing can be said.
    if (!best) return [];
    return runs
      .filter((run) => run !== best)
      .map((other): Difference => {
        const series = best.rollouts.map((frames, i) =>
          frames.map((frame, t) => valueOf(frame) - valueOf(other.rollouts[i]![t]!)),
        );
        const draw = { seed: 0, name: `difference/${measure}` };
        const interval = bootstrapInterval(series, draw);
        const isApart = interval !== null && interval[0] > 0;
        const names = { best: best.name, other: other.name };
        return { measure, ...names, by: meanOf(series.flat()), interval, isApart };
      });
  });
}

/** A difference as a line for people. */
export function sayDifference({ measure, best, other, by, interval, isApart }: Difference): string {
  const { title, digits } = measureOf(measure);
  const said = (value: number): string => sayValue(value, digits + 1);
  const range = interval ? ` (${said(interval[0])} … ${said(interval[1])})` : '';
  const verdict = isApart
    ? ''
    : interval
      ? ': too little to tell them apart'
      : ': of too few frames to tell';
  const where = LOW.has(measure) ? 'below' : 'above';
  return `${title}: ${best} is ${said(by)} ${where} ${other}${range}${verdict}`;
}
