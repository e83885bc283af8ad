import { describe, expect, it } from 'vitest';
import type { Signals } from '../../src/training/signals.js';
import {
  afterStep,
  returned,
  stabilityState,
  uncontrolled,
  type Act,
  type StabilityState,
} from '../../src/training/stability.js';
import { limits, PLAN, run, steadiedOf, wordOf } from './control.js';

describe('judges that pull too hard', () => {
  /**
   * A training whose adversarial terms pull so hard by all of their weight, and by it with less; and feature
   * matching beside them, at right angles. Without a reconstruction the same numbers are beside nothing.
   */
  function pulled(
    pullAt: (step: number) => number,
    steps: number,
    { matching = 0.8, signal = 'generator/judges_pull', caution = 1 } = {},
  ) {
    const plans: { adversarialWeight: number; matchingWeight: number }[] = [];
    const acts: Act[] = [];
    let state: StabilityState = { ...stabilityState(), caution };
    for (let step = 1; step <= steps; step += 1) {
      const plan = steadiedOf({ ...PLAN, step: step - 1 }, state);
      const [own, other] = [plan.adversarialWeight, plan.matchingWeight];
      const signals = {
        [signal]: Math.hypot(pullAt(step) * own, matching * other),
        'control/adversarial_weight': own,
        'control/matching_weight': other,
      };
      const made = afterStep(limits, state, signals, step);
      ({ state } = made);
      acts.push(...made.acts);
      plans.push(plan);
    }
    const without = (name: 'adversarialWeight' | 'matchingWeight'): number[] =>
      plans.flatMap((plan, at) => (plan[name] === 0 ? [at + 1] : []));
    return { weights: plans.map((plan) => plan.adversarialWeight), without, acts, state };
  }
  const everySixteenth = (from: number, to: number): number[] =>
    Array.from({ length: Math.floor((to - from) / 16) + 1 }, (_, i) => from + 16 * i);

  it('weigh less within a few steps, and more again once they pull much less', () => {
    const { weights, acts } = pulled((step) => (step < 300 ? 6 : 0.5), 600);
    expect(acts[0]).toMatchObject({ step: 32, act: 'judges weigh less' });
    expect(acts[0]!.why).toBe(
      'the adversarial terms pull 6.00 times as hard as the reconstruction, and may 1.5 times: weight × 0.25',
    );
    expect(weights[298]! * 6).toBeLessThanOrEqual(1.5);
    expect(acts.at(-1)!.act).toBe('judges weigh more');
    expect(weights.at(-1)).toBe(1);
    expect(acts.length).toBeLessThan(8);
  });

  it('are not blamed for how hard feature matching pulls: one step in sixteen leaves it out', () => {
    for (const matching of [0, 5, 20]) {
      const { acts, weights, without } = pulled(() => 1, 400, { matching });
      expect(acts).toEqual([]);
      expect(without('matchingWeight')).toEqual(everySixteenth(16, 400));
      expect(new Set(weights)).toEqual(new Set([1]));
    }
  });

  it('are told of by less than their weight, so that it need not have grown', () => {
    const growing = (step: number): Signals => ({
      'generator/judges_pull': 0.06 * step,
      'control/adversarial_weight': step / 100,
      'control/matching_weight': step % 16 === 0 ? 0 : 1,
    });
    expect(run(growing, 32).acts.map(({ why }) => why)).toEqual([
      'the adversarial terms pull 6.00 times as hard as the reconstruction, and may 1.5 times: weight × 0.25',
    ]);
  });

  it('are beside feature matching where there is no reconstruction', () => {
    const signal = 'generator/judges_gradient';
    const hard = pulled(() => 0.06, 200, { matching: 0.01, signal });
    expect(hard.acts[0]!.why).toBe(
      'the adversarial terms pull 6.00 times as hard as feature matching, and may 1.5 times: weight × 0.25',
    );
    expect(hard.weights.at(-1)! * 6).toBeLessThanOrEqual(1.5);
    expect(hard.without('matchingWeight')).toEqual(everySixteenth(16, 200));
    expect(hard.without('adversarialWeight')).toEqual(everySixteenth(24, 200));
    expect(pulled(() => 60, 300, { matching: 50, signal }).acts).toEqual([]);
    // With neither there is nothing that they could be beside, and nothing would be left of a step without them.
    const alone = pulled(() => 60, 300, { matching: 0, signal });
    expect([alone.acts, alone.without('adversarialWeight')]).toEqual([[], [24]]);
  });

  it('may pull less for good where they made dots', () => {
    const caution = 0.25;
    const { weights, acts } = pulled(() => 1.2, 200, { caution });
    expect([acts, new Set(weights)]).toEqual([[], new Set([caution])]);
    const hard = pulled(() => 3, 200, { caution });
    expect(hard.acts[0]!.why).toMatch(/pull 0.75 times .* and may 0.38 times: weight × 0.50$/);
    expect(hard.weights.at(-1)).toBeCloseTo(0.5 * caution, 6);
  });

  it('are not asked again where they do not pull at all', () => {
    for (const pull of [0, 1e-6]) {
      expect(pulled(() => pull, 600).without('matchingWeight')).toEqual([16, 32, 256, 512]);
    }
  });

  it('are learnt anew where losses are others, or nothing is done about them any more', () => {
    const beside = pulled(() => 6, 80).state;
    const norm = { 'generator/judges_gradient': 60, 'control/adversarial_weight': 1 };
    const known = (state: StabilityState): string[] =>
      Object.keys(state.signals).filter((name) => name.includes('pull'));
    expect(known(beside).length).toBe(2);
    expect(known(afterStep(limits, beside, norm, 81).state)).toEqual([]);
    const other = pulled(() => 6, 80, { signal: 'generator/judges_gradient' }).state;
    const ratio = { 'generator/judges_pull': 2, 'control/adversarial_weight': 1 };
    expect(known(afterStep(limits, other, ratio, 81).state)).toEqual(['generator/judges_pull']);
    expect(known(uncontrolled(beside))).toEqual([]);
  });

  it('are left alone where they do not, and where nothing is known', () => {
    expect(pulled(() => 1.4, 300).acts).toEqual([]);
    expect(run(() => ({}), 300).acts).toEqual([]);
  });

  it('are told of without control as well', () => {
    const pulling = (pull: number) => run(() => ({ 'generator/judges_pull': pull }), 30).states;
    expect(wordOf(pulling(6).at(-1)!)).toBe('judges pull hard');
    expect(wordOf(pulling(6)[15]!)).toBe('healthy');
    expect(wordOf(pulling(2.5).at(-1)!)).toBe('healthy');
    expect(wordOf(pulled(() => 6, 31).state)).toBe('judges pull hard');
    expect(wordOf(pulled(() => 6, 80).state)).toBe('healthy');
  });

  it('are trusted half as far each time that a training goes back', () => {
    const state = { ...stabilityState(), caution: 0.5 };
    expect(steadiedOf(PLAN, returned(state, 2)).adversarialWeight).toBe(0.125);
    expect(returned(state, 0)).toEqual(state);
  });
});
