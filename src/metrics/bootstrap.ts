import { randomStream } from '../base/random.js';

/** Low and high end of a 95 % interval. */
export type Interval = readonly [low: number, high: number];

/** Below so many values an interval would say more of chance than of them. */
const LEAST_VALUES = 8;
const RESAMPLES = 1000;
const COVERED = 0.95;

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Autocovariances at lags 0 … `most`; of neighbours within a series only, about the mean of all. */
function autocovariances(series: readonly (readonly number[])[], most: number): number[] {
  const all = series.flat();
  const mean = sumOf(all) / all.length;
  return Array.from({ length: most + 1 }, (_, lag) => {
    let sum = 0;
    for (const values of series) {
      for (let i = lag; i < values.length; i += 1) {
        sum += (values[i]! - mean) * (values[i - lag]! - mean);
      }
    }
    return sum / all.length;
  });
}

/**
 * How long blocks have to be for a circular block bootstrap of a mean, by the values' own correlation
 * (Politis & White 2004, with the correction of Patton, Politis & White 2009).
 * @param series values in order; those of different series are no neighbours
 * @returns a whole number from 1 to a third of the values
 */
export function blockLength(series: readonly (readonly number[])[]): number {
  const count = sumOf(series.map(({ length }) => length));
  const most = Math.max(1, Math.ceil(Math.min(3 * Math.sqrt(count), count / 3)));
  const inARow = Math.max(5, Math.floor(Math.log10(count)));
  const mostLag = Math.min(count - 1, Math.ceil(Math.sqrt(count)) + inARow);
  const covariance = autocovariances(series, mostLag);
  const variance = covariance[0]!;
  // Constant values, but for rounding, have no correlation.
  if (!(variance > 0)) return 1;
  const limit = 2 * Math.sqrt(Math.log10(count) / count);
  // The first lag from which on several in a row are no larger than chance makes them.
  let first = 1;
  for (let lag = 1; lag <= mostLag && lag < first + inARow; lag += 1) {
    if (Math.abs(covariance[lag]! / variance) >= limit) first = lag + 1;
  }
  const width = Math.min(2 * first, mostLag);
  let slope = 0;
  let spectrum = variance;
  for (let lag = 1; lag <= width; lag += 1) {
    const weight = Math.min(1, 2 * (1 - lag / width));
    slope += 2 * weight * lag * covariance[lag]!;
    spectrum += 2 * weight * covariance[lag]!;
  }
  // A long-run variance that comes out as none would ask for blocks without end.
  if (!(spectrum > 0)) return most;
  const best = Math.cbrt((1.5 * slope ** 2 * count) / spectrum ** 2);
  return Math.min(most, Math.max(1, Math.ceil(best)));
}

/** Sums of blocks of a series that is closed to a ring. */
function ringOf(values: readonly number[]): (start: number, length: number) => number {
  const sums = new Float64Array(2 * values.length + 1);
  for (let i = 0; i < 2 * values.length; i += 1) {
    sums[i + 1] = sums[i]! + values[i % values.length]!;
  }
  const total = sums[values.length]!;
  return (start, length) => {
    const rest = length % values.length;
    return Math.floor(length / values.length) * total + sums[start + rest]! - sums[start]!;
  };
}

/** By linear interpolation, as numpy's. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const below = sorted[low]!;
  return below + (at - low) * ((sorted[low + 1] ?? below) - below);
}

/**
 * The 95 % interval of the mean of values that are alike when they are neighbours, as the scores of frames are:
 * a circular block bootstrap (Politis & Romano 1992), 1,000 times as many values drawn in blocks, percentiles of
 * their means. No block reaches from one series into another.
 * @param series values in order, the frames of a rollout each
 * @param draw names the random draws: the same seed and name give the same interval
 * @returns null of fewer than eight values, and where one of them is not finite
 */
export function bootstrapInterval(
  series: readonly (readonly number[])[],
  draw: { readonly seed: number; readonly name: string },
): Interval | null {
  const filled = series.filter(({ length }) => length > 0);
  const all = filled.flat();
  if (all.length < LEAST_VALUES || !all.every(Number.isFinite)) return null;
  const rings = filled.map(ringOf);
  /** For each value, its series and its place in there. */
  const places = filled.flatMap((values, which) => values.map((_, at) => [which, at] as const));
  const length = blockLength(filled);
  const random = randomStream(draw.seed, 'eval', `bootstrap/${draw.name}`);
  const means = new Float64Array(RESAMPLES);
  for (let i = 0; i < RESAMPLES; i += 1) {
    let sum = 0;
    for (let taken = 0; taken < all.length; taken += length) {
      const [which, at] = places[random.integer(0, all.length - 1)]!;
      sum += rings[which]!(at, Math.min(length, all.length - taken));
    }
    means[i] = sum / all.length;
  }
  means.sort();
  const tail = (1 - COVERED) / 2;
  return [quantile(means, tail), quantile(means, 1 - tail)];
}
