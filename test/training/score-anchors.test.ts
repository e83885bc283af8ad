import { describe, expect, it } from 'vitest';
import { anchored, scoreAnchors } from '../../src/training/score-anchors.js';
import type { Signals } from '../../src/training/signals.js';
import { afterStep, stabilityState, type StabilityState } from '../../src/training/stability.js';
import { stabilityLimits } from '../../src/training/stability-limits.js';

const limits = stabilityLimits.parse({});

/** What the controller knows after such steps. */
const after = (signals: readonly Signals[]): StabilityState =>
  signals.reduce<StabilityState>(
    (state, own, at) => afterStep(limits, state, own, at + 1).state,
    stabilityState(),
  );

describe("the anchors of LeCam's loss", () => {
  const scores = (real: number, fake: number, name = 'frame'): Signals => ({
    [`discriminator/${name}_real_score`]: real,
    [`discriminator/${name}_fake_score`]: fake,
  });
  const anchorsAfter = (signals: readonly Signals[]) => scoreAnchors(after(signals).scores);

  it('are means of the scores, plain at first and then of a hundred steps', () => {
    expect(anchorsAfter([])).toEqual({});
    expect(anchorsAfter([scores(3, -1)])).toEqual({ frame: { real: 3, fake: -1 } });
    const { frame } = anchorsAfter([scores(3, -1), scores(1, 1)]);
    expect(frame).toEqual({ real: 2, fake: 0 });
    const long = Array.from({ length: 400 }, (_, at) => scores(at < 300 ? 1 : 0, 0));
    expect(anchorsAfter(long).frame!.real).toBeCloseTo(0.99 ** 100, 6);
  });

  it('are kept apart, and through steps that have no scores or broken ones', () => {
    const broken = { ...scores(1e30, -1e30), 'discriminator/gradient_norm': Infinity };
    const lost = scores(Number.NaN, 0);
    const signals = [scores(1, 0), {}, scores(2, 1, 'sequence'), lost, broken];
    expect(anchorsAfter(signals)).toEqual({
      frame: { real: 1, fake: 0 },
      sequence: { real: 2, fake: 1 },
    });
  });

  it('enter the plans of trainings that have it', () => {
    const state = after([scores(1, -1)]);
    const lecam = { weight: 0.1, anchors: {} };
    const plan = { step: 1, lecam };
    expect(anchored(plan, state)).toEqual({
      ...plan,
      lecam: { ...lecam, anchors: { frame: { real: 1, fake: -1 } } },
    });
    const without = { step: 1, lecam: null };
    expect(anchored(without, state)).toBe(without);
  });

  it('are not in snapshots of before, which are read all the same', () => {
    const state = after([{ 'discriminator/frame_pairs': 0.7 }]);
    expect(stabilityState({ ...state, scores: undefined })).toEqual(state);
  });
});
