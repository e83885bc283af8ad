import type { Schedule, Segment } from '../autodiff/index.js';

/** What a schedule may take. */
export interface Room {
  /** Bytes for kept states and one tape together. */
  readonly bytes: number;
  /** Most states that may be kept when the walk back begins. */
  readonly startStates: number;
}

export interface SegmentCosts {
  readonly stateBytes: number;
  /** Bytes of the tape of so many steps; grows with them. */
  readonly tapeBytes: (steps: number) => number;
  /** Steps that pulling back a step by itself runs again within it; none unless given. */
  readonly againWithin?: number;
}

/** Extra steps and peak of the best way through so many steps, and its first segment; 0 is one tape. */
interface Table {
  readonly extra: Float64Array;
  readonly peak: Float64Array;
  readonly first: Int32Array;
}

/**
 * The schedule that runs the fewest steps again and fits, the one of least memory among equals; null
 * when none fits.
 *
 * Dynamic programming over (steps, kept states): the recurrence of revolve (Griewank & Walther 2000)
 * for a chain of equal steps, where a step on a tape may be kept instead of its state, as Beaumont et
 * al. (2019, INRIA RR-9302, "rotor") do for heterogeneous chains; frames of one size are equal, so
 * kept states are counted and bytes need not be cut into slots. Chen et al.'s √T segments (2016) are
 * one of the candidates. Because the losses need every output, the rollout is run once in any case,
 * and the states that are kept from that run cost no step.
 */
export function bestSchedule(length: number, costs: SegmentCosts, room: Room): Schedule | null {
  const { stateBytes, tapeBytes, againWithin = 0 } = costs;
  const fits = (steps: number, kept: number): boolean =>
    kept * stateBytes + tapeBytes(steps) <= room.bytes;
  let most = -1;
  while (most < length - 1 && fits(1, most + 1)) most += 1;
  if (most < 0) return null;

  const width = most + 2;
  const table = (): Table => ({
    extra: new Float64Array((length + 1) * width).fill(Number.POSITIVE_INFINITY),
    peak: new Float64Array((length + 1) * width).fill(Number.POSITIVE_INFINITY),
    first: new Int32Array((length + 1) * width),
  });
  const inner = table();
  const outer = table();
  const at = (steps: number, kept: number): number => steps * width + kept;

  const better = (into: Table, i: number, extra: number, peak: number, first: number): void => {
    const [bestExtra, bestPeak] = [into.extra[i]!, into.peak[i]!];
    if (extra > bestExtra || (extra === bestExtra && peak >= bestPeak)) return;
    into.extra[i] = extra;
    into.peak[i] = peak;
    into.first[i] = first;
  };
  /** Tries one tape, then every first segment; `again` tells whether reaching the rest costs steps. */
  const fill = (into: Table, steps: number, kept: number, again: boolean): void => {
    const i = at(steps, kept);
    const oneTape = fits(steps, kept) && (again || kept <= room.startStates);
    const within = steps === 1 ? againWithin : 0;
    if (oneTape) better(into, i, within, kept * stateBytes + tapeBytes(steps), 0);
    // Any other way inside a segment would run steps again that one tape does not.
    if ((again && oneTape) || kept === most) return;
    for (let first = 1; first < steps; first += 1) {
      const own = at(first, kept);
      const rest = at(steps - first, kept + 1);
      const extra = inner.extra[own]! + into.extra[rest]! + (again ? first : 0);
      const peak = Math.max(inner.peak[own]!, into.peak[rest]!);
      if (extra < Number.POSITIVE_INFINITY) better(into, i, extra, peak, first);
    }
  };
  for (let kept = most; kept >= 0; kept -= 1) {
    for (let steps = 1; steps <= length - kept; steps += 1) fill(inner, steps, kept, true);
    for (let steps = 1; steps <= length - kept; steps += 1) fill(outer, steps, kept, false);
  }
  if (outer.extra[at(length, 0)] === Number.POSITIVE_INFINITY) return null;

  const segmentsOf = (from: Table, steps: number, kept: number): Segment[] => {
    const first = from.first[at(steps, kept)]!;
    if (first === 0) return [steps];
    const own = segmentsOf(inner, first, kept);
    const segment: Segment = own.length === 1 ? own[0]! : own;
    return [segment, ...segmentsOf(from, steps - first, kept + 1)];
  };
  return segmentsOf(outer, length, 0);
}
