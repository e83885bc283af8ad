import { link, lstat, open, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asGiven } from './caller.js';
import { flush } from './flush.js';
import { FrameloomError, isFrameloomError, messageOf } from './error.js';
import { silentLogger, type Logger } from './log.js';
import { makeFolder } from './make-folder.mjs';
import { removeTemporary, sweepTemporaries, temporaryBeside } from './temporaries.js';

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;

/** What a file system without hard links answers. */
const NO_LINKS: readonly (string | undefined)[] = [
  ...['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES', 'EINVAL', 'EXDEV'],
];

export interface PlaceOptions {
  /** Replace what is there. Otherwise it stays, also what comes while the new file is written. */
  readonly overwrite?: boolean | undefined;
  readonly log?: Logger | undefined;
}

/** A failed write as our error. */
export function writeError(path: string, error: unknown): FrameloomError {
  if (isFrameloomError(error)) return error;
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new FrameloomError('disk-full', `no space left to write ${path}`, {
      hint: 'free some space or write elsewhere',
      path,
      cause: error,
    });
  }
  const why = code === 'EEXIST' ? 'a file is in the place of its folder' : messageOf(error);
  return new FrameloomError('write-failed', `cannot write ${path}: ${why}`, {
    hint: 'check that the folder exists and may be written',
    path,
    cause: error,
  });
}

/** Something is where an output is to go, and it was not said that it may be replaced. */
export const existsError = (path: string): FrameloomError =>
  new FrameloomError('exists', `${path} is there already`, {
    hint: `give it another name, or say ${asGiven('--overwrite (-y)', 'overwrite: true')} to replace it`,
    path,
  });

/**
 * Refuses to go on where something is at a path, a dead link too.
 * @throws FrameloomError exists
 */
export async function refuseExisting(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (there) throw existsError(path);
}

/**
 * Says whether a file could be made at a path, of which the folder may be missing yet: by an empty file in
 * the nearest folder that there is, gone at once. Permissions say too little, of read-only disks and of
 * /proc say.
 * @throws FrameloomError disk-full, write-failed
 */
export async function assertWritable(path: string): Promise<void> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const probe = await temporaryBeside(join(folder, 'x'));
    try {
      await (await open(probe, 'wx')).close();
      // Where nothing can be removed an output can be made all the same: what stays is swept later.
      await removeTemporary(probe);
      return;
    } catch (error) {
      const isMissing = codeOf(error) === 'ENOENT' && !(await isThere(folder));
      if (!isMissing || folder === dirname(folder)) throw writeError(path, error);
    }
  }
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Waits until a file's content is on the disk itself. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await flush(file);
  } finally {
    await file.close();
  }
}

/** The same for the names in a folder, where the system can. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await flush(handle);
    } finally {
      await handle.close();
    }
  } catch {
    // Windows opens no folders, some network disks sync none: the file itself is on disk.
  }
}

/**
 * Gives a file its name. Without `overwrite` whoever has the name keeps it, also one who comes at
 * this very moment.
 * @throws FrameloomError exists; bad-option where a device or a pipe has it;
 *   NodeJS.ErrnoException
 */
export async function placeFile(
  from: string,
  to: string,
  options: PlaceOptions = {},
): Promise<void> {
  if (options.overwrite) {
    const there = await stat(to).catch(() => undefined);
    // Renaming would put the file in place of the device itself.
    if (there && !there.isFile() && !there.isDirectory()) {
      throw new FrameloomError('bad-option', `${to} is no file that could be replaced`, {
        hint: 'name a file',
        path: to,
      });
    }
    return rename(from, to);
  }
  try {
    // Renaming replaces in silence; a link is made only where there is nothing.
    await link(from, to);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw existsError(to);
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    await refuseExisting(to);
    return rename(from, to);
  }
  await removeTemporary(from, options.log);
}

/**
 * Puts a finished temporary in place: written out to the disk first, so that a power cut leaves
 * either the whole file or none. Where it cannot, the temporary is removed.
 * @throws FrameloomError exists, disk-full, write-failed
 */
export async function commitFile(
  temporary: string,
  path: string,
  options: PlaceOptions = {},
): Promise<void> {
  try {
    await syncFile(temporary);
    await placeFile(temporary, path, options);
  } catch (error) {
    await removeTemporary(temporary, options.log);
    throw writeError(path, error);
  }
  await syncFolder(dirname(path));
}

/**
 * Writes a file that exists afterwards either whole or as it was before: written beside, flushed,
 * renamed. Replaces what is there unless `overwrite` is false.
 * @param data its content, or the pieces of it one after another
 * @throws FrameloomError exists, disk-full, write-failed
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | readonly Uint8Array[],
  options: PlaceOptions = {},
): Promise<void> {
  const { overwrite = true, log = silentLogger } = options;
  if (!overwrite) await refuseExisting(path);
  const temporary = await temporaryBeside(path);
  try {
    await makeFolder(dirname(path));
    await sweepTemporaries(dirname(path), log);
    const file = await open(temporary, 'wx');
    try {
      const isWhole = typeof data === 'string' || data instanceof Uint8Array;
      for (const piece of isWhole ? [data] : data) await file.writeFile(piece);
    } finally {
      await file.close();
    }
  } catch (error) {
    // Where a file stands in place of the folder nothing was written.
    if (codeOf(error) !== 'ENOTDIR') await removeTemporary(temporary, log);
    throw writeError(path, error);
  }
  await commitFile(temporary, path, { overwrite, log });
}
