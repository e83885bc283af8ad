import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  evenSegments,
  extraSteps,
  PHASES,
  scheduleInWords,
  segmentPeak,
  stepsIn,
  type Schedule,
  type Segment,
} from '../../src/autodiff/index.js';
import { isFrameloomError } from '../../src/base/error.js';
import { bestSchedule } from '../../src/planning/best-schedule.js';
import { cutBytes, frameCuts } from '../../src/planning/best-stretches.js';
import {
  longestRollout,
  phasePeaks,
  planFor,
  planRollout,
  smallestBudget,
  type BlockCosts,
  type PhaseBytes,
  type StepCosts,
} from '../../src/planning/index.js';

const bytesFrom = (per: { tape?: boolean; judged?: boolean }): fc.Arbitrary<PhaseBytes> =>
  fc.record({
    base: fc.nat(500),
    perFrame: fc.nat(20),
    perTapeFrame: per.tape ? fc.integer({ min: 1, max: 60 }) : fc.constant(0),
    perJudgedFrame: per.judged ? fc.nat(40) : fc.constant(0),
  });

const onOneTape: fc.Arbitrary<PhaseBytes> = fc.record({
  base: fc.nat(500),
  perFrame: fc.integer({ min: 1, max: 120 }),
  perTapeFrame: fc.constant(0),
  perJudgedFrame: fc.constant(0),
});

const anyBlock: fc.Arbitrary<BlockCosts> = fc.record({
  tapeBytes: fc.nat(20),
  // By what the walk back takes without a tape, so it may be less than nothing.
  peakBytes: fc.integer({ min: -10, max: 30 }),
  leftBytes: fc.nat(8),
  forwardShare: fc.double({ min: 0, max: 0.4, noNaN: true }),
});

const anyCosts: fc.Arbitrary<StepCosts> = fc.record({
  plain: fc.record({
    forward: onOneTape,
    judge: onOneTape,
    back: onOneTape,
    train: onOneTape,
    update: onOneTape,
  }),
  phases: fc.record({
    forward: bytesFrom({}),
    judge: bytesFrom({ judged: true }),
    back: bytesFrom({ tape: true }),
    train: bytesFrom({ judged: true }),
    update: bytesFrom({}),
  }),
  // From states of nothing to states as large as tapes.
  stateBytes: fc.nat(60),
  blocks: fc.array(anyBlock, { maxLength: 6 }),
  forwardSeconds: fc.constant(1),
  plainSeconds: fc.constant(5),
  fixedSeconds: fc.constant(2),
  warmUpFrames: fc.constant(0),
});

const anyLength = fc.integer({ min: 1, max: 14 });
/** A budget between what nothing and what everything fits. */
const anyShare = fc.double({ min: 0, max: 1.1, noNaN: true });

/** One stretch of all blocks is the frame on one tape, whose bytes are measured by themselves. */
const isWholeOrCut = (stretches: readonly number[] | null): boolean =>
  stretches === null || stretches.length > 1;

const budgetAt = (costs: StepCosts, length: number, share: number): number => {
  const least = smallestBudget(costs, length);
  const most = Math.max(least, planFor(costs, length, null).peakBytes);
  return Math.ceil(least + (most - least) * share);
};

/**
 * Goes through a schedule as the executor does, counting the states that are kept besides the first
 * and the steps that are run: another way to the numbers that the plan says.
 */
function walk(schedule: Schedule, costs: { stateBytes: number; perTapeFrame: number }) {
  let kept = 0;
  let peak = 0;
  let steps = 0;
  const keep = (count: number): void => {
    kept += count;
    peak = Math.max(peak, kept * costs.stateBytes);
  };
  const back = (segment: Segment): void => {
    if (typeof segment === 'number') {
      peak = Math.max(peak, kept * costs.stateBytes + segment * costs.perTapeFrame);
      return;
    }
    steps += segment.slice(0, -1).reduce<number>((sum, part) => sum + stepsIn(part), 0);
    keep(segment.length - 1);
    backAll(segment);
  };
  const backAll = (parts: Schedule): void => {
    for (let i = parts.length - 1; i >= 0; i -= 1) {
      back(parts[i]!);
      if (i > 0) kept -= 1;
    }
  };
  steps += stepsIn(schedule);
  keep(schedule.length - 1);
  backAll(schedule);
  return { steps, peak };
}

/** Every schedule of so many steps, lists in lists included. */
function schedules(length: number): Schedule[] {
  const segments = (steps: number): Segment[] => [
    steps,
    ...schedules(steps).filter((schedule) => schedule.length > 1),
  ];
  const found: Schedule[] = [[length]];
  for (let first = 1; first < length; first += 1) {
    for (const segment of segments(first)) {
      for (const rest of schedules(length - first)) found.push([segment, ...rest]);
    }
    // A list in front of nothing is the list itself.
  }
  return found;
}

