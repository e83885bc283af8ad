import { resolve } from 'node:path';
import { FrameloomError, messageOf } from '../../../base/error.js';
import { formatDuration } from '../../../base/units.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { createProgress } from '../../terminal/progress.js';
import { runApart } from './apart.js';
import { evaluationSchema, readResult, writeResult, type SweepResult } from './results.js';
import type { SweepTraining } from './plan.js';
import {
  assertStartedAlike,
  keepPipeline,
  reopenOrigin,
  startOver,
  type OpenSweep,
} from './sweep-folder.js';

/**
 * Makes the trainings that have no result yet, one after another or several at once.
 * @returns results in the order of the trainings, up to where the signal came
 * @param run runs one of Frameloom's commands; in a process of its own unless given
 * @throws FrameloomError what every training of the sweep would end by, once those that ran beside it have ended
 */
export async function trainAll(
  sweep: OpenSweep,
  processes: number,
  context: Context,
  run: typeof runApart = runApart,
): Promise<SweepResult[]> {
  const { plan, trainings } = sweep;
  const { log, signal } = context;
  const results = new Map<SweepTraining, SweepResult>();
  for (const training of trainings) {
    const result = await readResult(training);
    if (result) results.set(training, result);
  }
  const waiting = trainings.filter((training) => !results.has(training));
  if (results.size > 0) log.info(`${results.size} trainings are done already`);
  const seconds = plan.minutes === null ? null : plan.minutes * 60;
  const about =
    seconds === null
      ? ''
      : `, at least ${formatDuration((seconds * waiting.length) / processes)} in all`;
  log.info(`${waiting.length} trainings${about}`);
  if (processes > 1) {
    log.info(
      `${processes} at once: each gets a share of the processor and so fewer steps in its minutes`,
    );
  }
  const progress = createProgress(context);
  const begun = performance.now();
  const madeBefore = results.size;
  const told = (losses?: Readonly<Record<string, number>>): void => {
    const made = results.size - madeBefore;
    const passed = (performance.now() - begun) / 1000;
    const left = trainings.length - results.size;
    const expected = made > 0 ? (passed / made) * left : (seconds ?? 0) * (left / processes);
    progress.update({
      done: results.size,
      total: trainings.length,
      unit: 'trainings',
      ...(expected > 0 && { etaSeconds: Math.max(0, expected) }),
      ...(losses && { losses }),
    });
  };
  const failures: unknown[] = [];
  let underWay = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      if (signal.aborted || failures.length > 0) return;
      const training = waiting.shift();
      if (training === undefined) return;
      log.info(`${trainings.indexOf(training) + 1}/${trainings.length} ${training.label}`);
      underWay += 1;
      try {
        const result = await trainOne(training, sweep, { ...context, told }, run);
        if (result === null) return;
        await writeResult(result);
        results.set(training, result);
        told();
      } catch (error) {
        failures.push(error);
        if (underWay > 1) {
          log.warn(
            `${messageOf(error)}: no other training begins, and what is under way ends first`,
          );
        }
      } finally {
        underWay -= 1;
      }
    }
  };
  // Nobody may go on with the sweep while one of its trainings runs, whatever became of the others.
  await Promise.all(Array.from({ length: processes }, worker));
  progress.stop();
  if (failures.length > 0) throw failures[0];
  return trainings.flatMap((training) => results.get(training) ?? []);
}

/** The command line of one training. */
export function trainingWords(
  { pipeline, folder }: Pick<SweepTraining, 'pipeline' | 'folder'>,
  { minutes, from, flags }: OpenSweep['plan'],
): string[] {
  return [
    ...['train', pipeline],
    ...(minutes === null ? [] : ['--max-minutes', String(minutes)]),
    ...(from ? ['--from', from.place] : []),
    ...(from?.step === undefined || from.step === null ? [] : ['--snapshot', String(from.step)]),
    ...[...flags, '--run', folder, '--json'],
  ];
}

/**
 * @returns null where it was stopped
 * @throws FrameloomError where no training of the sweep could go better
 */
async function trainOne(
  training: SweepTraining,
  sweep: OpenSweep,
  context: Context & { told: (losses?: Readonly<Record<string, number>>) => void },
  run: typeof runApart,
): Promise<SweepResult | null> {
  const { plan } = sweep;
  const { label, name, seed, folder } = training;
  const { log, signal } = context;
  const stopped = (): boolean => signal.aborted;
  // Files of others, which hours of a sweep are time enough to change.
  await keepPipeline(sweep, training);
  await reopenOrigin(plan, sweep.folder);
  await startOver(folder);
  const options = {
    cwd: plan.cwd,
    signal,
    log: {
      ...log,
      warn: (message: string) => log.warn(`${label}: ${message}`),
      debug: (message: string) => log.debug(`${label}: ${message}`),
    },
    onProgress: ({ losses }: { losses?: Readonly<Record<string, number>> | undefined }) =>
      context.told(losses),
  };
  const trained = await run(trainingWords(training, plan), options);
  if (stopped()) return null;
  const result = { label, name, seed, folder: resolve(folder) };
  const failed = (error: string): SweepResult => ({
    ...{ ...result, ending: 'failed' as const, step: null, measures: null, error },
  });
  const said = (error: string | null): string => error ?? 'it ended without a word';
  if (trained.exitCode === EXIT.usage) {
    // Data that cannot be read, say: each of the trainings would end like this.
    throw new FrameloomError('bad-option', `${label}: ${said(trained.error)}`);
  }
  if (trained.exitCode !== EXIT.ok) return failed(said(trained.error));
  const { ending } = JSON.parse(trained.stdout) as { ending: 'done' | 'time' };
  await assertStartedAlike(sweep, training);
  const measured = await run(['evaluate', folder, ...plan.flags, '--json'], options);
  if (stopped()) return null;
  if (measured.exitCode !== EXIT.ok) return { ...failed(said(measured.error)), ending };
  const { step, rows } = evaluationSchema.parse(JSON.parse(measured.stdout));
  return { ...result, ending, step, measures: rows.generated, error: null };
}
