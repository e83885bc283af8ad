import type { Logger } from '../base/log.js';
import { writeFileAtomic } from '../base/outputs.js';
import { formatDuration } from '../base/units.js';
import type { WindowPixels } from '../clips/index.js';
import type { TrainingOptions } from './options.js';
import {
  countsDue,
  countSteps,
  FEWEST_STEPS,
  inWholeFrames,
  isEnough,
  paceOf,
  type Beside,
  type Pace,
  type StepTime,
} from './pace.js';
import type { RunPaths } from './run/run-folder.js';
import { knownSteps, totalAt, withCount, type StepCounts, type TotalSteps } from './step-counts.js';
import { readStepCounts } from './written-counts.js';

/** How a training ended: all steps done, out of time, or stopped by the signal. */
export type TrainEnding = 'done' | 'time' | 'cancelled';

export interface Budget {
  /** Steps after which training ends: as counted last, or those that it may have at the most. */
  readonly steps: number;
  /** Milliseconds of `performance.now()` at which it ends however many steps are done. */
  readonly deadline: number;
  /** How often steps were counted, and from which step on each time, as the schedules of a step know it. */
  readonly counts: StepCounts;
  /** All steps as a step knows them. */
  totalAt(step: number): TotalSteps;
  /** Told what a step took, waiting included. */
  learn(step: StepTime): void;
  /** Told what a sample or an evaluation took, and the frames that it generated. */
  learnBeside(what: Beside, ms: number, frames: number): void;
  /** Milliseconds that an evaluation of so many frames is likely to take. */
  evaluationMs(frames: number): number;
  /**
   * Counts, where it is time to, how many steps the minutes hold, and writes it into the run.
   * @param done steps
   * @param fromStep the first step that is not planned yet
   */
  settle(done: number, fromStep: number): Promise<void>;
  /** Says so where the clock has come before the steps were done, or long after that. */
  sayEnd(done: number, ending: TrainEnding): void;
}

export interface BudgetOptions {
  readonly run: RunPaths;
  readonly training: TrainingOptions;
  /** Where training goes on. */
  readonly step: number;
  readonly maxMinutes?: number | undefined;
  /** Held-out frames that an evaluation generates. */
  readonly evaluationFrames: number;
  readonly pixels: WindowPixels;
  readonly log: Logger;
}

/** Steps that are remembered until they are counted by. */
const MOST_MEASURED = 4096;
/** The last steps, by which it is known how fast a machine is now. */
const LAST_STEPS = 16;
/** Steps after which it is counted what larger frames take: of the first of them some are recorded. */
const AFTER_GROWING = 2 * FEWEST_STEPS;
/** So little more is the same number of steps. */
const LEAST_CHANGE = 0.01;
/** Of the minutes, what is left at the end and worth a word. */
const MUCH_LEFT = 0.1;
/** Until one is measured, an evaluation's frames are taken to take so much longer than a sample's. */
const THAN_A_SAMPLE = 1.25;
/** The last one has to fit, so that it is taken to take so much longer than the one before. */
const SAFETY = 1.1;

/**
 * How long a training is. A number of steps is known from the beginning. Of minutes, the number of steps
 * that they hold is counted early, by what the first steps took, and again when more is known of the machine;
 * each count is written into the run with the first step that goes by it. Nothing else depends on the clock, so
 * that with these counts a training is as deterministic as any. One that is resumed goes by those that there are,
 * and makes no others.
 * @throws FrameloomError bad-snapshot, disk-full, write-failed
 */
