/**
 * Consecutive steps of a rollout in its backward pass: a number is that many, recomputed on one tape; a
 * list is run through once more without a tape, keeping the state at the start of each of its segments,
 * and then pulled back one by one from the last.
 */
export type Segment = number | readonly Segment[];

/** The segments of the whole rollout, first to last; the states at their starts are kept. */
export type Schedule = readonly Segment[];

/** `length` steps in segments of at most `every`; the shorter one, if any, comes first. */
export function evenSegments(length: number, every: number): number[] {
  const rest = length % every;
  return [
    ...(rest > 0 ? [rest] : []),
    ...Array.from({ length: Math.floor(length / every) }, () => every),
  ];
}

/** Where the segments of a schedule begin that are on a tape each, as steps before the end. */
export function beginnings(schedule: Schedule): number[] {
  const leaves = (segment: Segment): number[] =>
    typeof segment === 'number' ? [segment] : segment.flatMap(leaves);
  let left = stepsIn(schedule);
  return schedule.flatMap(leaves).map((steps) => {
    const begins = left;
    left -= steps;
    return begins;
  });
}

/** Steps in a segment or a whole schedule. */
export const stepsIn = (segment: Segment): number =>
  typeof segment === 'number' ? segment : segment.reduce<number>((sum, x) => sum + stepsIn(x), 0);

/**
 * Steps that a segment runs without a tape before all of it is pulled back; its last segment is reached
 * by a tape, not run through.
 */
const detachedSteps = (segment: Segment): number =>
  typeof segment === 'number'
    ? 0
    : segment.reduce<number>((sum, x) => sum + detachedSteps(x), 0) +
      stepsIn(segment) -
      stepsIn(segment.at(-1) ?? 0);

/**
 * Forward steps that a schedule runs more than one tape over the whole rollout would: once over all
 * of it to get the outputs, and once for each list that a step is in.
 */
export const extraSteps = (schedule: Schedule): number =>
  stepsIn(schedule) + schedule.reduce<number>((sum, x) => sum + detachedSteps(x), 0);

/** Steps that are pulled back by themselves. */
export const singleSteps = (segment: Segment): number =>
  typeof segment === 'number'
    ? Number(segment === 1)
    : segment.reduce<number>((sum, x) => sum + singleSteps(x), 0);

/**
 * The most that a segment's states and tape take at once, in bytes.
 *
 * @param kept states that are kept besides the segment's first
 */
export function segmentPeak(
  segment: Segment,
  costs: { stateBytes: number; tapeBytes: (steps: number) => number },
  kept = 0,
): number {
  if (typeof segment === 'number') return kept * costs.stateBytes + costs.tapeBytes(segment);
  return Math.max(0, ...segment.map((part, i) => segmentPeak(part, costs, kept + i)));
}

const depth = (segment: Segment): number =>
  typeof segment === 'number' ? 0 : 1 + Math.max(0, ...segment.map(depth));

function written(schedule: Schedule): string {
  const words = schedule.map((part) =>
    typeof part === 'number' ? String(part) : `(${written(part)})`,
  );
  const groups: { word: string; count: number }[] = [];
  for (const word of words) {
    const last = groups.at(-1);
    if (last?.word === word) last.count += 1;
    else groups.push({ word, count: 1 });
  }
  return groups.map(({ word, count }) => (count > 1 ? `${count} × ${word}` : word)).join(' + ');
}

/** Longer than this, a schedule is not written out. */
const MOST_LETTERS = 48;

/** `16 × 1`, `3 + 2 × 4` or `2 × (4 × 1)`, for people; only the gist of an intricate one. */
export function scheduleInWords(schedule: Schedule): string {
  const words = written(schedule);
  if (words.length <= MOST_LETTERS) return words;
  return `${stepsIn(schedule)} frames, nested ${depth(schedule) - 1} deep`;
}

/** `2 + 3 + 4 blocks`, for people. */
export const stretchesInWords = (stretches: readonly number[]): string =>
  `${written(stretches)} blocks`;
