import type { StepsOrShare } from './options.js';

/**
 * All steps of a training; null while that is not known, because the minutes decide and their speed has
 * yet to be measured. What depends on a share of them is then what it is at the very beginning.
 */
export type TotalSteps = number | null;

/** How many steps the minutes hold, as it was counted once. */
export interface StepCount {
  /** All steps of the training. */
  readonly steps: number;
  /** The first step that knows of it. */
  readonly fromStep: number;
}

/** All counts of a training in the order of their steps; none until there is one. */
export type StepCounts = readonly StepCount[];

/** The counts of a training whose steps are known from the beginning. */
export const knownSteps = (steps: number): StepCounts => [{ steps, fromStep: 0 }];

/** Counts with another one, in the place of those that begin no earlier: a training may have gone back since. */
export const withCount = (counts: StepCounts, one: StepCount): StepCounts => [
  ...counts.filter(({ fromStep }) => fromStep < one.fromStep),
  one,
];

/** All steps as a step knows them. */
export const totalAt = (counts: StepCounts, step: number): TotalSteps =>
  counts.findLast(({ fromStep }) => fromStep <= step)?.steps ?? null;

/**
 * The most that something was by any count so far, each asked at the last step that went by it. So what
 * a share of all steps has brought about stays, when there turn out to be more of them.
 * @param of what it is at a step of so many
 */
export function mostSoFar(
  counts: StepCounts,
  step: number,
  of: (total: TotalSteps, step: number) => number,
): number {
  const known = counts.filter(({ fromStep }) => fromStep <= step);
  if (known.length === 0) return of(null, step);
  const each = known.map(({ steps }, i) => {
    const next = known[i + 1]?.fromStep ?? Number.POSITIVE_INFINITY;
    return of(steps, Math.min(step, next - 1));
  });
  return Math.max(...each);
}

/** What a number of steps or a share of all of them comes to; without end where all are not known. */
export function stepsOf(value: StepsOrShare, total: TotalSteps): number {
  if (typeof value === 'number') return value;
  const share = Number.parseFloat(value) / 100;
  if (share === 0) return 0;
  // The tiny subtrahend keeps 7 % of 100 from becoming 8.
  return total === null ? Number.POSITIVE_INFINITY : Math.ceil(share * total - 1e-9);
}

/** Whether a step comes after so many, or after such a share of all; once it does, all later ones do. */
export const isPast = (value: StepsOrShare, step: number, counts: StepCounts): boolean =>
  mostSoFar(counts, step, (total, at) => at - stepsOf(value, total)) >= 0;