export async function openBudget(options: BudgetOptions): Promise<Budget> {
  const {
    run,
    training,
    step: from,
    maxMinutes = Infinity,
    evaluationFrames,
    pixels,
    log,
  } = options;
  const started = performance.now();
  const minutes = Math.min(training.minutes ?? Infinity, maxMinutes);
  const deadline = started + minutes * 60_000;
  const asked = { steps: training.steps, minutes: training.minutes ?? null };
  const most = training.minutes === undefined ? training.steps : Number.POSITIVE_INFINITY;
  const before = await readStepCounts(run);
  const isSame = before?.asked.steps === asked.steps && before.asked.minutes === asked.minutes;
  let counts: StepCounts = isSame ? before.counts : [];
  const write = async (next: StepCounts): Promise<void> => {
    counts = next;
    await writeFileAtomic(run.schedule, `${JSON.stringify({ counts, asked }, null, 1)}\n`);
  };
  const last = (): number => counts.at(-1)?.steps ?? most;
  const isDecided = counts.length > 0 || minutes === Infinity;
  if (counts.length === 0 && isDecided) await write(knownSteps(most));
  if (last() <= from && last() < most) {
    log.warn(
      `all ${last()} steps are done that were decided when this run's minutes were counted (go on with --set training.steps=${2 * last()})`,
    );
  }
  let measured: StepTime[] = [];
  let recent: StepTime[] = [];
  let pace: Pace | null = null;
  let timesCounted = 0;
  /** Of the pixels of frames that have grown, and whether they have grown since steps were counted. */
  let [shareBefore, hasGrown] = [1, false];
  const beside: Partial<Record<Beside, number>> = {};
  /** What a trained frame takes at present. */
  const frameMs = (): number => {
    const each = recent.map(({ ms, frames, warmUpFrames = 0 }) => {
      const { frameMs: cold, warmUpMs } = pace ?? { frameMs: 2, warmUpMs: 1 };
      return ms / (frames + (warmUpFrames * warmUpMs) / cold);
    });
    each.sort((a, b) => a - b);
    // The first steps are recorded, and take many times as long.
    return each[each.length < FEWEST_STEPS ? 0 : Math.floor(each.length / 2)] ?? 0;
  };
  const evaluationCost = (): number | undefined => {
    const { sample, evaluation = sample && THAN_A_SAMPLE * sample } = beside;
    return evaluation && SAFETY * evaluation;
  };

  return {
    deadline,
    get steps() {
      return last();
    },
    get counts() {
      return counts;
    },
    totalAt: (step) => totalAt(counts, step),
    learn(step) {
      const { share = 1 } = step;
      if (share !== shareBefore && recent.length > 0) {
        // Larger frames are measured by themselves.
        [recent, measured] = [[], []];
        hasGrown = true;
      }
      shareBefore = share;
      const whole = inWholeFrames(step);
      recent = [...recent, whole].slice(-LAST_STEPS);
      if (isDecided) return;
      measured.push(whole);
      if (measured.length > MOST_MEASURED) measured = measured.slice(MOST_MEASURED / 2);
    },
    learnBeside(what, ms, frames) {
      const own = frameMs();
      if (own > 0) beside[what] = ms / (frames * own);
    },
    evaluationMs: (frames) => frames * frameMs() * (evaluationCost() ?? pixels.whole),
    async settle(done, fromStep) {
      if (isDecided) return;
      const time = { minutes, elapsedMs: performance.now() - started };
      const due = pace ? countsDue(done, last(), time) : 0;
      // Where all that is left is planned already, no step would go by another count.
      const isKnown = hasGrown && measured.length >= AFTER_GROWING;
      const isTime = pace
        ? (due > timesCounted || isKnown) && measured.length >= FEWEST_STEPS && fromStep < last()
        : isEnough(measured.length, time);
      if (!isTime) return;
      timesCounted = due;
      if (isKnown) hasGrown = false;
      const isFirst = pace === null;
      pace = paceOf(measured, pace);
      measured = [];
      const evaluation = evaluationCost();
      const counted = countSteps({
        ...{ training, from: done, most, time, pace, counts, evaluationFrames, pixels },
        beside: { ...beside, ...(evaluation !== undefined && { evaluation }) },
      });
      // A count that no step goes by would end a training as if it was done.
      const steps = isFirst ? counted : Math.min(most, Math.max(counted, fromStep));
      const was = last();
      if (!isFirst && steps >= was && steps - was < LEAST_CHANGE * was) return;
      await write(withCount(counts, { steps, fromStep }));
      const said = `${steps === most ? 'all ' : ''}${steps} steps fit into ${formatDuration(minutes * 60)}, at ${pace.frameMs.toFixed(0)} ms a frame`;
      log.info(
        isFirst
          ? `${said}: rates, rollouts and evaluations go by that number from now on`
          : `step ${done}: counted again, ${said} (${was} before)`,
      );
    },
    sayEnd(done, ending) {
      const steps = last();
      if (counts.length === 0 || steps === most) return;
      if (ending === 'time' && done < steps) {
        const said = `the time was over after ${done} of the ${steps} steps that it was to hold`;
        if (steps - done < LEAST_CHANGE * steps) log.info(said);
        else {
          log.warn(
            `${said}: the machine has become slower, and the rates have not fallen to their end`,
          );
        }
      }
      const leftMs = deadline - performance.now();
      if (ending !== 'done' || isDecided || leftMs < MUCH_LEFT * minutes * 60_000) return;
      log.warn(
        `${formatDuration(leftMs / 1000)} of the ${formatDuration(minutes * 60)} are left after all ${steps} steps that were counted: the machine has become faster (go on with --resume --set training.steps=${2 * steps})`,
      );
    },
  };
}
