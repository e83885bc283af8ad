import { describe, expect, it } from 'vitest';
import type { Schedule } from '../../src/autodiff/index.js';
import { afterStep, stabilityState } from '../../src/training/stability.js';
import { controlSignals } from '../../src/training/steadied.js';
import { limits, PLAN, run, steadiedOf, wordOf } from './control.js';

describe('gradients that explode', () => {
  const exploding = (isLong: (step: number) => boolean, carried?: number) => (step: number) => ({
    'generator/gradient_by_loss': isLong(step) ? 1e5 : 3,
    ...(carried !== undefined && { 'control/gradient_carried': carried }),
  });
  const until = (last: number, carried?: number) => exploding((step) => step <= last, carried);

  it('are cut within a few steps, and pass again after a long calm', () => {
    const { states, acts } = run(until(100, 1), 600);
    expect(acts.map(({ step, act }) => [step, act])).toEqual([
      [4, 'gradients are cut'],
      [expect.any(Number), 'gradients pass'],
    ]);
    expect(acts[0]!.why).toBe('gradients explode in 100 % of the steps: they end after 4 frames');
    expect(acts[1]!.step).toBeGreaterThan(220);
    expect(steadiedOf(PLAN, states[4]!).gradientCarried).toBe(0);
    expect(steadiedOf(PLAN, states.at(-1)!)).toMatchObject({ gradientCarried: 1, segments: null });
  });

  it('pass again whatever else is done meanwhile', () => {
    const pull = (step: number) => ({
      ...until(10, 1)(step),
      'generator/judges_pull': step % 100 < 50 ? 0.1 : 6,
      'control/adversarial_weight': 1,
      'control/matching_weight': step % 16 === 0 ? 0 : 1,
    });
    const acts = run(pull, 500).acts.map(({ act }) => act);
    expect(acts.length).toBeGreaterThan(4);
    expect(acts).toContain('gradients pass');
  });

  it.each<[Schedule | null, number, Schedule | null]>([
    [null, 10, [2, 4, 4]],
    [[3, 3], 6, [2, 2, 2]],
    [[1, 5], 6, [2, 4]],
    [[2, 2, 2], 6, [2, 2, 2]],
    [
      [
        [1, 1],
        [1, 1, 1, 1],
      ],
      6,
      [
        [1, 1],
        [1, 1, 1, 1],
      ],
    ],
    [[1, 1, 1], 3, [1, 1, 1]],
    [null, 4, null],
  ])('end at the same frames whatever memory has %j for %i frames', (segments, frames, cut) => {
    const exploded = run(until(100, 1), 20).states.at(-1)!;
    expect(steadiedOf({ ...PLAN, segments }, exploded, frames).segments).toEqual(cut);
  });

  it('are told of in rollouts that are long enough to cut', () => {
    const told = (frames: number): unknown =>
      controlSignals({ ...PLAN, blurPixels: 0, frames })['control/gradient_carried'];
    expect([told(4), told(5)]).toEqual([undefined, 1]);
  });

  it('are only told of in a rollout of a few frames, and left alone where they are rare', () => {
    expect(run(until(100), 600).acts).toEqual([]);
    expect(run(until(0, 1), 100).acts).toEqual([]);
    const rare = exploding((step) => step % 15 === 9, 1);
    expect(run(rare, 300).acts).toEqual([]);
    const none = { ...limits, explodesAbove: 0 };
    const { state } = afterStep(none, stabilityState(), until(100, 1)(1), 1);
    expect(Object.keys(state.signals)).not.toContain('explosions');
  });

  it('are those beyond all numbers, too', () => {
    for (const value of [Infinity, NaN]) {
      const beyond = { 'generator/gradient_by_loss': value, 'control/gradient_carried': 1 };
      expect(run(() => beyond, 7).acts.map(({ act }) => act)).toEqual(['gradients are cut']);
    }
  });

  it('are told of while they do in more than one step in ten', () => {
    const { states } = run(
      exploding((step) => step <= 100 || step % 20 === 0),
      300,
    );
    expect([10, 100, 300].map((step) => wordOf(states[step]!))).toEqual([
      'healthy',
      'gradients explode',
      'healthy',
    ]);
  });
});
