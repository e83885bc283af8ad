import { afterEach, describe, expect, it, vi } from 'vitest';
import { FrameloomError } from '../../src/base/error.js';
import { windowPixels } from '../../src/clips/index.js';
import { silentLogger } from '../../src/base/log.js';
import { openBudget } from '../../src/training/budget.js';
import {
  advise,
  compareCandidates,
  roomFor,
  type Candidate,
  type CandidateRow,
} from '../../src/training/candidates.js';
import { forecast } from '../../src/training/forecast.js';
import { trainingOptions } from '../../src/training/options.js';
import type { StepTime } from '../../src/training/pace.js';
import { runPaths } from '../../src/training/run/run-folder.js';
import { testFolder } from './run/support.js';

const stepsOf = (ms: number, count = 20): StepTime[] =>
  Array.from({ length: count }, (_, i) => ({ ms: i === 0 ? 20 * ms : ms, frames: 4 }));

const COUNTED = {
  evaluationFrames: 24,
  pixels: windowPixels({ size: { width: 64, height: 64 } }),
};

afterEach(() => {
  vi.useRealTimers();
});

describe('forecast', () => {
  it.each([
    ['of many steps', { steps: 9000 }, 8, stepsOf(200, 50)],
    ['of a twentieth of the minutes', { steps: 9000 }, 3, stepsOf(400, 8)],
    ['that all fit', { steps: 70 }, 8, stepsOf(200, 50)],
    ['of minutes in the pipeline', { steps: 9000, minutes: 2 }, 8, stepsOf(300, 8)],
  ])('counts as a training does: %s', async (_, more, minutes, measured) => {
    const training = trainingOptions.parse(more);
    vi.useFakeTimers({ toFake: ['performance'] });
    const run = runPaths(await testFolder());
    const budget = await openBudget({
      ...{ run, training, log: silentLogger, step: 0, maxMinutes: minutes, ...COUNTED },
    });
    for (const [i, { ms, frames }] of measured.entries()) {
      vi.advanceTimersByTime(ms);
      budget.learn({ ms, frames });
      await budget.settle(i + 1, i + 3);
      // It is counted with the last of them, not before.
      expect(budget.totalAt(i + 3) === null).toBe(i + 1 < measured.length);
    }
    const told = forecast(training, minutes, measured, COUNTED);
    expect(told.steps).toBe(budget.steps);
    expect(told.isAll).toBe(budget.steps === more.steps);
  });

  it('says in how many minutes there are enough', () => {
    const training = trainingOptions.parse({ steps: 9000 });
    const measured = stepsOf(400);
    const { isEnough, enoughMinutes } = forecast(training, 2, measured, COUNTED);
    expect(isEnough).toBe(false);
    expect(forecast(training, enoughMinutes, measured, COUNTED).isEnough).toBe(true);
    expect(forecast(training, enoughMinutes - 1, measured, COUNTED).isEnough).toBe(false);
    // A pipeline that asks for less has all that it asks for.
    const short = forecast(trainingOptions.parse({ steps: 40 }), 2, measured, COUNTED);
    expect(short).toMatchObject({ steps: 40, isAll: true, isEnough: true });
  });
});

