import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { writeFileAtomic } from '../base/outputs.js';
import { formatDuration } from '../base/units.js';
import type { TrainingOptions } from './options.js';
import { countSteps, isEnough } from './pace.js';
import type { RunPaths } from './run/run-folder.js';
import type { TotalSteps } from './schedule.js';

const fileSchema = z.strictObject({
  /** All steps of the training. */
  steps: z.int().min(1),
  /** The first step that knows of it. */
  fromStep: z.int().min(0),
  /** What was asked for when that was decided; of another question it is no answer. */
  asked: z.strictObject({ steps: z.int(), minutes: z.number().nullable() }),
});

/** How long a training is, as the run's `schedule.json` says. */
export type FixedSteps = z.output<typeof fileSchema>;

/**
 * How long a run's training is; null where that has not been decided yet.
 * @throws FrameloomError bad-snapshot
 */
export async function readFixedSteps({
  schedule,
}: Pick<RunPaths, 'schedule'>): Promise<FixedSteps | null> {
  let text: string;
  try {
    text = await readFile(schedule, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(schedule, error);
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable(schedule, error);
  }
}

const unreadable = (path: string, cause: unknown): FrameloomError =>
  new FrameloomError('bad-snapshot', `${path} cannot be read: ${messageOf(cause)}`, {
    ...{ path, cause },
    hint: 'delete it: the number of steps is then decided anew',
  });

export interface Budget {
  /** Steps after which training ends: decided, or those that it may have at the most. */
  readonly steps: number;
  /** Milliseconds of `performance.now()` at which it ends however many steps are done. */
  readonly deadline: number;
  /** All steps, as the schedules of a step know them. */
  totalAt(step: number): TotalSteps;
  /** Told what a step took, warm-up and waiting included, and the frames that it trained on. */
  learn(stepMs: number, frames: number): void;
  /**
   * Decides, once enough steps are measured, how many the minutes hold, and writes it into the run.
   * @param done steps
   * @param fromStep the first step that is not planned yet
   */
  settle(done: number, fromStep: number): Promise<void>;
  /** Says so where the clock has come before the steps were done. */
  sayEnd(done: number): void;
}

export interface BudgetOptions {
  readonly run: RunPaths;
  readonly training: TrainingOptions;
  /** Where training goes on. */
  readonly step: number;
  readonly maxMinutes?: number | undefined;
  /** Held-out frames that an evaluation generates. */
  readonly evaluationFrames: number;
  readonly log: Logger;
}

/**
 * How long a training is. A number of steps is known from the beginning. Of minutes, the number of steps
 * that they hold is measured once, early, and written into the run: nothing else depends on the clock, so
 * that from there on a training is as deterministic as any, and goes on by the same number when resumed.
 * @throws FrameloomError bad-snapshot, disk-full, write-failed
 */
export async function openBudget(options: BudgetOptions): Promise<Budget> {
  const { run, training, step: from, maxMinutes = Infinity, evaluationFrames, log } = options;
  const started = performance.now();
  const minutes = Math.min(training.minutes ?? Infinity, maxMinutes);
  const deadline = started + minutes * 60_000;
  const asked = { steps: training.steps, minutes: training.minutes ?? null };
  const most = training.minutes === undefined ? training.steps : Number.POSITIVE_INFINITY;
  const before = await readFixedSteps(run);
  const isSame = before?.asked.steps === asked.steps && before.asked.minutes === asked.minutes;
  let fixed = isSame ? before : null;
  const fix = async (one: Omit<FixedSteps, 'asked'>): Promise<void> => {
    fixed = { ...one, asked };
    await writeFileAtomic(run.schedule, `${JSON.stringify(fixed, null, 1)}\n`);
  };
  if (!fixed && minutes === Infinity) await fix({ steps: most, fromStep: 0 });
  if (fixed && fixed.steps <= from && fixed.steps < most) {
    log.warn(
      `all ${fixed.steps} steps are done that were decided when this run's minutes were counted (go on with --set training.steps=${2 * fixed.steps})`,
    );
  }
  const measured: { ms: number; frames: number }[] = [];

  return {
    deadline,
    get steps() {
      return fixed?.steps ?? most;
    },
    totalAt: (step) => (fixed && step >= fixed.fromStep ? fixed.steps : null),
    learn(ms, frames) {
      if (!fixed) measured.push({ ms, frames });
    },
    async settle(done, fromStep) {
      if (fixed) return;
      const time = { minutes, elapsedMs: performance.now() - started };
      if (!isEnough(measured.length, time)) return;
      const { steps, frameMs } = countSteps({
        training,
        from: done,
        most,
        time,
        measured,
        evaluationFrames,
      });
      await fix({ steps, fromStep });
      log.info(
        `${steps === most ? 'all ' : ''}${steps} steps fit into ${formatDuration(minutes * 60)}, at ${frameMs.toFixed(0)} ms a frame: rates, rollouts and evaluations go by that number from now on`,
      );
    },
    sayEnd(done) {
      if (!fixed || done >= fixed.steps || training.steps === fixed.steps) return;
      log.warn(
        `the time was over after ${done} of the ${fixed.steps} steps that it was to hold: the machine has become slower, and the rates have not fallen to their end`,
      );
    },
  };
}
