import { lstat, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../base/make-folder.mjs';
import { syncFile, syncFolder, writeError } from '../../base/outputs.js';
import type { Logger } from '../../base/log.js';

/** Files written out to the disk at once: a journal takes many together. */
const SYNCED_AT_ONCE = 16;

/** Waits until many files are on the disk itself. */
export async function syncFiles(paths: AsyncIterable<string> | Iterable<string>): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const path of paths) {
    const synced = syncFile(path).finally(() => running.delete(synced));
    running.add(synced);
    if (running.size >= SYNCED_AT_ONCE) await Promise.race(running);
  }
  await Promise.all(running);
}

/** A finished file or folder, and where it goes. */
export interface Move {
  readonly from: string;
  /** Relative to the folder of the data set. */
  readonly to: string;
}

export const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/**
 * Puts what was made in place, all or none of it: what is in the way, and what was there of the same
 * sequence before, is kept aside until the last one is there, and an error brings it back.
 * @param aside an empty folder on the same disk, which goes afterwards
 * @param old what is to be gone, relative to `folder`
 * @throws FrameloomError disk-full, write-failed
 */
export async function placeAll(
  folder: string,
  moves: readonly Move[],
  options: { readonly aside: string; readonly old: readonly string[]; readonly log: Logger },
): Promise<void> {
  const { aside, log } = options;
  const out = new Set([...options.old, ...moves.map(({ to }) => to)]);
  const kept: { readonly from: string; readonly to: string }[] = [];
  const placed: Move[] = [];
  try {
    await makeFolder(aside);
    for (const path of out) {
      const [from, to] = [join(folder, path), join(aside, String(kept.length))];
      if (!(await isThere(from))) continue;
      await rename(from, to);
      kept.push({ from, to });
    }
    for (const move of moves) {
      await makeFolder(dirname(join(folder, move.to)));
      await rename(move.from, join(folder, move.to));
      placed.push(move);
    }
  } catch (error) {
    for (const { from, to } of placed) await rename(join(folder, to), from).catch(() => undefined);
    for (const { from, to } of kept) {
      await rename(to, from).catch(() => log.error(`${from}, which was there before, is lost`));
    }
    throw writeError(folder, error);
  }
  for (const parent of new Set(moves.map(({ to }) => dirname(join(folder, to))))) {
    await syncFolder(parent);
  }
}
