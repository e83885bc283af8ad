import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import { planStep, rateFactor } from '../../src/training/schedule.js';
import { knownSteps, totalAt, withCount, type StepCounts } from '../../src/training/step-counts.js';

describe('counts of steps', () => {
  /** Counted up to four times, each time somewhere in what was left. */
  const anyCounts = fc
    .array(
      fc.record({
        after: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        more: fc.integer({ min: 3, max: 200 }),
      }),
      { minLength: 1, maxLength: 4 },
    )
    .map((drawn) =>
      drawn.reduce<StepCounts>((counts, { after, more }) => {
        const { fromStep: last = 0, steps = 60 } = counts.at(-1) ?? {};
        const fromStep = last + Math.max(1, Math.floor(after * (steps - last)));
        return withCount(counts, { fromStep, steps: fromStep + more });
      }, []),
    );
  const shares = trainingOptions.parse({
    ...{ frames: 40, teacherForcing: { probability: 1 }, warmUp: { fraction: 1 } },
    ...{ rollout: { growEverySteps: '3%' } },
  });
  const own = {
    ...{ seed: 1, attempt: 0, training: shares },
    ...{ losses: lossOptions.parse({}), frameDiscriminator: { judgeRaw: true } },
  };

  it('that come later take nothing back: no rollout is shorter, no rate higher, no warm-up over', () => {
    fc.assert(
      fc.property(anyCounts, (counts) => {
        const { steps, fromStep } = counts.at(-1)!;
        let before = planStep(own, { kind: 'off' }, 0, counts);
        for (let now = 1; now <= steps + 3; now += 1) {
          const planned = planStep(own, { kind: 'off' }, now, counts);
          const { plan, request } = planned;
          expect(request.frames).toBeGreaterThanOrEqual(before.request.frames);
          expect(request.warmUpFrames).toBeGreaterThanOrEqual(before.request.warmUpFrames!);
          expect(plan.generatorLearningRate).toBeLessThanOrEqual(before.plan.generatorLearningRate);
          // Until there is a count, ramps are a guess.
          const isGuess = now <= counts[0]!.fromStep;
          const { adversarialWeight, blurPixels } = before.plan;
          expect(isGuess || plan.adversarialWeight >= adversarialWeight).toBe(true);
          expect(isGuess || plan.blurPixels <= blurPixels).toBe(true);
          before = planned;
        }
        // It ends at nothing where the last count says, and no step before is without a rate.
        expect(rateFactor(shares, steps, counts)).toBe(0);
        expect(rateFactor(shares, Math.max(fromStep, steps - 1), counts)).toBeGreaterThan(0);
      }),
      { numRuns: 20 },
    );
  });

  it('change no step that begins before them', () => {
    fc.assert(
      fc.property(anyCounts, fc.integer({ min: 1, max: 200 }), (counts, more) => {
        const fromStep = counts.at(-1)!.fromStep + 2;
        const later = withCount(counts, { fromStep, steps: fromStep + more });
        for (let now = 0; now < fromStep; now += 1) {
          const [plan, planned] = [counts, later].map((one) =>
            planStep(own, { kind: 'off' }, now, one),
          );
          expect(planned).toEqual(plan);
          expect(totalAt(later, now)).toBe(totalAt(counts, now));
        }
        expect(totalAt(later, fromStep)).toBe(fromStep + more);
      }),
      { numRuns: 20 },
    );
  });

  it('let rates fall from half of the new number on, or go on falling', () => {
    const options = trainingOptions.parse({});
    const at = (counts: StepCounts, now: number) => rateFactor(options, now, counts);
    const longer = withCount(knownSteps(500), { fromStep: 200, steps: 800 });
    expect([250, 400, 600, 800].map((now) => at(longer, now))).toEqual([1, 1, 0.5, 0]);
    const shorter = withCount(knownSteps(500), { fromStep: 200, steps: 300 });
    expect([199, 200, 250, 300].map((now) => at(shorter, now))).toEqual([1, 1, 0.5, 0]);
    // Half-way down a line, there are a hundred more.
    const late = withCount(knownSteps(400), { fromStep: 300, steps: 500 });
    expect([299, 300, 400, 500].map((now) => at(late, now))).toEqual([0.505, 0.5, 0.25, 0]);
    // What goes back is counted from there.
    expect(withCount(late, { fromStep: 250, steps: 700 })).toEqual([
      ...knownSteps(400),
      { fromStep: 250, steps: 700 },
    ]);
  });
});