describe('planRollout', () => {
  it('never predicts more than the budget, and covers the rollout', () => {
    fc.assert(
      fc.property(anyCosts, anyLength, anyShare, (costs, length, share) => {
        const budget = budgetAt(costs, length, share);
        const plan = planRollout(costs, length, budget);
        expect(plan.peakBytes).toBeLessThanOrEqual(budget);
        expect(plan.judgedFrames).toBeGreaterThanOrEqual(1);
        expect(plan.judgedFrames).toBeLessThanOrEqual(length);
        if (plan.segments === null) return;
        expect(stepsIn(plan.segments)).toBe(length);
        const { segments, stretches, judgedFrames } = plan;
        const cut = stretches ?? costs.blocks.map(() => 1);
        expect(stepsIn(cut)).toBe(costs.blocks.length);
        const peaks = phasePeaks(costs, length, { segments, stretches, judgedFrames });
        expect(plan.peakBytes).toBe(Math.max(...PHASES.map((phase) => peaks[phase])));
      }),
    );
  });

  it('is never slower than the best even segments that fit', () => {
    fc.assert(
      fc.property(anyCosts, anyLength, anyShare, (costs, length, share) => {
        const budget = budgetAt(costs, length, share);
        const { slowdown } = planRollout(costs, length, budget);
        for (let every = 1; every <= length; every += 1) {
          for (let judged = 1; judged <= length; judged += 1) {
            for (const stretches of [null, costs.blocks.map(() => 1)].filter(isWholeOrCut)) {
              const parts = { segments: evenSegments(length, every), stretches };
              const even = planFor(costs, length, { ...parts, judgedFrames: judged });
              expect(even.peakBytes > budget || slowdown <= even.slowdown + 1e-12).toBe(true);
            }
          }
        }
      }),
    );
  });

  it('gets no slower with a larger budget', () => {
    fc.assert(
      fc.property(anyCosts, anyLength, anyShare, anyShare, (costs, length, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)].map((share) =>
          planRollout(costs, length, budgetAt(costs, length, share)),
        );
        expect(more!.slowdown).toBeLessThanOrEqual(less!.slowdown + 1e-12);
      }),
    );
  });

  it('is the same whatever the clock said', () => {
    const anySeconds = fc.double({ min: 1e-3, max: 50, noNaN: true });
    const anyTimes = fc.record({
      ...{ forwardSeconds: anySeconds, plainSeconds: anySeconds, fixedSeconds: anySeconds },
    });
    fc.assert(
      fc.property(anyCosts, anyTimes, anyLength, anyShare, (costs, times, length, share) => {
        const budget = budgetAt(costs, length, share);
        const found = [costs, { ...costs, ...times }].map((one) => {
          const { segments, stretches, judgedFrames } = planRollout(one, length, budget);
          return { segments, stretches, judgedFrames };
        });
        expect(found[1]).toEqual(found[0]);
      }),
    );
  });

  it('keeps everything on one tape when that fits, at no cost', () => {
    fc.assert(
      fc.property(anyCosts, anyLength, (costs, length) => {
        const { peakBytes } = planFor(costs, length, null);
        const plan = planRollout(costs, length, peakBytes);
        expect(plan).toEqual({
          ...{ segments: null, stretches: null, judgedFrames: length },
          ...{ peakBytes, slowdown: 1 },
        });
      }),
    );
  });

  it('fits the smallest budget, and refuses one byte less by naming it', () => {
    fc.assert(
      fc.property(anyCosts, anyLength, (costs, length) => {
        const smallest = smallestBudget(costs, length);
        expect(planRollout(costs, length, smallest).peakBytes).toBeLessThanOrEqual(smallest);
        // There is no budget less than nothing.
        fc.pre(smallest > 0);
        let caught: unknown;
        try {
          planRollout(costs, length, smallest - 1);
        } catch (error) {
          caught = error;
        }
        expect(isFrameloomError(caught, 'budget')).toBe(true);
        expect((caught as Error).message).toContain(`(${smallest} bytes)`);
      }),
    );
  });
});

