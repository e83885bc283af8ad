import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { endReturn, moveAside, planReturn } from './run/go-back.js';
import type { JsonValue } from './run/json.js';
import { readReturns, returnsBehind, type Return } from './run/returns.js';
import type { Run } from './run/run-folder.js';
import {
  listSnapshots,
  readSnapshot,
  type SnapshotChoice,
  type StoredSnapshot,
} from './run/snapshot-store.js';

/** Where training goes on. */
export interface StartingPoint {
  /** Steps done. */
  readonly step: number;
  /** Null at the beginning. */
  readonly snapshot: StoredSnapshot | null;
  /** What was chosen before; null for a training that begins. */
  readonly saved: JsonValue;
  /** How many times it went back by itself before. */
  readonly attempt: number;
  /** A return that the log does not tell of yet. */
  readonly wentBack: Return | null;
  /** Whether there is a log to go on with. */
  readonly goesOn: boolean;
}

/**
 * Where a training begins or goes on: at the snapshot that is named, where it was going back to when it was
 * interrupted or just decided to, at the latest snapshot, or at step 0. What came after that is moved aside.
 * @param which the snapshot that somebody named
 * @throws FrameloomError bad-option, not-found, bad-snapshot, disk-full, write-failed
 */
export async function findStart(
  run: Run,
  which: SnapshotChoice | undefined,
  log: Logger,
): Promise<StartingPoint> {
  const { start, returns } = await readReturns(run);
  const unfinished = returns.findLast(({ done }) => !done);
  if (unfinished) {
    await moveAside(run, unfinished);
    sayReturn(run, unfinished, log);
  }
  const isNamed = which !== undefined && which !== 'latest';
  if (!run.resumed && returns.length === 0) {
    if (isNamed) throw noSnapshot(which);
    return { ...BEGINNING, saved: null };
  }
  if (isNamed) {
    if (unfinished) await endReturn(run);
    return fromNamed(run, which, log);
  }
  if (unfinished?.toStep === 0 || (await listSnapshots(run.snapshots)).length === 0) {
    if (returns.length === 0) {
      log.warn(`${run.folder} has no snapshot to go on from: starting at step 0`);
      return { ...BEGINNING, saved: null };
    }
    const attempt = returnsBehind(returns, 0);
    const wentBack = unfinished ?? null;
    return { step: 0, snapshot: null, saved: start, attempt, wentBack, goesOn: true };
  }
  const snapshot = await readSnapshot(run.snapshots, unfinished?.toStep ?? 'latest', { log });
  return at(snapshot, returns, unfinished ?? null, log);
}

const BEGINNING = { step: 0, snapshot: null, attempt: 0, wentBack: null, goesOn: false } as const;

const noSnapshot = (which: SnapshotChoice): FrameloomError =>
  new FrameloomError('bad-option', `a new run has no snapshot ${which} to go on from`, {
    hint: 'resume the run that has it',
  });

/** Who names a snapshot begins to count anew how many times training went back. */
async function fromNamed(run: Run, which: SnapshotChoice, log: Logger): Promise<StartingPoint> {
  const snapshot = await readSnapshot(run.snapshots, which, { log });
  const { step: toStep } = snapshot;
  const { returns } = await readReturns(run);
  const last = (await listSnapshots(run.snapshots)).at(-1) ?? toStep;
  const hasReturned = returnsBehind(returns, toStep) > 0 || attemptOf(snapshot) > 0;
  if (last === toStep && !hasReturned) return at(snapshot, returns, null, log);
  const one = await planReturn(run, { fromStep: last, toStep, trip: null });
  await moveAside(run, one);
  sayReturn(run, one, log);
  return at(snapshot, [...returns, one], one, log);
}

/** @throws FrameloomError bad-snapshot where nothing says which path its training had taken */
function at(
  snapshot: StoredSnapshot,
  returns: readonly Return[],
  wentBack: Return | null,
  log: Logger,
): StartingPoint {
  const { step, state: saved } = snapshot;
  const attempt = returnsBehind(returns, step);
  const isWhereItWentTo = returns.some(({ toStep }) => toStep === step);
  if (!isWhereItWentTo && attemptOf(snapshot) !== attempt) {
    throw new FrameloomError(
      'bad-snapshot',
      `the training of snapshot ${step} had gone back ${attemptOf(snapshot)} times, and returns.json knows of ${attempt}`,
      {
        path: snapshot.folder,
        hint: `put the run's returns.json back, or begin to count anew: --resume --snapshot ${step}`,
      },
    );
  }
  log.info(`going on from step ${step}`);
  return { step, snapshot, saved, attempt, wentBack, goesOn: true };
}

const attemptOf = ({ state }: StoredSnapshot): number => {
  const attempt = (state as { attempt?: unknown } | null)?.attempt;
  return typeof attempt === 'number' ? attempt : 0;
};

const sayReturn = ({ folder }: Run, { fromStep, toStep, aside }: Return, log: Logger): void =>
  log.info(
    fromStep === toStep
      ? `going on from step ${toStep}, and counting anew how often training goes back`
      : `going back to step ${toStep}: what came after it up to step ${fromStep} (snapshots, samples, the log as it was) lies in ${folder}/${aside}`,
  );
