import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import { createAverages } from '../../src/training/averages.js';
import { openBudget, readFixedSteps } from '../../src/training/budget.js';
import { trainingOptions, type TrainingOptions } from '../../src/training/options.js';
import { countSteps, longFramesAt } from '../../src/training/pace.js';
import { runPaths } from '../../src/training/run/run-folder.js';
import { testFolder } from './run/support.js';

async function prepared() {
  const run = runPaths(await testFolder());
  let said = '';
  const log = createLogger({ write: (line) => void (said += line) });
  const open = (training: object, more: { maxMinutes?: number; step?: number } = {}) =>
    openBudget({
      ...{ run, log, step: 0, evaluationFrames: 0 },
      training: trainingOptions.parse({ frames: 4, warmUp: { frames: 0 }, ...training }),
      ...more,
    });
  return { run, open, said: () => said };
}

/** As many steps as are counted by. */
async function measured(budget: Awaited<ReturnType<typeof openBudget>>): Promise<void> {
  for (let step = 1; step <= 50; step += 1) {
    budget.learn(400, 4);
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
    expect(await readFixedSteps(run)).toMatchObject({ steps: 70, fromStep: 0 });
  });

  it('are counted once where minutes decide, and kept by the run', async () => {
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
    counted.sayEnd(counted.steps);
    expect(short.said()).not.toContain('the time was over');
    counted.sayEnd(1000);
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

  it('have no other bound where the pipeline asks for minutes', async () => {
    const { run, open } = await prepared();
    const budget = await open({ steps: 3, minutes: 10 });
    expect(budget.steps).toBe(Infinity);
    await measured(budget);
    expect(budget.steps).toBeGreaterThan(1400);
    expect(await readFixedSteps(run)).toMatchObject({ asked: { steps: 3, minutes: 10 } });
    await writeFile(run.schedule, '{"steps": 0}');
    await expect(open({ steps: 3 })).rejects.toMatchObject({ code: 'bad-snapshot' });
  });
});

describe('a long rollout', () => {
  const options = (given: object = {}): TrainingOptions => trainingOptions.parse(given);

  it('is left to the last evaluation, unless the steps between take fifty times as long', () => {
    const at = (given: object, total: number) => [
      longFramesAt(options(given), total / 4, total, false),
      longFramesAt(options(given), total, total, true),
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
        ...{ from: 0, most: Infinity, evaluationFrames },
        // 96 % of it are planned with.
        time: { minutes: 400_001 / 0.96 / 60_000, elapsedMs: 0 },
        measured: [{ ms: 400, frames: 4 }],
      }).steps;
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