describe('bestSchedule', () => {
  it('is the best of all schedules there are, of least peak among those', () => {
    const all = [1, 2, 3, 4, 5, 6].map(schedules);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.nat(12),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(90),
        fc.nat(6),
        (length, stateBytes, perTapeFrame, bytes, startStates) => {
          const costs = { stateBytes, tapeBytes: (steps: number) => steps * perTapeFrame };
          const fitting = all[length - 1]!.filter(
            (schedule) =>
              schedule.length - 1 <= startStates && segmentPeak(schedule, costs) <= bytes,
          ).map((schedule) => [extraSteps(schedule), segmentPeak(schedule, costs)] as const);
          const [best] = fitting.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
          const found = bestSchedule(length, costs, { bytes, startStates });
          expect(found && [extraSteps(found), segmentPeak(found, costs)]).toEqual(best ?? null);
        },
      ),
    );
  });

  it('counts steps and bytes as the executor takes them', () => {
    const costs = { stateBytes: 3, perTapeFrame: 10 };
    for (const schedule of schedules(6)) {
      const walked = walk(schedule, costs);
      expect(extraSteps(schedule)).toBe(walked.steps);
      const tapeBytes = (steps: number): number => steps * costs.perTapeFrame;
      expect(segmentPeak(schedule, { stateBytes: 3, tapeBytes })).toBe(walked.peak);
    }
  });

  it('nests the segments of a long rollout where the states do not fit', () => {
    const costs = { stateBytes: 4, tapeBytes: (steps: number) => steps * 10 };
    const room = { bytes: 10 + 4 * 15, startStates: 256 };
    const schedule = bestSchedule(256, costs, room)!;
    expect(stepsIn(schedule)).toBe(256);
    expect(segmentPeak(schedule, costs)).toBeLessThanOrEqual(room.bytes);
    // With 15 states and √T-like nesting each step is run again twice at most.
    expect(extraSteps(schedule)).toBeLessThan(3 * 256);
    expect(schedule.some((segment) => typeof segment !== 'number')).toBe(true);
  });
});

describe('frameCuts', () => {
  /** Every way of cutting so many blocks. */
  const cuttings = (count: number): number[][] =>
    count === 0
      ? [[]]
      : Array.from({ length: count }, (_, i) => i + 1).flatMap((first) =>
          cuttings(count - first).map((rest) => [first, ...rest]),
        );

  it('are the best of all, each slower and smaller than the one before', () => {
    fc.assert(
      fc.property(
        fc.array(anyBlock, { minLength: 1, maxLength: 7 }),
        fc.integer({ min: 1, max: 120 }),
        (blocks, wholeBytes) => {
          const cuts = frameCuts(blocks, wholeBytes);
          cuts.slice(1).forEach((cut, i) => {
            expect(cut.again).toBeGreaterThan(cuts[i]!.again);
            expect(cut.bytes).toBeLessThan(cuts[i]!.bytes);
            expect(cut.bytes).toBe(cutBytes(blocks, cut.stretches!));
          });
          for (const stretches of cuttings(blocks.length).filter(({ length }) => length > 1)) {
            const twice = blocks.slice(0, blocks.length - stretches.at(-1)!);
            const again = twice.reduce((sum, block) => sum + block.forwardShare, 0);
            const bytes = cutBytes(blocks, stretches);
            expect(cuts.some((cut) => cut.again <= again && cut.bytes <= bytes)).toBe(true);
          }
        },
      ),
    );
  });

  it('count bytes as the executor takes them', () => {
    const blocks = [
      { tapeBytes: 10, peakBytes: 12, leftBytes: 3, forwardShare: 1 },
      { tapeBytes: 20, peakBytes: 25, leftBytes: 4, forwardShare: 1 },
      { tapeBytes: 5, peakBytes: 9, leftBytes: 0, forwardShare: 1 },
    ];
    // One by one: 12; a border of 3, and 25; borders of 3 and 4, and 9.
    expect(cutBytes(blocks, [1, 1, 1])).toBe(28);
    // The last two on one tape behind a border of 3: 20 taped, and 9 on top.
    expect(cutBytes(blocks, [1, 2])).toBe(32);
    // The first two on one tape: 10, and 25 on top.
    expect(cutBytes(blocks, [2, 1])).toBe(35);
  });

  it('leave a frame whole that has no blocks', () => {
    expect(frameCuts([], 7)).toEqual([{ stretches: null, bytes: 7, again: 0 }]);
  });
});

describe('longestRollout', () => {
  it('fits, and one frame more does not', () => {
    fc.assert(
      fc.property(anyCosts, fc.nat(4000), (costs, budget) => {
        const longest = longestRollout(costs, budget, 40);
        expect(longest === 0 || smallestBudget(costs, longest) <= budget).toBe(true);
        expect(longest === 40 || smallestBudget(costs, longest + 1) > budget).toBe(true);
      }),
    );
  });
});

describe('scheduleInWords', () => {
  it.each([
    [[1, 1, 1, 1], '4 × 1'],
    [[3, 4, 4], '3 + 2 × 4'],
    [[[1, 1], [1, 1], 2], '2 × (2 × 1) + 2'],
    [[5], '5'],
    [[[[[[[[[[[[[2, 1], 1], 2], 1], 2], 1], 2], 1], 2], 1], 2], 1], '19 frames, nested 11 deep'],
  ] as [Schedule, string][])('says %j as %s', (schedule, words) => {
    expect(scheduleInWords(schedule)).toBe(words);
  });
});
