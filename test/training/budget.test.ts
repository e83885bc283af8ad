import { writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import { randomStream } from '../../src/base/random.js';
import { windowPixels } from '../../src/clips/index.js';
import { createAverages } from '../../src/training/averages.js';
import { openBudget, type Budget } from '../../src/training/budget.js';
import { readStepCounts } from '../../src/training/written-counts.js';
import { trainingOptions, type TrainingOptions } from '../../src/training/options.js';
import {
  asMeasured,
  countSteps,
  FRAMES_BESIDE,
  longFramesAt,
  paceOf,
} from '../../src/training/pace.js';
import { runPaths } from '../../src/training/run/run-folder.js';
import { dueAfter, rateFactor, rolloutFrames, warmUpFrames } from '../../src/training/schedule.js';
import { testFolder } from './run/support.js';

/** Of windows that are whole frames. */
const WHOLE = windowPixels({ size: { width: 64, height: 64 } });

afterEach(() => {
  vi.useRealTimers();
});

async function prepared() {
  const run = runPaths(await testFolder());
  let said = '';
  const log = createLogger({ write: (line) => void (said += line) });
  const open = (
    training: object,
    more: { maxMinutes?: number; step?: number; evaluationFrames?: number } = {},
  ) =>
    openBudget({
      ...{ run, log, step: 0, evaluationFrames: 0, pixels: WHOLE },
      training: trainingOptions.parse({ frames: 4, warmUp: { frames: 0 }, ...training }),
      ...more,
    });
  return { run, open, said: () => said };
}

/** As many steps as are counted by. */
async function measured(budget: Budget): Promise<void> {
  for (let step = 1; step <= 50; step += 1) {
    budget.learn({ ms: 400, frames: 4 });
    await budget.settle(step, step + 2);
  }
}

describe('the steps of a training', () => {
  it('are known at once where no minutes decide', async () => {
    const { run, open } = await prepared();
    const budget = await open({ steps: 70 });
    expect([budget.steps, budget.totalAt(0), budget.deadline]).toEqual([70, 70, Infinity]);
    // A clock beside it later is a limit and no other number.
    const later = await open({ steps: 70 }, { maxMinutes: 1, step: 20 });
    expect([later.steps, later.totalAt(20)]).toEqual([70, 70]);
    await measured(later);
    expect(await readStepCounts(run)).toMatchObject({ counts: [{ steps: 70, fromStep: 0 }] });
  });

  it('are counted early where minutes decide, and kept by the run', async () => {
    const { open, said } = await prepared();
    const budget = await open({ steps: 9000 }, { maxMinutes: 100 });
    expect([budget.steps, budget.totalAt(49)]).toEqual([9000, null]);
    await measured(budget);
    // All of them fit into 100 minutes at 400 ms.
    expect([budget.steps, budget.totalAt(52)]).toEqual([9000, 9000]);
    expect(said()).toContain('all 9000 steps fit into 1h40m, at 100 ms a frame');

    const short = await prepared();
    const counted = await short.open({ steps: 9000 }, { maxMinutes: 10 });
    await measured(counted);
    // 96 % of 1,500, less ten samples of sixteen frames at half of 100 ms.
    expect(counted.steps).toBeGreaterThan(1420 + 50 - 40);
    expect(counted.steps).toBeLessThanOrEqual(1420 + 50);
    // What is planned already stays as it was planned.
    expect([counted.totalAt(51), counted.totalAt(52)]).toEqual([null, counted.steps]);
    counted.sayEnd(counted.steps, 'done');
    expect(short.said()).not.toContain('the time was over');
    // Its steps took no time at all.
    expect(short.said()).toContain(
      `10m00s of the 10m00s are left after all ${counted.steps} steps that were counted`,
    );
    counted.sayEnd(1000, 'time');
    expect(short.said()).toContain(`the time was over after 1000 of the ${counted.steps} steps`);

    const resumed = await short.open({ steps: 9000 }, { maxMinutes: 3, step: 600 });
    await measured(resumed);
    expect([resumed.steps, resumed.totalAt(51)]).toEqual([counted.steps, null]);
    await short.open({ steps: 9000 }, { step: counted.steps });
    expect(short.said()).toContain(`all ${counted.steps} steps are done`);
    // Another question has another answer.
    const longer = await short.open({ steps: 9001 }, { step: 600 });
    expect([longer.steps, longer.totalAt(600)]).toEqual([9001, 9001]);
  });

  it('are counted with smaller frames at first, and again once these have grown', async () => {
    const { open, said } = await prepared();
    const growing = { divideBy: 2, untilSteps: '50%' };
    const often = { sampleEverySteps: 100_000, evaluateEverySteps: 100_000 };
    const budget = await open({ steps: 9000, growing, ...often }, { maxMinutes: 10 });
    // A quarter of the pixels; what they take a whole frame takes four times.
    for (let step = 1; step <= 50; step += 1) {
      budget.learn({ ms: 100, frames: 4, share: 1 / 4 });
      await budget.settle(step, step + 2);
    }
    expect(said()).toContain('at 100 ms a frame');
    const first = budget.steps;
    // Half of them at a quarter of 400 ms, half of them whole, and one recording of neither.
    expect(first).toBeGreaterThan((0.9 * 600) / 0.25);
    expect(first).toBeLessThan(600 / 0.25 + 50);
    // They take less than was thought, which the first of them show.
    for (let step = first / 2; step < first / 2 + 16; step += 1) {
      budget.learn({ ms: 300, frames: 4 });
      await budget.settle(step, step + 2);
    }
    expect(budget.steps).toBeGreaterThan(1.1 * first);
    expect(said()).toContain('counted again');
  });

  it('have no other bound where the pipeline asks for minutes', async () => {
    const { run, open } = await prepared();
    const budget = await open({ steps: 3, minutes: 10 });
    expect(budget.steps).toBe(Infinity);
    await measured(budget);
    expect(budget.steps).toBeGreaterThan(1400);
    expect(await readStepCounts(run)).toMatchObject({ asked: { steps: 3, minutes: 10 } });
    const broken = [
      { steps: 0 },
      { counts: [], asked: { steps: 3, minutes: null } },
      {
        counts: [9, 9].map((fromStep) => ({ steps: 70, fromStep })),
        asked: { steps: 3, minutes: null },
      },
    ];
    for (const one of broken) {
      await writeFile(run.schedule, JSON.stringify(one));
      await expect(open({ steps: 3 })).rejects.toMatchObject({ code: 'bad-snapshot' });
    }
  });

  it('are read as they were where they were counted once', async () => {
    const { run, open } = await prepared();
    const asked = { steps: 9000, minutes: 10 };
    await writeFile(run.schedule, JSON.stringify({ steps: 700, fromStep: 52, asked }));
    const budget = await open(asked, { step: 60 });
    expect(budget.counts).toEqual([{ steps: 700, fromStep: 52 }]);
    await measured(budget);
    expect([budget.steps, budget.totalAt(51), budget.totalAt(52)]).toEqual([700, null, 700]);
  });
});

/** What a machine takes, in milliseconds; `now` since training began. */
interface Machine {
  readonly frameMs: number;
  /** Factor on everything at a moment, by the share of the minutes. */
  readonly slower?: (share: number) => number;
  /** A frame of warm-up, a step with blur, and a frame that is only generated, beside a trained one. */
  readonly warmUp?: number;
  readonly blurred?: number;
  readonly generated?: number;
  readonly recordingMs?: number;
}

/** A training by the clock of such a machine: its steps in the trainer's order, without networks. */
async function simulated(minutes: number, given: object, machine: Machine) {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { frameMs, warmUp = 0.4, blurred = 1.5, generated = 0.9, recordingMs = 3500 } = machine;
  const { run, open, said } = await prepared();
  const evaluated = 24;
  const budget = await open(given, { maxMinutes: minutes, evaluationFrames: evaluated });
  const training = trainingOptions.parse({ frames: 4, warmUp: { frames: 0 }, ...given });
  const started = performance.now();
  const spend = (ms: number): number => {
    const share = (performance.now() - started) / (minutes * 60_000);
    const own = ms * (machine.slower?.(share) ?? 1);
    vi.advanceTimersByTime(own);
    return own;
  };
  const random = randomStream(7, 'noise', 'machine');
  const evaluate = (done: number, isLast: boolean): void => {
    const total = budget.totalAt(done - 1);
    const frames =
      evaluated + FRAMES_BESIDE + longFramesAt(training, done, { total, isLast, pixels: WHOLE });
    budget.learnBeside('evaluation', spend(frames * generated * 1.2 * frameMs), frames);
  };
  const reserveMs = (): number => {
    const long = longFramesAt(training, budget.steps, { total: null, isLast: true, pixels: WHOLE });
    return Math.min(budget.evaluationMs(evaluated + FRAMES_BESIDE + long), minutes * 15_000);
  };
  const kinds = new Set<string>();
  const plans: { frames: number; warm: number }[] = [];
  let done = 0;
  let ending: 'done' | 'time' = 'done';
  let evaluatedAt = 0;
  while (done < budget.steps) {
    if (performance.now() + reserveMs() >= budget.deadline) {
      ending = 'time';
      break;
    }
    // Windows are asked for three steps ahead.
    for (let ahead = plans.length; ahead < done + 3; ahead += 1) {
      plans.push({
        frames: rolloutFrames(training, ahead, budget.counts),
        warm: warmUpFrames(training, { seed: 1 }, ahead, budget.counts),
      });
    }
    const { frames, warm } = plans[done]!;
    const isBlurred = done < Math.min(0.05 * budget.steps, 50);
    const kind = [frames, warm > 0, isBlurred].join(' ');
    const noise = 0.8 + 0.4 * random.uniform() + (random.uniform() < 0.02 ? 2 : 0);
    const own = (frames + warm * warmUp) * (isBlurred ? blurred : 1) * frameMs * noise;
    const ms = spend(own + (kinds.has(kind) ? 0 : recordingMs));
    kinds.add(kind);
    const due = dueAfter(training, done + 1, budget.totalAt(done));
    done += 1;
    budget.learn({ ms, frames, warmUpFrames: warm });
    await budget.settle(done, plans.length);
    if (due.sample) budget.learnBeside('sample', spend(16 * generated * frameMs), 16);
    if (!due.evaluate) continue;
    evaluate(done, done === budget.steps);
    evaluatedAt = done;
  }
  if (evaluatedAt !== done) evaluate(done, true);
  budget.sayEnd(done, ending);
  const used = (performance.now() - started) / (minutes * 60_000);
  const rate = rateFactor(training, done - 1, budget.counts);
  return { used, ending, done, rate, budget, run, said: said() };
}

describe('minutes', () => {
  const demo = { steps: 2000, frames: 5, warmUp: {}, evaluateEverySteps: 100_000 };
  const usual = { steps: 100_000, frames: 8, warmUp: {} };

  it.each<[string, number, object, Machine]>([
    ['a demo on a fast machine', 3, demo, { frameMs: 45 }],
    ['a demo on a slow machine', 3, demo, { frameMs: 120 }],
    ['a larger network', 8, usual, { frameMs: 150, warmUp: 0.3, generated: 0.4 }],
    ['long rollouts', 8, { ...usual, frames: 16 }, { frameMs: 60 }],
    ['half an hour', 30, usual, { frameMs: 80 }],
    ['cheap recordings and no blur', 3, usual, { frameMs: 40, recordingMs: 300, blurred: 1 }],
    ['a busy machine at first', 5, usual, { frameMs: 50, slower: (at) => (at < 0.1 ? 3 : 1) }],
    ['one that becomes slower', 8, usual, { frameMs: 60, slower: (at) => (at < 0.5 ? 1 : 1.3) }],
    ['a demo that becomes slower', 3, demo, { frameMs: 50, slower: (at) => (at < 0.5 ? 1 : 1.3) }],
    ['one that becomes faster', 8, usual, { frameMs: 60, slower: (at) => (at < 0.5 ? 1 : 0.7) }],
    ['one that slows down slowly', 8, usual, { frameMs: 60, slower: (at) => 1 + at / 2 }],
  ])('are used, and not more: %s', async (_, length, training, machine) => {
    const { used, ending, done, rate, budget, run, said } = await simulated(
      length,
      training,
      machine,
    );
    expect(used).toBeLessThanOrEqual(1);
    expect(used).toBeGreaterThanOrEqual(0.95);
    expect([ending, done]).toEqual(['done', budget.steps]);
    // The rates have fallen to their end.
    expect(rate).toBeLessThan(0.02);
    expect(said).not.toContain('the time was over');
    // It was counted again, and the run knows of each count.
    expect(budget.counts.length).toBeGreaterThanOrEqual(3);
    expect(await readStepCounts(run)).toMatchObject({ counts: budget.counts });
    expect(said.split('counted again')).toHaveLength(budget.counts.length);
  });

  it('that are over before all steps are done are told of', async () => {
    // Nobody can know of a machine that changes after the last count.
    const slower = (at: number) => (at < 0.8 ? 1 : 2);
    const slow = await simulated(3, usual, { frameMs: 60, slower });
    expect(slow.ending).toBe('time');
    expect(slow.said).toMatch(/the time was over after \d+ of the \d+ steps .* become slower/);
  });
});

describe('a long rollout', () => {
  const options = (given: object = {}): TrainingOptions => trainingOptions.parse(given);

  it('is left to the last evaluation, unless the steps between take fifty times as long', () => {
    const at = (given: object, total: number) => [
      longFramesAt(options(given), total / 4, { total, isLast: false, pixels: WHOLE }),
      longFramesAt(options(given), total, { total, isLast: true, pixels: WHOLE }),
    ];
    expect(at({}, 1000)).toEqual([0, 240]);
    expect(at({}, 4796)).toEqual([0, 240]);
    expect(at({}, 4800)).toEqual([240, 240]);
    expect(at({ batch: 4 }, 1200)).toEqual([240, 240]);
    expect(at({ evaluateLongShare: 1 }, 100)).toEqual([240, 240]);
    expect(at({ evaluateLongFrames: 0 }, 9000)).toEqual([0, 0]);
    // A trial of a few steps is over when they are.
    expect(at({}, 236)).toEqual([0, 0]);
    expect(at({ evaluateEverySteps: 1 }, 240)).toEqual([0, 240]);
    // Without memory nothing drifts, and there is nothing to plan for.
    expect(at(asMeasured(options(), { historyFrames: 0 }), 9000)).toEqual([0, 0]);
    expect(at(asMeasured(options(), { historyFrames: 1 }), 9000)).toEqual([240, 240]);
  });

  it('is in the number of steps that fit', () => {
    const fit = (given: object, evaluationFrames: number): number =>
      countSteps({
        training: options({
          frames: 4,
          rollout: { startFrames: 4 },
          warmUp: { frames: 0 },
          ...given,
        }),
        ...{ from: 0, most: Infinity, evaluationFrames, pixels: WHOLE },
        // 96 % of it are planned with.
        time: { minutes: 400_001 / 0.96 / 60_000, elapsedMs: 0 },
        pace: paceOf([{ ms: 400, frames: 4 }], null),
      });
    const without = fit({ evaluateLongFrames: 0 }, 24);
    // 240 frames at half of 100 ms are 12 s, which thirty steps take.
    expect(without - fit({}, 24)).toBe(30);
    expect(without - fit({ evaluateLongShare: 1 }, 24)).toBe(120);
    expect(fit({}, 0)).toBe(fit({ evaluateLongFrames: 0 }, 0));
  });
});

describe('averages', () => {
  it('are means over the steps that had a term, and go on from a snapshot', () => {
    const averages = createAverages();
    averages.add({ a: 1, r1: 6 });
    averages.add({ a: 2, b: Number.NaN });
    const saved = JSON.parse(JSON.stringify(averages.saved())) as unknown;
    const resumed = createAverages(saved);
    for (const one of [averages, resumed]) {
      one.add({ a: 6 });
      expect(one.take()).toEqual({ a: 3, r1: 6 });
      expect(one.take()).toEqual({});
    }
    expect(createAverages('nothing of the kind').take()).toEqual({});
  });
});
