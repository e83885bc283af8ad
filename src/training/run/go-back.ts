import { constants } from 'node:fs';
import { copyFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/make-folder.mjs';
import { syncFolder, writeError } from '../../base/outputs.js';
import { readReturns, writeReturns, type Return } from './returns.js';
import type { JsonValue } from './json.js';
import type { RunPaths } from './run-folder.js';
import { listSnapshots, snapshotFolderName } from './snapshot-store.js';

const SAMPLE = /^step-(\d+)\.png$/;

/** `aside/00001`, or the next number that nothing has. */
async function nextAside(folder: string): Promise<string> {
  const names = await readdir(join(folder, 'aside')).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw writeError(join(folder, 'aside'), error);
  });
  const last = Math.max(0, ...names.filter((name) => /^\d{5,}$/.test(name)).map(Number));
  return join('aside', String(last + 1).padStart(5, '0'));
}

/**
 * Writes down that a training goes back, before anything is moved: who is interrupted from here on finishes it
 * when it is resumed.
 * @param start what one that goes back to its beginning has chosen
 * @throws FrameloomError disk-full, write-failed, bad-snapshot
 */
export async function planReturn(
  run: RunPaths,
  plan: Omit<Return, 'aside' | 'done'>,
  start?: JsonValue,
): Promise<Return> {
  const before = await readReturns(run);
  const one = { ...plan, aside: await nextAside(run.folder), done: false };
  await writeReturns(run, start ?? before.start, [...before.returns, one]);
  return one;
}

/**
 * Clears the way for a training that goes on from an earlier step: what it left behind after that, snapshots and
 * samples, and the log as it was are moved into a folder of their own, so that nothing is lost and nothing is taken for
 * a part of what comes now. May be done again where it was interrupted.
 * @throws FrameloomError disk-full, write-failed
 */
export async function moveAside(run: RunPaths, { aside, toStep }: Return): Promise<void> {
  const folder = join(run.folder, aside);
  const inside = (name: string): string => join(folder, name);
  try {
    for (const name of ['samples', 'snapshots']) await makeFolder(inside(name));
    await copyOnce(run.log, inside('log.jsonl'));
    for (const name of await readdir(run.samples)) {
      if (Number(SAMPLE.exec(name)?.[1] ?? 0) <= toStep) continue;
      await rename(join(run.samples, name), join(inside('samples'), name));
    }
    for (const step of (await listSnapshots(run.snapshots)).filter((one) => one > toStep)) {
      const name = snapshotFolderName(step);
      await rename(join(run.snapshots, name), join(inside('snapshots'), name));
    }
    for (const one of [inside('snapshots'), folder, run.snapshots]) await syncFolder(one);
  } catch (error) {
    throw writeError(folder, error);
  }
}

/** The log is cut short after this: what was copied of it before is not copied again. */
async function copyOnce(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  if ((await readdir(join(to, '..'))).includes('log.jsonl')) return;
  await rm(partial, { force: true });
  await copyFile(from, partial, constants.COPYFILE_EXCL);
  await rename(partial, to);
}

/** Writes down that nothing is left to be moved, and that the log says so. */
export async function endReturn(run: RunPaths): Promise<void> {
  const { start, returns } = await readReturns(run);
  await writeReturns(
    run,
    start,
    returns.map((one) => ({ ...one, done: true })),
  );
}
