import { z } from 'zod';
import type { Logger } from '../base/log.js';

/** Numbers about a step or an evaluation, by name. */
export type Signals = Readonly<Record<string, number | null | undefined>>;

/** The networks that a step updates. */
export const SIDES = ['generator', 'discriminators'] as const;
export type Side = (typeof SIDES)[number];

/** Of both sides; a side that waits, or whose update broke, has none. */
export const GRADIENT_NORM = {
  generator: 'generator/gradient_norm',
  discriminators: 'discriminator/gradient_norm',
} as const satisfies Readonly<Record<Side, string>>;
/** How many times its loss the generator's is long, before it is shortened where it explodes. */
export const BY_LOSS = 'generator/gradient_by_loss';
export const GRADIENT_NORMS = Object.values(GRADIENT_NORM);

/** How hard the discriminators pull at the frames: the norm of the gradient of what they ask for over that of the reconstruction. */
export const PULL = 'generator/judges_pull';
/** The norm of that gradient, where there is no reconstruction that it could be beside. */
export const GRADIENT = 'generator/judges_gradient';

/** Whether the gradient passed through all of the rollout, in steps of more frames than it may end at. */
export const CARRIED = 'control/gradient_carried';

/** A signal over the last steps, as snapshots keep it. */
export const runningSchema = z.strictObject({
  mean: z.number(),
  variance: z.number(),
  count: z.int(),
});
export type Running = z.output<typeof runningSchema>;

/**
 * What a snapshot kept of something that is remembered from step to step; null where it kept nothing, and with a
 * warning where it kept what this version does not read.
 */
export function remembrance<T>(
  schema: z.ZodType<T>,
  saved: unknown,
  what: string,
  log: Logger,
): T | null {
  if (saved === undefined || saved === null) return null;
  const parsed = schema.safeParse(saved);
  if (parsed.success) return parsed.data;
  log.warn(
    `the snapshot's ${what} cannot be read, and begins anew: training goes on, but not exactly as it would have`,
  );
  return null;
}

/** How a signal is followed. */
export interface Following {
  /** Steps in which the weight of a step in the mean falls to half. */
  readonly halfLifeSteps: number;
  /** Means of fewer steps say nothing of what is usual. */
  readonly fewestSteps: number;
  /** What hardly varies is not far off by its own noise: its deviation counts as this at the least. */
  readonly leastDeviation: number;
}

/** What a step weighs in a mean that has had so many: the first ones weigh alike, later ones no less than `least`. */
export const shareOfNext = (count: number, least: number): number =>
  Math.max(least, 1 / (count + 1));

/** Exponentially weighted mean and variance (West 1979), the first values as plain ones. */
export function grown(
  before: Running | undefined,
  value: number,
  { halfLifeSteps }: Pick<Following, 'halfLifeSteps'>,
): Running {
  const { mean, variance, count } = before ?? { mean: value, variance: 0, count: 0 };
  const share = shareOfNext(count, 1 - 0.5 ** (1 / halfLifeSteps));
  const off = value - mean;
  return {
    mean: mean + share * off,
    variance: (1 - share) * (variance + share * off * off),
    count: count + 1,
  };
}

/** What is so many deviations from the mean, above it or where they are negative below; null while nothing is usual. */
function off(
  before: Running | undefined,
  deviations: number,
  { fewestSteps, leastDeviation }: Following,
): number | null {
  if (before === undefined || before.count < fewestSteps) return null;
  return before.mean + deviations * Math.max(Math.sqrt(before.variance), leastDeviation);
}

/** Whether a value is more than so many deviations above what it was; no value is while that is not known. */
export function isJump(
  before: Running | undefined,
  value: number,
  deviations: number,
  following: Following,
): boolean {
  const highest = off(before, deviations, following);
  return highest !== null && value > highest;
}

/** The value, or what is so many deviations from the mean where it is further: a blow-up must not become what is usual. */
export function cutShort(
  before: Running | undefined,
  value: number,
  deviations: number,
  following: Following,
): number {
  const lowest = off(before, -deviations, following) ?? -Infinity;
  const highest = off(before, deviations, following) ?? Infinity;
  return Math.min(highest, Math.max(lowest, value));
}
