/** A piece of a sequence, `count` times one after the other. */
export interface Repeat {
  readonly start: number;
  /** Items of one piece. */
  readonly period: number;
  readonly count: number;
}

/** What is worth being found. */
export interface Worth {
  readonly shortest: number;
  readonly longest: number;
  /** Least items that are the same as of a piece before. */
  readonly saved: number;
}

/**
 * Repetitions in a sequence that do not overlap, first to last: the one that saves most, and those
 * before and after it.
 *
 * @param alike whether an item is like the one a period later
 */
export function findRepeats(
  length: number,
  alike: (item: number, period: number) => boolean,
  worth: Worth,
): Repeat[] {
  const within = (from: number, to: number): Repeat[] => {
    const best = bestRepeat(from, to, alike, worth);
    if (best === null) return [];
    const end = best.start + best.count * best.period;
    return [...within(from, best.start), best, ...within(end, to)];
  };
  return within(0, length);
}

function bestRepeat(
  from: number,
  to: number,
  alike: (item: number, period: number) => boolean,
  { shortest, longest, saved: least }: Worth,
): Repeat | null {
  let best: Repeat | null = null;
  let most = least - 1;
  const longestHere = Math.min(longest, Math.floor((to - from) / 2));
  for (let period = shortest; period <= longestHere; period += 1) {
    let start = from;
    for (let i = from; i + period <= to; i += 1) {
      if (i + period < to && alike(i, period)) continue;
      // Items from `start` on, this one with the period behind it included, are pieces.
      const count = Math.floor((i + period - start) / period);
      const saved = (count - 1) * period;
      if (saved > most) {
        most = saved;
        best = { start, period, count };
      }
      start = i + 1;
    }
  }
  return best;
}
