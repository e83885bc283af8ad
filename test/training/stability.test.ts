import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StepPlan } from '../../src/training/step-plan.js';
import {
  afterStep,
  alarmsOf,
  healthWord,
  stabilityLimits,
  stabilityState,
  steadied,
  type Act,
  type Signals,
  type StabilityState,
} from '../../src/training/stability.js';

const limits = stabilityLimits.parse({});
const WELL = { checkerRatio: 1, motionRatio: 1, conditionUse: 0.8, diversity: null };

const wordOf = (state: StabilityState): string => healthWord(state, limits);

/** What a training's signals make of the controller, step by step. */
function run(
  signalsAt: (step: number) => Signals,
  steps: number,
): { states: StabilityState[]; acts: Act[] } {
  const states = [stabilityState()];
  const acts: Act[] = [];
  for (let step = 1; step <= steps; step += 1) {
    const made = afterStep(limits, states.at(-1)!, signalsAt(step), step);
    states.push(made.state);
    acts.push(...made.acts);
  }
  return { states, acts };
}

const pairs = (share: number): Signals => ({
  'discriminator/frame_pairs': share,
  'discriminator/sequence_pairs': share,
});

describe('judges that win', () => {
  it('wait until the generator has caught up, and not for one lucky step', () => {
    const { states, acts } = run((step) => pairs(step < 200 ? 0.998 : 0.6), 400);
    expect(acts.map(({ act }) => act)).toEqual(['judges wait', 'judges go on']);
    expect(acts[0]!.why).toMatch(/99.8 % of the pairs apart, above 0.99/);
    expect(acts[1]!.step).toBeGreaterThan(200);
    expect(wordOf(states[150]!)).toBe('judges win');
    expect(wordOf(states.at(-1)!)).toBe('healthy');
    expect(run((step) => pairs(step % 10 === 0 ? 1 : 0.95), 400).acts).toEqual([]);
  });

  it('keep their weights meanwhile, and nothing else changes', () => {
    const plan = { step: 3, generatorLearningRate: 1, judgesWait: false } as StepPlan;
    const waiting = { ...stabilityState(), judgesWait: true };
    expect(steadied(plan, waiting)).toEqual({ ...plan, judgesWait: true });
    expect(steadied(plan, stabilityState())).toEqual(plan);
  });

  it('are changed no more often than every fifty steps, whatever the signals', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        (levels) => {
          const { acts } = run((step) => pairs(levels[Math.floor(step / 60)] ?? 0.5), 600);
          const gaps = acts.slice(1).map(({ step }, at) => step - acts[at]!.step);
          expect(Math.min(50, ...gaps)).toBe(50);
          const turns = acts.map((_, at) => (at % 2 === 0 ? 'judges wait' : 'judges go on'));
          expect(acts.map(({ act }) => act)).toEqual(turns);
        },
      ),
    );
  });
});

describe('what the controller knows', () => {
  const anySignals = fc.record(
    {
      'generator/gradient_norm': fc.double(),
      'discriminator/gradient_norm': fc.double({ min: 0 }),
      'discriminator/frame_pairs': fc.double({ min: 0, max: 1 }),
      'discriminator/sequence_pairs': fc.option(fc.double({ min: 0, max: 1 })),
      'discriminator/frame_real_score': fc.float(),
      'discriminator/frame_fake_score': fc.option(fc.float()),
    },
    { requiredKeys: [] },
  );

  it('goes on from a snapshot as if it had never been away, whatever the signals were', () => {
    fc.assert(
      fc.property(fc.array(anySignals, { minLength: 2, maxLength: 80 }), (list) => {
        const whole = run((step) => list[step - 1] ?? {}, list.length).states;
        const middle = Math.floor(list.length / 2);
        const kept: unknown = JSON.parse(JSON.stringify(whole[middle]));
        let state = stabilityState(kept);
        for (let step = middle + 1; step <= list.length; step += 1) {
          ({ state } = afterStep(limits, state, list[step - 1]!, step));
        }
        expect(state).toEqual(whole.at(-1));
      }),
    );
  });

  it('refuses limits between which it would go to and fro', () => {
    const given = { judgesWaitAbove: 0.9 };
    expect(stabilityLimits.safeParse(given).error?.issues[0]?.message).toMatch(/by turns/);
    expect(stabilityLimits.parse({ ...given, judgesGoOnBelow: 0.8 })).toMatchObject(given);
  });

  it('begins anew where a snapshot has none', () => {
    expect(stabilityState({ other: 1 })).toEqual(stabilityState());
  });
});

describe('gradients', () => {
  it('jump when they are many times what they were, not when they wander', () => {
    const norm = (step: number): Signals => ({
      'generator/gradient_norm': 10 + 2 * Math.sin(step) + (step === 90 ? 1000 : 0),
    });
    const { states } = run(norm, 100);
    expect(states.map(wordOf).filter((word) => word !== 'healthy')).toEqual(['gradients jump']);
    expect(wordOf(states[90]!)).toBe('gradients jump');
  });
});

describe('an evaluation', () => {
  it.each([
    ['dots', { checkerRatio: 1.8 }, 'checker 1.80, above 1.5'],
    ['frozen', { motionRatio: 0.1 }, 'motion 0.10, below 0.3'],
    ['boiling', { motionRatio: 2.5 }, 'motion 2.50, above 2'],
    ['condition ignored', { conditionUse: 0.05 }, 'condition use 0.05, below 0.2'],
    ['noise ignored', { diversity: 0.01 }, 'diversity 0.01, below 0.05'],
    ['overfitting', { overfitting: 0.7 }, 'discriminators 0.70, above 0.6'],
    [
      'drifting',
      { sharpnessSlope: -0.08, checkerSlope: 0.01, colourSlope: 0.06 },
      'sharpness by -0.08, colour by 0.06 in 100 frames, beyond 0.05',
    ],
  ])('sees %s', (word, measured, why) => {
    expect(alarmsOf(limits, { ...WELL, ...measured })).toEqual({ [word]: why });
  });

  it('finds nothing in what is well, and in what was not measured', () => {
    const well = { ...WELL, overfitting: 0.2, sharpnessSlope: 0.01, checkerSlope: -0.02 };
    const names = [...Object.keys(well), 'colourSlope'];
    const nothing = Object.fromEntries(names.map((name) => [name, null]));
    expect([well, nothing, {}].map((one) => alarmsOf(limits, one))).toEqual([{}, {}, {}]);
  });
});
