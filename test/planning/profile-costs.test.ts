import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { noteCards } from '../../src/backend/memory.js';
import { nativeBackend } from '../../src/backend/native.js';
import { isFrameloomError } from '../../src/base/error.js';
import { createLogger } from '../../src/base/log.js';
import { registerKernels } from '../../src/kernels/index.js';
import {
  budgetBytes,
  chooseCheckpointing,
  phasePeaks,
  plainBound,
  planFor,
  planRollout,
  profileCosts,
  savedCheckpointing,
  smallestBudget,
  stepMemory,
  type MeasuredStep,
  type MemoryPlan,
  type StepCosts,
} from '../../src/planning/index.js';
import { measuredStep } from '../../src/training/measure-step.js';
import { lossOptions, trainingOptions, type TrainingOptions } from '../../src/training/options.js';
import { smallModel } from '../training/support.js';

const model = smallModel({ channels: 8, residualBlocks: 2 });
const SIZE = { height: 96, width: 128 };
const WARM_UP = 3;

const optionsWith = (training: Record<string, unknown> = {}): TrainingOptions =>
  trainingOptions.parse({ frames: 6, warmUp: { frames: WARM_UP }, ...training });

const stepWith = (training: Record<string, unknown> = {}): MeasuredStep =>
  measuredStep(model, {
    training: optionsWith(training),
    losses: lossOptions.parse({}),
    frameDiscriminator: { judgeRaw: true, antiAlias: false },
    sequenceDiscriminator: { antiAlias: false },
  });
const step = stepWith();

let costs: StepCosts;

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
  costs = profileCosts(step)(SIZE, 1);
}, 60_000);

/** The most bytes of a real step at a size that was not profiled. */
function measured(frames: number, { segments, stretches, judgedFrames }: MemoryPlan): number {
  const trial = { frames, segments, stretches, judgedFrames, warmUp: WARM_UP };
  return step.measure(trial, SIZE).peakBytes;
}

describe('profileCosts', { timeout: 60_000 }, () => {
  it.each([2, 6])('predicts the peak on one tape of %i frames to a tenth', (frames) => {
    const plan = planFor(costs, frames, null);
    const peak = measured(frames, plan);
    expect(plan.peakBytes / peak).toBeGreaterThan(0.9);
    expect(plan.peakBytes / peak).toBeLessThan(1.1);
  });

  it.each<[number, number]>([
    [3, 0],
    [3, 0.5],
    [6, 0.3],
  ])(
    'predicts it to a tenth for %i frames in a budget at %d of the way to one tape',
    (frames, share) => {
      const least = smallestBudget(costs, frames);
      const most = planFor(costs, frames, null).peakBytes;
      const budget = Math.ceil(least + (most - least) * share);
      const plan = planRollout(costs, frames, budget);
      expect(plan.segments).not.toBeNull();
      const peak = measured(frames, plan);
      expect(plan.peakBytes / peak).toBeGreaterThan(0.9);
      expect(plan.peakBytes / peak).toBeLessThan(1.1);
      expect(peak).toBeLessThanOrEqual(1.1 * budget);
    },
  );

  it.each([[[1, 3, 2, 1]], [[1, 1, 1, 1, 1, 1, 1]], [[6, 1]]])(
    'predicts it to a tenth for frames in stretches of %j blocks',
    (stretches) => {
      const parts = { segments: [1, 1, 1], stretches, judgedFrames: 1 };
      // What the discriminators take would hide it.
      const { back } = phasePeaks(costs, 3, parts);
      const trial = { frames: 3, ...parts, warmUp: WARM_UP };
      const { phases } = step.measure(trial, SIZE);
      const inBack = Object.entries(phases).filter(([name]) =>
        /^(back|sweep|tape|pull)/.test(name),
      );
      const peak = Math.max(...inBack.map(([, { peakBytes }]) => peakBytes));
      expect(back / peak).toBeGreaterThan(0.9);
      expect(back / peak).toBeLessThan(1.1);
    },
  );

  it('counts what the discriminators see through, where they may come to', () => {
    const whole = { frames: 2, segments: null, stretches: null, judgedFrames: 2, warmUp: 0 };
    const peakOf = (stability: unknown): number =>
      stepWith({ stability }).measure(whole, SIZE).peakBytes;
    const plain = peakOf('off');
    expect(peakOf({ blurPixels: 0, mostAugmentation: 0 })).toBe(plain);
    const [blurred, moved] = [peakOf({ mostAugmentation: 0 }), peakOf('auto')];
    const { height, width } = SIZE;
    // Both matrices and the mask; then those of the condition.
    const matrices = 4 * (height ** 2 + width ** 2);
    expect(blurred - plain).toBeGreaterThan(matrices + 4 * height * width);
    expect(moved - blurred).toBeGreaterThanOrEqual(matrices);
  });

  it('predicts that the peak falls to less than half by recomputing', () => {
    const most = planFor(costs, 16, null);
    const plan = planRollout(costs, 16, Math.ceil(most.peakBytes * 0.6));
    expect(plan.slowdown).toBeGreaterThan(1);
    expect(plan.slowdown).toBeLessThan(2);
    expect(smallestBudget(costs, 16)).toBeLessThan(most.peakBytes * 0.6);
  });
});