describe('candidates', () => {
  const training = trainingOptions.parse({ steps: 9000 });
  const candidate = (preset: string, width: number, work: number): Candidate => ({
    ...{ preset, width, height: width, work, training, pixels: COUNTED.pixels },
    set: [`generator.preset=${preset}`],
    ...{ by: 'whole frames', window: { width, height: width } },
  });
  const own = candidate('small', 128, 4);
  const others = [
    candidate('tiny', 64, 0.25),
    candidate('tiny', 128, 1),
    candidate('base', 128, 16),
    candidate('small', 256, 15),
    candidate('large', 256, 400),
  ];
  /** @param msOfWork what a step of the work 1 takes */
  const compare = async (msOfWork: number, minutes: number, most = Infinity) => {
    const measured: string[] = [];
    const rows = await compareCandidates([own, ...others], {
      ...{ minutes, evaluationFrames: 24 },
      memory: ({ work }) => {
        if (work > most) throw new FrameloomError('budget', 'does not fit 1 MiB');
        return { checkpointing: { kind: 'off' }, bytes: work * 1e6, isBound: true, words: null };
      },
      pace: ({ preset, width, work }) => {
        measured.push(`${preset} ${width}`);
        return Promise.resolve(stepsOf(msOfWork * work));
      },
    });
    return { rows, measured };
  };
  it('are those of one size on whole frames before growing before patches, and of half its window measured once', async () => {
    const way = (one: Candidate, by: Candidate['by'], more: Partial<Candidate> = {}) => ({
      ...one,
      ...{ by, set: [by] },
      ...more,
    });
    const growing = trainingOptions.parse({ steps: 9000, growing: { divideBy: 4 } });
    const large = candidate('small', 256, 16);
    const half = candidate('small', 128, 4);
    const ways = [
      way(large, 'patches', { work: 4, window: { width: 128, height: 128 } }),
      way(large, 'growing', { training: growing }),
    ];
    const advised = async (minutes: number) => {
      const measured: string[] = [];
      const rows = await compareCandidates([large, half, ...ways], {
        ...{ minutes, evaluationFrames: 24 },
        memory: () => ({ checkpointing: { kind: 'off' }, bytes: 1, isBound: true, words: null }),
        pace: ({ by, work }) => {
          measured.push(`${by} ${work}`);
          return Promise.resolve(stepsOf(100 * work));
        },
      });
      expect(measured).toEqual(['whole frames 16', 'whole frames 4']);
      return advise(rows, minutes)?.row.by;
    };
    // On whole frames 600 steps take some half an hour, less where they grow, a fifth on patches.
    expect([await advised(35), await advised(25), await advised(8)]).toEqual([
      ...['whole frames', 'growing', 'patches'],
    ]);
  });

  const named = (row: CandidateRow | undefined | null) => row && `${row.preset} ${row.width}`;

  it('are measured, the own one first, but for those far beyond the minutes', async () => {
    const { rows, measured } = await compare(100, 12);
    expect(rows.map(named)).toEqual([own, ...others].map((one) => `${one.preset} ${one.width}`));
    expect(measured).toEqual(['small 128', 'tiny 64', 'tiny 128', 'small 256', 'base 128']);
    expect(rows.at(-1)).toMatchObject({ isMeasured: false, why: 'far too few steps' });
    expect(rows.at(-1)!.forecast!.steps).toBeLessThan(50);
    expect(rows.map(({ why }) => why)).toEqual([
      ...[null, null, null, 'too few steps', 'too few steps', 'far too few steps'],
    ]);
    expect(advise(rows, 12)).toEqual({ row: rows[0], minutes: 12 });
    expect(roomFor(rows)).toBeNull();
    const long = await compare(100, 60);
    expect(named(roomFor(long.rows))).toBe('base 128');
    expect(named(advise(long.rows, 60)?.row)).toBe('small 128');
  });

  it('stand in for a setting that is too large: its size first, then its preset', async () => {
    const { rows } = await compare(300, 8);
    expect(rows[0]).toMatchObject({ why: 'too few steps' });
    expect(named(advise(rows, 8)?.row)).toBe('tiny 128');
    const faster = await compare(2000, 8);
    expect(named(advise(faster.rows, 8)?.row)).toBe('tiny 64');
    // Nothing fits: what comes nearest, for as long as it takes.
    const none = await compare(1e4, 8);
    const { row, minutes } = advise(none.rows, 8)!;
    expect([named(row), minutes]).toEqual(['tiny 64', row.forecast!.enoughMinutes]);
    expect(minutes).toBeGreaterThan(8);
  });

  it('say where the memory is too little, and nothing is advised where it is for all', async () => {
    const { rows } = await compare(10, 60, 4);
    expect(rows[3]).toMatchObject({ forecast: null, why: 'does not fit 1 MiB' });
    expect(roomFor(rows)).toBeNull();
    const without = await compare(10, 60, 0);
    expect(without.measured).toEqual([]);
    expect(advise(without.rows, 60)).toBeNull();
    const small = await compare(10, 60, 1);
    expect(named(advise(small.rows, 60)?.row)).toBe('tiny 128');
  });
});
