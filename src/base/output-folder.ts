import { lstat, readdir, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FrameloomError } from './error.js';
import { silentLogger } from './log.js';
import { makeFolder } from './make-folder.mjs';
import { existsError, syncFile, syncFolder, writeError, type PlaceOptions } from './outputs.js';
import { removeTemporary, sweepTemporaries, temporaryBeside } from './temporaries.js';

export interface FolderOptions extends PlaceOptions {
  /**
   * Whether an entry of a folder that is to be replaced is of such an output: a folder that holds anything else is never
   * replaced.
   */
  readonly isOwn: (name: string) => boolean;
  /** What every such output holds, and nobody else's folder does: without it a folder is somebody else's. */
  readonly mark: string;
}

/** The folder itself where a link leads to one: it is written through, as everything else on the system does it. */
async function placeOf(target: string): Promise<string> {
  const path = resolve(target);
  const there = await stat(path).catch(() => undefined);
  return there?.isDirectory() ? realpath(path) : path;
}

/**
 * Says whether a folder may be written: it is missing, or empty, or all of it is such an output and may be replaced.
 * @throws FrameloomError exists; bad-option where it is no folder, or holds what is no such output
 */
export async function assertFolderFree(path: string, options: FolderOptions): Promise<void> {
  if (path === '') {
    throw new FrameloomError('bad-option', 'the folder to write has no name', {
      hint: 'name a folder that is empty or that there is not',
    });
  }
  const there = await lstat(path).catch(() => undefined);
  if (!there) return;
  const target = await stat(path).catch(() => undefined);
  if (!target?.isDirectory()) {
    throw new FrameloomError(
      'bad-option',
      target ? `${path} is no folder` : `${path} is a link that leads nowhere`,
      { path, hint: 'name a folder that is empty or that there is not' },
    );
  }
  const names = await readdir(path);
  if (names.length === 0) return;
  if (!options.overwrite) throw existsError(path);
  const isSuch = names.includes(options.mark);
  const other = names.find((name) => !isSuch || !options.isOwn(name));
  if (other === undefined) return;
  throw new FrameloomError('bad-option', `${path} holds ${other}, which would be lost`, {
    path,
    hint: 'name a folder of its own, and copy what is written there',
  });
}

/**
 * Writes a folder that exists afterwards either whole or as it was before: made beside, flushed, renamed.
 * @param write fills the folder that it is given
 * @throws FrameloomError exists, bad-option, disk-full, write-failed; what `write` throws
 */
export async function writeFolderAtomic(
  target: string,
  write: (folder: string) => Promise<void>,
  options: FolderOptions,
): Promise<void> {
  const { log = silentLogger } = options;
  await assertFolderFree(target, options);
  const path = await placeOf(target);
  const parent = dirname(path);
  // A name without an extension: what a folder is called is not what kind of file it is.
  const place = join(parent, basename(path).replaceAll('.', '-') || 'folder');
  const temporary = await temporaryBeside(place);
  try {
    await makeFolder(temporary);
    await sweepTemporaries(parent, log);
    await write(temporary);
    const entries = await readdir(temporary, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const full = join(entry.parentPath, entry.name);
      await (entry.isDirectory() ? syncFolder(full) : syncFile(full));
    }
  } catch (error) {
    // Where a file stands in place of the folder nothing was written.
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') await removeTemporary(temporary, log);
    throw writeError(target, error);
  }
  const old = await temporaryBeside(place);
  const had = await lstat(path).catch(() => undefined);
  try {
    // Once more: somebody may have written there meanwhile.
    await assertFolderFree(path, options);
    if (had) await rename(path, old);
    await rename(temporary, path).catch(async (error: unknown) => {
      if (had) await rename(old, path);
      throw error;
    });
  } catch (error) {
    await removeTemporary(temporary, log);
    throw writeError(path, error);
  }
  await syncFolder(parent);
  if (had) await removeTemporary(old, log);
}
