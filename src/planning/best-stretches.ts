import type { BlockCosts } from './costs.js';

/** A frame pulled back in stretches of its blocks. */
export interface Cut {
  /** So many blocks each, first to last; null for the whole frame on one tape. */
  readonly stretches: readonly number[] | null;
  /** Most bytes of the kept borders and one stretch's tape together. */
  readonly bytes: number;
  /** Of a frame's arithmetic forward, what running the blocks before the last stretch once more is. */
  readonly again: number;
}

/**
 * Most bytes of blocks `from` … `to` − 1 on one tape: while one of them is pulled back, those before it
 * are still on the tape and those after it are gone.
 */
function stretchBytes(blocks: readonly BlockCosts[], from: number, to: number): number {
  let taped = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (const { peakBytes, tapeBytes } of blocks.slice(from, to)) {
    most = Math.max(most, taped + peakBytes);
    taped += tapeBytes;
  }
  return most;
}

/** The most bytes that a frame in stretches takes by what the walk back does: never less than nothing. */
export function cutBytes(blocks: readonly BlockCosts[], stretches: readonly number[]): number {
  let [from, kept, most] = [0, 0, 0];
  for (const count of stretches) {
    most = Math.max(most, kept + stretchBytes(blocks, from, from + count));
    from += count;
    kept += blocks[from - 1]!.leftBytes;
  }
  return most;
}

/** The first blocks in stretches, the borders that are kept, and the peak so far. */
interface Begun {
  readonly stretches: readonly number[];
  readonly kept: number;
  readonly bytes: number;
}

/** Those of `items` that no other is as good as in both; sorted by the first, one of equals. */
function undominated<T>(items: readonly T[], of: (item: T) => readonly [number, number]): T[] {
  const sorted = [...items].sort((a, b) => of(a)[0] - of(b)[0] || of(a)[1] - of(b)[1]);
  let least = Number.POSITIVE_INFINITY;
  return sorted.filter((item) => {
    const second = of(item)[1];
    const better = second < least;
    if (better) least = second;
    return better;
  });
}

/**
 * All cuts of a frame that are worth their time: from the whole frame on one tape on, each
 * takes longer than the one before, and less memory.
 *
 * Dynamic programming over the blocks, which are unequal in memory, time and in what lies between them,
 * as in Beaumont et al. 2019 (INRIA RR-9302), without their nesting: what is kept at the borders of one
 * frame's blocks is little beside a block's own tape. Of two that end at the same block, the one that
 * keeps less there and has had the lower peak is as good whatever follows, so the other is dropped.
 *
 * @param wholeBytes of the frame on one tape
 */
export function frameCuts(blocks: readonly BlockCosts[], wholeBytes: number): Cut[] {
  const whole: Cut = { stretches: null, bytes: wholeBytes, again: 0 };
  const begun: Begun[][] = blocks.map(() => []);
  begun[0] = [{ stretches: [], kept: 0, bytes: 0 }];
  const cuts: Cut[] = [whole];
  let again = 0;
  for (let from = 0; from < blocks.length; from += 1) {
    begun[from] = undominated(begun[from]!, ({ kept, bytes }) => [kept, bytes]);
    for (const first of begun[from]!) {
      for (let to = from + 1; to <= blocks.length; to += 1) {
        const stretches = [...first.stretches, to - from];
        const bytes = Math.max(first.bytes, first.kept + stretchBytes(blocks, from, to));
        if (to < blocks.length) {
          begun[to]!.push({ stretches, bytes, kept: first.kept + blocks[to - 1]!.leftBytes });
        } else if (from > 0) cuts.push({ stretches, bytes, again });
      }
    }
    again += blocks[from]!.forwardShare;
  }
  return undominated(cuts, (cut) => [cut.again, cut.bytes]);
}
