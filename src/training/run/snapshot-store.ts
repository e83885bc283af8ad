import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../../base/make-folder.mjs';
import { syncFolder, writeError, writeFileAtomic } from '../../base/outputs.js';
import { isTemporary, removeTemporary, temporaryBeside } from '../../base/temporaries.js';
import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { stableStringify, type JsonValue } from './json.js';
import { decodeSafetensors, encodeSafetensors, writePieces } from './safetensors.js';

/** Named float32 arrays: weights, their averages, the optimizer's moments. */
export type SnapshotTensors = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>
>;

/** All that training needs to go on from `step`. */
export interface Snapshot {
  /** Steps done. */
  readonly step: number;
  readonly tensors: SnapshotTensors;
  readonly state: JsonValue;
}

/** Which snapshots stay. */
export interface KeepOptions {
  /** How many of the newest snapshots stay, this one included; at least 1. */
  keepLast: number;
  /** Steps whose snapshots are never deleted: what training goes on from, and may go back to. */
  keep?: readonly number[];
  log?: Logger;
}

export interface SaveOptions extends KeepOptions {
  /** How good the model is, higher is better; the snapshot with the highest is never deleted. */
  score?: number;
}

/** What was found out about a snapshot after it was saved. */
export interface SnapshotVerdict {
  /** How good the model is, higher is better. */
  readonly score: number | null;
  /** By which rule; scores of different rules are not compared. */
  readonly scoredBy: string;
  /** What was measured, as the training that measured it keeps it. */
  readonly evaluation: JsonValue;
}

export interface StoredSnapshot extends Snapshot, SnapshotVerdict {
  readonly folder: string;
}

/** Which snapshot: the newest sound one, the sound one with the highest score, or one by step. */
export type SnapshotChoice = 'latest' | 'best' | number;

const FORMAT = 1;
/** Of snapshots that do not say by which: there was no other. */
const FIRST_RULE = 'ssim';
const TENSORS = 'tensors.safetensors';
const STATE = 'state.json';
const FOLDER_NAME = /^snapshot-(\d{7,})$/;

const stateSchema = z.strictObject({
  format: z.literal(FORMAT),
  step: z.int().nonnegative(),
  score: z.number().nullable(),
  sha256: z.string(),
  state: z.json(),
  evaluation: z.json().default(null),
  scoredBy: z.string().default(FIRST_RULE),
});
type StateFile = z.output<typeof stateSchema>;

/** `snapshot-0000200` */
export const snapshotFolderName = (step: number): string =>
  `snapshot-${String(step).padStart(7, '0')}`;

const bad = (folder: string, why: string, cause?: unknown): FrameloomError =>
  new FrameloomError('bad-snapshot', `snapshot ${folder} ${why}`, { path: folder, cause });

async function readState(folder: string): Promise<StateFile> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(join(folder, STATE), 'utf8'));
  } catch (error) {
    throw bad(folder, `has no readable ${STATE}: ${messageOf(error)}`, error);
  }
  const state = stateSchema.safeParse(parsed);
  if (!state.success) {
    throw bad(folder, `has a wrong ${STATE}: ${z.prettifyError(state.error)}`, state.error);
  }
  return state.data;
}

async function readFolder(folder: string): Promise<StoredSnapshot> {
  const { step, score, scoredBy, sha256, state, evaluation } = await readState(folder);
  const path = join(folder, TENSORS);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw bad(folder, `has no readable ${TENSORS}: ${messageOf(error)}`, error);
  });
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw bad(folder, `is damaged: ${TENSORS} has changed since it was written`);
  }
  const tensors = Object.entries(decodeSafetensors(bytes, path).tensors).map(
    ([name, { shape, data }]) => {
      if (!(data instanceof Float32Array)) throw bad(folder, `has tensor ${name} of another type`);
      return [name, { shape, data }] as const;
    },
  );
  return { step, score, scoredBy, evaluation, tensors: Object.fromEntries(tensors), state, folder };
}

