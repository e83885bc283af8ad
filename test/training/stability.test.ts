import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterEvaluation, afterStep, stabilityState } from '../../src/training/stability.js';
import type { Signals } from '../../src/training/signals.js';
import { alarmsOf } from '../../src/training/alarms.js';
import { stabilityLimits } from '../../src/training/stability-limits.js';
import { limits, PLAN, run, steadiedOf, wordOf } from './control.js';

const WELL = { checkerRatio: 1, motionRatio: 1, conditionUse: 0.8, diversity: null };

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
    const plan = PLAN;
    const waiting = { ...stabilityState(), judgesWait: true };
    expect(steadiedOf(plan, waiting)).toEqual({ ...plan, judgesWait: true });
    expect(steadiedOf(plan, stabilityState())).toEqual(plan);
  });

  it('are changed no more often than every so many steps, whatever the signals', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        (levels) => {
          const { acts } = run((step) => pairs(levels[Math.floor(step / 60)] ?? 0.5), 600);
          const gaps = acts.slice(1).map(({ step }, at) => step - acts[at]!.step);
          expect(Math.min(25, ...gaps)).toBe(25);
          const turns = acts.map((_, at) => (at % 2 === 0 ? 'judges wait' : 'judges go on'));
          expect(acts.map(({ act }) => act)).toEqual(turns);
        },
      ),
    );
  });
});

describe('judges whose gradients jump', () => {
  const norm = (value: number): Signals => ({ 'discriminator/gradient_norm': value });

  it('learn slower where it happens often, and faster again after a long calm', () => {
    const { states, acts } = run(
      (step) => norm(step > 100 && step < 160 && step % 3 === 0 ? 50 : 1),
      900,
    );
    expect(new Set(acts.map(({ act }) => act))).toEqual(
      new Set(['judges learn slower', 'judges learn faster']),
    );
    expect(acts[0]!.step).toBeLessThan(130);
    expect(steadiedOf(PLAN, states[acts[0]!.step]!).discriminatorLearningRate).toBe(1);
    expect(steadiedOf(PLAN, states.at(-1)!).discriminatorLearningRate).toBe(2);
  });

  it('go on at their rate after one window that was odd', () => {
    expect(run((step) => norm(step === 120 ? 50 : 1), 300).acts).toEqual([]);
  });
});

describe('what an evaluation changes', () => {
  const found = (overfitting: number | null, checkerRatio = 1) => ({ overfitting, checkerRatio });
  const at = { step: 100, least: 0 };

  it('is more augmentation while the judges overfit, up to a bound, and less when they no longer do', () => {
    let state = stabilityState();
    const seen = [0.7, 0.9, 0.9, 0.9, 0.5, 0.3, 0.3].map((overfitting) => {
      ({ state } = afterEvaluation(limits, state, found(overfitting), at));
      return state.augmentation;
    });
    expect(seen).toEqual([0.2, 0.4, 0.6, 0.6, 0.6, 0.5, 0.4]);
    expect(steadiedOf(PLAN, state).augmentation).toBe(0.4);
    const first = afterEvaluation(limits, stabilityState(), found(0.7), at);
    expect(first.acts).toEqual([
      {
        ...{ step: 100, act: 'judges see more through augmentation' },
        why: 'overfitting 0.70: each with a probability of 0.2',
      },
    ]);
    const none = afterEvaluation(limits, stabilityState(), found(null), at);
    expect(none).toEqual({ state: stabilityState(), acts: [] });
    const floor = { ...at, least: 0.1 };
    expect(afterEvaluation(limits, state, found(0), floor).state.augmentation).toBe(0.3);
    const least = { ...state, augmentation: 0.1 };
    expect(afterEvaluation(limits, least, found(0), floor).state.augmentation).toBe(0.1);
  });

  it('is a quarter of their weight where they made dots, and a quarter of that where they still do', () => {
    const pulling = { ...stabilityState(), adversarialWeight: 0.6 };
    const once = afterEvaluation(limits, pulling, found(null, 1.8), at);
    expect(once.acts.map(({ why }) => why)).toEqual([
      'checker 1.80, above 1.5: weight of the adversarial terms × 0.15',
    ]);
    expect(steadiedOf(PLAN, once.state).adversarialWeight).toBeCloseTo(0.15);
    const twice = afterEvaluation(limits, once.state, found(null, 1.8), at);
    expect(steadiedOf(PLAN, twice.state).adversarialWeight).toBeCloseTo(0.0375);
    expect(afterEvaluation(limits, twice.state, found(null, 1.2), at).state).toEqual(twice.state);
  });
});

describe('what the controller knows', () => {
  const anySignals = fc.record(
    {
      'generator/gradient_norm': fc.double(),
      'discriminator/gradient_norm': fc.double({ min: 0 }),
      'discriminator/frame_pairs': fc.double({ min: 0, max: 1 }),
      'generator/judges_pull': fc.double(),
      'generator/judges_gradient': fc.double(),
      'generator/gradient_by_loss': fc.double(),
      'control/matching_weight': fc.constantFrom(0, 1),
      'control/adversarial_weight': fc.double({ min: 0, max: 1 }),
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

  it.each([
    [{ judgesWaitAbove: 0.9 }, /0\.97, above judgesWaitAbove, 0\.9/],
    [{ motionBelow: 2.5 }, /2\.5, not below motionAbove, 2/],
    [{ motionAbove: 0.3 }, /too little or too much/],
    [{ rampUp: '200%' }, /up to 100%/],
    [{ rampUp: 0.1 }, /such as 10%/],
    [{ overfittingAbove: -1 }, />=0/],
  ])('refuses %j, by which nothing sensible would be done', (given, why) => {
    expect(stabilityLimits.safeParse(given).error?.issues.map(({ message }) => message)).toEqual([
      expect.stringMatching(why),
    ]);
  });

  it.each(['0%', '10%', '99.5%', '100%', '100.0%'])('takes a ramp of %s', (rampUp) => {
    expect(stabilityLimits.parse({ rampUp }).rampUp).toBe(rampUp);
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
