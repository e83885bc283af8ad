import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FrameloomError, messageOf } from './error.js';

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === code;

/** A hidden name in the same folder (so that renaming is atomic) that keeps the extension. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${randomBytes(4).toString('hex')}.partial.${basename(path)}`);
}

/** Renames a finished temporary into place. @throws FrameloomError write-failed */
export async function commitFile(temporary: string, path: string): Promise<void> {
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true, recursive: true });
    throw writeError(path, error);
  }
}

/**
 * Writes a file that exists afterwards either whole or as it was before: written beside, flushed,
 * renamed.
 * @throws FrameloomError disk-full, write-failed
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    // What cannot be removed, where a file stands in place of the folder say, was never written.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, error);
  }
  await commitFile(temporary, path);
}

/** A failed write as our error. */
export function writeError(path: string, error: unknown): FrameloomError {
  if (isCode(error, 'ENOSPC') || isCode(error, 'EDQUOT')) {
    return new FrameloomError('disk-full', `no space left to write ${path}`, {
      hint: 'free some space or write elsewhere',
      path,
      cause: error,
    });
  }
  return new FrameloomError('write-failed', `cannot write ${path}: ${messageOf(error)}`, {
    hint: 'check that the folder exists and may be written',
    path,
    cause: error,
  });
}