/** The steps that a `snapshots/` folder has snapshots of, oldest first, sound or not. */
export async function listSnapshots(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw bad(folder, `cannot be read: ${messageOf(error)}`, error);
  });
  return names
    .flatMap((name) => FOLDER_NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** A snapshot by what stands beside its numbers. */
export interface SnapshotEntry {
  readonly step: number;
  /** Null where none was measured. */
  readonly score: number | null;
  /** By which rule. */
  readonly scoredBy: string;
  /** Why it cannot be used; undefined where it can, as far as that is known without its numbers. */
  readonly problem: FrameloomError | undefined;
}

/** The snapshots of a `snapshots/` folder, oldest first; their numbers are not read. */
export async function describeSnapshots(folder: string): Promise<SnapshotEntry[]> {
  const found: SnapshotEntry[] = [];
  for (const step of await listSnapshots(folder)) {
    try {
      const { score, scoredBy } = await readState(join(folder, snapshotFolderName(step)));
      found.push({ step, score, scoredBy, problem: undefined });
    } catch (error) {
      if (!isFrameloomError(error, 'bad-snapshot')) throw error;
      found.push({ step, score: null, scoredBy: FIRST_RULE, problem: error });
    }
  }
  return found;
}

/**
 * Score by step, highest first, the newer of two equals first; damaged ones are left out, and those whose score is of
 * another rule than that of the newest.
 */
async function scores(folder: string, steps: readonly number[]): Promise<[number, number][]> {
  const wanted = new Set(steps);
  const scored = (await describeSnapshots(folder)).filter(({ score }) => score !== null);
  const rule = scored.at(-1)?.scoredBy;
  return scored
    .flatMap(({ step, score, scoredBy }): [number, number][] =>
      scoredBy === rule && wanted.has(step) ? [[step, score!]] : [],
    )
    .sort((a, b) => b[1] - a[1] || b[0] - a[0]);
}

/** Makes the folder of a run's snapshots, and nothing above it: a run that was moved away is not made anew. */
async function openFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(folder, error);
  }
}

const stateText = (state: JsonValue): string => `${stableStringify(state, 1)}\n`;

async function writeFolder(
  target: string,
  snapshot: Snapshot,
  score: number | undefined,
  log: Logger | undefined,
): Promise<void> {
  const temporary = await temporaryBeside(target);
  try {
    await makeFolder(temporary);
    const pieces = encodeSafetensors(snapshot.tensors);
    const hash = createHash('sha256');
    for (const piece of pieces) hash.update(piece);
    await writePieces(join(temporary, TENSORS), pieces);
    const state = {
      format: FORMAT,
      step: snapshot.step,
      score: score ?? null,
      sha256: hash.digest('hex'),
      state: snapshot.state,
      evaluation: null,
      scoredBy: FIRST_RULE,
    } as const;
    await writePieces(join(temporary, STATE), [Buffer.from(stateText(state))]);
    await syncFolder(temporary);
    // A folder that is not empty cannot be renamed over: one of the same step goes aside first.
    const old = await temporaryBeside(target);
    const had = await rename(target, old).then(
      () => true,
      () => false,
    );
    await rename(temporary, target);
    if (had) await removeTemporary(old, log);
  } catch (error) {
    await removeTemporary(temporary, log);
    throw writeError(target, error);
  }
}

/**
 * Saves a snapshot in a `snapshots/` folder, whole or not at all, then deletes the oldest ones,
 * but never one of the last `keepLast`, the best by score, or one of `keep`. The same
 * content gives the same bytes: nothing of the clock is inside.
 * @returns the snapshot's folder and the steps whose snapshots were deleted
 * @throws FrameloomError bad-option, bad-shape, disk-full, write-failed
 */
export async function saveSnapshot(
  folder: string,
  snapshot: Snapshot,
  options: SaveOptions,
): Promise<{ folder: string; deleted: number[] }> {
  const { score } = options;
  assertKeeps(options);
  const target = join(folder, snapshotFolderName(snapshot.step));
  await openFolder(folder);
  await writeFolder(target, snapshot, Number.isFinite(score) ? score : undefined, options.log);
  for (const name of await readdir(folder)) {
    // What a killed process left half written; the run's lock keeps any other writer away.
    if (isTemporary(name)) await removeTemporary(join(folder, name), options.log);
  }
  await syncFolder(folder);
  const deleted = await deleteOld(folder, snapshot.step, options);
  options.log?.debug(`saved snapshot ${snapshot.step}`, { folder: target, deleted });
  return { folder: target, deleted };
}

/**
 * Writes into a saved snapshot what was found out about it, its numbers untouched, then deletes those
 * that `saveSnapshot` would.
 * @returns the steps whose snapshots were deleted
 * @throws FrameloomError bad-option, bad-snapshot where there is none, disk-full, write-failed
 */