describe('chooseCheckpointing', { timeout: 60_000 }, () => {
  const choose = (training: Record<string, unknown>) => {
    const lines: string[] = [];
    const log = createLogger({ level: 'info', json: false, write: (line) => lines.push(line) });
    const checkpointing = chooseCheckpointing(step, optionsWith(training), SIZE, log);
    return { checkpointing, said: lines.join('') };
  };

  it('keeps the rollout on one tape when it fits, and says so', () => {
    const bound = plainBound(step, optionsWith(), SIZE);
    expect(bound).toBeGreaterThan(planFor(costs, 6, null).peakBytes);
    const { checkpointing, said } = choose({ memoryBudget: bound });
    expect(checkpointing).toEqual({ kind: 'off' });
    expect(said).toContain('gradient checkpointing: off');
  });

  it('plans every rollout up to the longest when it does not, and goes on the same way', () => {
    const budget = Math.ceil(planFor(costs, 6, null).peakBytes * 0.85);
    const { checkpointing, said } = choose({ memoryBudget: budget });
    expect(said).toContain('gradient checkpointing: segments of 6 × 1 frames');
    expect(stepMemory(checkpointing, 1).segments).toBeNull();
    const resumed = savedCheckpointing(JSON.parse(JSON.stringify({ seed: 1, checkpointing })));
    for (let frames = 1; frames <= 6; frames += 1) {
      expect(stepMemory(resumed, frames)).toEqual(stepMemory(checkpointing, frames));
    }
  });

  it('refuses a budget that nothing fits, naming the smallest that something would', () => {
    let caught: unknown;
    try {
      choose({ memoryBudget: '1MiB' });
    } catch (error) {
      caught = error;
    }
    expect(isFrameloomError(caught, 'budget')).toBe(true);
    expect((caught as Error).message).toContain(`(${smallestBudget(costs, 6)} bytes)`);
  });

  it('leaves a choice alone, and warns of a budget beside it', () => {
    expect(choose({ gradientCheckpointing: 'off' })).toEqual({
      checkpointing: { kind: 'off' },
      said: '',
    });
    const { checkpointing, said } = choose({
      gradientCheckpointing: { every: 2 },
      memoryBudget: 5,
    });
    expect(stepMemory(checkpointing, 5)).toEqual({
      ...{ segments: [1, 2, 2], stretches: null, judgedFrames: 5 },
    });
    expect(said).toContain('memoryBudget is kept to only with');
  });
});

describe('budgetBytes', () => {
  it('is what was asked for, or half of what is free', () => {
    expect(budgetBytes(12_345)).toBe(12_345);
    const free = budgetBytes('auto');
    expect(free).toBeGreaterThan(0);
    expect(Number.isInteger(free)).toBe(true);
  });

  it('is of the card’s memory on a card, with a word where that cannot be asked for', () => {
    const backend = nativeBackend()! as { isUsingGpuDevice: boolean };
    let said = '';
    const log = createLogger({ write: (line) => void (said += line), colours: false });
    backend.isUsingGpuDevice = true;
    try {
      noteCards([{ name: 'small', memoryBytes: 8 * 2 ** 30, freeBytes: 6 * 2 ** 30 }]);
      expect(budgetBytes('auto', log)).toBe(3 * 2 ** 30);
      expect(said).toBe('');
      noteCards([{ name: 'unknown' }]);
      expect(budgetBytes('auto', log)).toBe(2 * 2 ** 30);
    } finally {
      backend.isUsingGpuDevice = false;
      noteCards([]);
    }
    expect(said).toContain('nobody tells how much memory the card has');
    expect(said).toContain('4.00 GiB are assumed; training.memoryBudget says otherwise');
  });
});

it('goes on by the plan of a snapshot that knew a block by its seconds', () => {
  // What the discriminators take would hide that frames are cut.
  const none = { base: 0, perFrame: 0, perTapeFrame: 0, perJudgedFrame: 0 };
  const now = { ...costs, phases: { ...costs.phases, judge: none, train: none } };
  const checkpointing = { kind: 'planned', budgetBytes: smallestBudget(now, 4) };
  const { forwardSeconds } = now;
  const before = {
    ...now,
    blocks: now.blocks.map(({ forwardShare, ...bytes }) => ({
      ...bytes,
      forwardSeconds: forwardShare * forwardSeconds,
    })),
  };
  const plans = [now, before].map((saved) =>
    stepMemory(savedCheckpointing({ checkpointing: { ...checkpointing, costs: saved } }), 4),
  );
  expect(plans[0]!.stretches).not.toBeNull();
  expect(plans[1]).toEqual(plans[0]);
});

it('refuses a snapshot that does not say how gradients were taken', () => {
  for (const state of [null, {}, { checkpointing: { kind: 'every', every: 0 } }]) {
    expect(() => savedCheckpointing(state)).toThrow('does not say how gradients were taken');
  }
});
