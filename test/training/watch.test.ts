import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import type { EvaluationFigures } from '../../src/training/evaluation.js';
import type { StabilityOptions } from '../../src/training/options.js';
import { ROLLBACK_LIMITS } from '../../src/training/rollback.js';
import type { EventWriter } from '../../src/training/run/event-writer.js';
import type { StepLog } from '../../src/training/run/step-log.js';
import type { Signals } from '../../src/training/signals.js';
import { stabilityState } from '../../src/training/stability.js';
import { createWatch } from '../../src/training/watch.js';
import { PLAN } from './support.js';

/** A watch, and the lines that it writes. */
function watching(stability: StabilityOptions, saved: Record<string, unknown> | null = null) {
  const lines: object[] = [];
  let said = '';
  const log = createLogger({ write: (line) => void (said += line), colours: false });
  const stepLog: StepLog = {
    append: (line) => Promise.resolve(void lines.push(line)),
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const events: EventWriter = {
    path: '',
    sync: () => Promise.resolve(),
    scalars: () => Promise.resolve(),
    text: () => Promise.resolve(),
    image: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const watch = createWatch(stability, saved, {
    log,
    stepLog,
    events,
    rollback: ROLLBACK_LIMITS,
    attempt: 0,
    leastAugmentation: 0,
  });
  return { watch, lines, warnings: said };
}

const plan = { ...PLAN, blurPixels: 0, augmentation: 0 };
const HARD: Signals = { 'generator/judges_pull': 6, 'control/adversarial_weight': 1 };

it('follows gradients anew where frames have grown, and believes no alarm of small ones', async () => {
  const { watch } = watching('auto');
  expect(watch.atSize(2)).toBe(false);
  const norms = { 'generator/gradient_norm': 1, 'discriminator/gradient_norm': 1 };
  for (let step = 1; step <= 60; step += 1) await watch.afterStep(norms, step);
  const dotted = { checkerRatio: 3, overfitting: 0.9 } as EvaluationFigures;
  expect([watch.alarmsOf(dotted), watch.actsOf(dotted, 60)]).toEqual([{}, []]);
  const before = watch.saved();
  const evaluation = { figures: dotted, alarms: {}, ending: false };
  expect(watch.afterEvaluation(evaluation, { step: 60, total: 100 })).toBeNull();
  expect(watch.saved()).toEqual(before);

  expect([watch.atSize(1), watch.atSize(1)]).toEqual([true, false]);
  expect(watch.saved()).toMatchObject({
    stability: { signals: {}, jumping: [] },
    rollback: { norms: {}, far: 0 },
  });
  // A hundred times as long as before, and as long as ever.
  const longer = { 'generator/gradient_norm': 100, 'discriminator/gradient_norm': 100 };
  for (let step = 61; step <= 120; step += 1) {
    expect(await watch.afterStep(longer, step)).toBeNull();
  }
  expect(Object.keys(watch.alarmsOf(dotted))).toContain('dots');
});

describe('a training without control', () => {
  it('says what tips as long as it does, and changes nothing', async () => {
    const { watch, lines } = watching('off');
    const words: string[] = [];
    for (let step = 1; step <= 60; step += 1) {
      expect(await watch.afterStep(HARD, step)).toBeNull();
      words.push(watch.stepWord);
    }
    expect(words.slice(0, 19)).toEqual(Array(19).fill('healthy'));
    expect(words.slice(19)).toEqual(Array(41).fill('judges pull hard'));
    expect(watch.steadied(plan, 5)).toEqual(plan);
    expect(lines).toEqual([]);
    const { signals, ...others } = watch.saved().stability;
    expect(signals['generator/judges_pull']!.count).toBe(60);
    const untouched = { ...stabilityState(), signals };
    expect({ signals, ...others }).toEqual(untouched);
  });

  it('has no judges that wait, where it was going on with control before', () => {
    const saved = { stability: { ...stabilityState(), judgesWait: true } };
    expect(watching('auto', saved).watch.stepWord).toBe('judges win');
    const { watch } = watching('off', saved);
    expect(watch.stepWord).toBe('healthy');
    expect(watch.steadied(plan, 5).judgesWait).toBe(false);
  });
});

it('is steadied with control, and each change is a line', async () => {
  const { watch, lines } = watching('auto');
  for (let step = 1; step <= 32; step += 1) {
    const { adversarialWeight, matchingWeight } = watch.steadied({ ...plan, step: step - 1 }, 5);
    const signals = {
      'generator/judges_pull': 6,
      'control/adversarial_weight': adversarialWeight,
      'control/matching_weight': matchingWeight,
    };
    await watch.afterStep(signals, step);
  }
  expect(lines).toEqual([
    { step: 32, act: 'judges weigh less', why: expect.any(String) as string },
  ]);
  expect(watch.steadied(plan, 5).adversarialWeight).toBeCloseTo(0.25, 2);
});

it('says so where what a snapshot remembers is not to be read, and begins anew', () => {
  const { watch, warnings } = watching('auto', { stability: { mood: 'odd' }, rollback: 7 });
  expect(watch.saved()).toEqual(watching('auto').watch.saved());
  expect(warnings).toMatch(/memory of how training goes .* begins anew/);
  expect(warnings).toMatch(/memory of what to go back to .* begins anew/);
  const kept = JSON.parse(JSON.stringify(watch.saved())) as Record<string, unknown>;
  expect([watching('auto', kept).warnings, watching('auto').warnings]).toEqual(['', '']);
});