export async function judgeSnapshot(
  folder: string,
  step: number,
  { score, scoredBy, evaluation }: SnapshotVerdict,
  options: KeepOptions,
): Promise<{ deleted: number[] }> {
  assertKeeps(options);
  const target = join(folder, snapshotFolderName(step));
  const state = await readState(target);
  const finite = Number.isFinite(score) ? score : null;
  const text = stateText({ ...state, score: finite, scoredBy, evaluation });
  await writeFileAtomic(join(target, STATE), text);
  return { deleted: await deleteOld(folder, step, options) };
}

/** A rule by which snapshots are compared. */
export interface ScoringRule {
  readonly name: string;
  /** The score by what was measured; null where that does not say. */
  readonly scoreOf: (evaluation: JsonValue) => number | null;
}

/**
 * Scores the snapshots of a folder by one rule, those that have a score by another, from what they say was measured.
 * Who is interrupted does it again: the newest comes last, and until then those of the old rule are compared.
 * @returns the steps that were scored anew; those that say too little have no score any more, and a warning tells it
 * @throws FrameloomError bad-snapshot, disk-full, write-failed
 */
export async function rescoreSnapshots(
  folder: string,
  { name, scoreOf }: ScoringRule,
  log: Logger,
): Promise<number[]> {
  const rescored: number[] = [];
  for (const { step, score, scoredBy } of await describeSnapshots(folder)) {
    if (score === null || scoredBy === name) continue;
    const target = join(folder, snapshotFolderName(step));
    const state = await readState(target);
    const own = scoreOf(state.evaluation);
    if (own === null) {
      log.warn(
        `snapshot ${step} has a score by ${scoredBy}, and does not say what ${name} takes: it is not compared`,
      );
    } else rescored.push(step);
    const text = stateText({ ...state, score: own, scoredBy: name });
    await writeFileAtomic(join(target, STATE), text);
  }
  if (rescored.length > 0) log.info(`snapshots scored by ${name} now: ${rescored.join(', ')}`);
  return rescored;
}

function assertKeeps({ keepLast }: KeepOptions): void {
  if (Number.isSafeInteger(keepLast) && keepLast >= 1) return;
  throw new FrameloomError('bad-option', `keepLast is ${keepLast}, it must be at least 1`);
}

/** @param step of the snapshot that was just written */
async function deleteOld(folder: string, step: number, options: KeepOptions): Promise<number[]> {
  const { keepLast, keep = [] } = options;
  const steps = await listSnapshots(folder);
  const best = (await scores(folder, steps))[0]?.[0];
  const kept = new Set([...steps.slice(-keepLast), step, best, ...keep]);
  const deleted = steps.filter((one) => !kept.has(one));
  for (const one of deleted) {
    await rm(join(folder, snapshotFolderName(one)), { recursive: true, force: true });
  }
  return deleted;
}

/**
 * Reads a snapshot back, its bytes checked against their hash. `latest` and `best` pass over
 * damaged ones with a warning; `best` is the latest where none has a score.
 * @throws FrameloomError not-found when there is none, bad-snapshot when the only ones are damaged
 */
export async function readSnapshot(
  folder: string,
  choice: SnapshotChoice,
  options: { log?: Logger } = {},
): Promise<StoredSnapshot> {
  const log = options.log ?? silentLogger;
  const steps = await listSnapshots(folder);
  if (steps.length === 0 || (typeof choice === 'number' && !steps.includes(choice))) {
    const what = typeof choice === 'number' ? `no snapshot of step ${choice}` : 'no snapshot';
    throw new FrameloomError('not-found', `there is ${what} in ${folder}`, {
      path: folder,
      hint:
        steps.length === 0
          ? 'train for longer, or name another run'
          : `there are ${steps.join(', ')}`,
    });
  }
  if (typeof choice === 'number') return readFolder(join(folder, snapshotFolderName(choice)));
  const newestFirst = [...steps].reverse();
  const byScore = choice === 'best' ? (await scores(folder, steps)).map(([step]) => step) : [];
  let failure: unknown;
  for (const step of new Set([...byScore, ...newestFirst])) {
    try {
      return await readFolder(join(folder, snapshotFolderName(step)));
    } catch (error) {
      if (!isFrameloomError(error, 'bad-snapshot')) throw error;
      failure ??= error;
      log.warn(`passing over a damaged snapshot: ${error.message}`);
    }
  }
  throw failure;
}
