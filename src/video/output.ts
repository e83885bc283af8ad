import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { commitFile, temporaryBeside, writeError } from '../base/atomic-write.js';
import { FrameloomError } from '../base/error.js';
import { fileUrl } from './command.js';
import { removeAtExit } from './process.js';

/** Where encoded bytes go: a file written beside and renamed, numbered pictures, or a stream. */
export type OutputTarget = FileTarget | StreamTarget;

export interface FileTarget {
  readonly kind: 'file';
  readonly path: string;
  /** What ffmpeg writes to. */
  readonly url: string;
  /** The temporary file, or for pictures the temporary folder. */
  readonly temporary: string;
  /** Can hold one frame only. */
  readonly single: boolean;
  /** Renames everything into place. @throws FrameloomError write-failed */
  commit(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

export interface StreamTarget {
  readonly kind: 'stream';
  readonly stream: Writable;
  /** The stream is ours to end. */
  readonly ends: boolean;
}

const isNumbered = (path: string): boolean => /%0?\d*d/.test(basename(path));

async function pictureFolder(path: string): Promise<FileTarget> {
  const folder = dirname(path);
  const temporary = temporaryBeside(folder);
  await mkdir(temporary, { recursive: true });
  const forget = removeAtExit(temporary);
  return {
    kind: 'file',
    path,
    temporary,
    single: false,
    // In the pattern of the image writer a percent sign of the folder's name must be doubled.
    url: fileUrl(join(temporary.replaceAll('%', '%%'), basename(path))),
    commit: async () => {
      try {
        await mkdir(folder, { recursive: true });
        for (const name of await readdir(temporary)) {
          await rename(join(temporary, name), join(folder, name));
        }
      } catch (error) {
        throw writeError(path, error);
      } finally {
        await rm(temporary, { recursive: true, force: true });
        forget();
      }
    },
    discard: async () => {
      await rm(temporary, { recursive: true, force: true });
      forget();
    },
  };
}

/**
 * Makes the target ready. `pictures`: each frame is a file, by a `%05d` pattern. `-` is standard output; a path that exists and is no regular file (a
 * named pipe, a device) is written as a stream.
 * @throws FrameloomError bad-option, disk-full, write-failed
 */
export async function openTarget(
  target: string | Writable,
  pictures: boolean,
): Promise<OutputTarget> {
  if (typeof target !== 'string')
    return { kind: 'stream', stream: target, ends: !isStandard(target) };
  if (target === '-') return { kind: 'stream', stream: process.stdout, ends: false };
  if (target === '' || target.includes('\0')) {
    throw new FrameloomError('bad-option', 'the path to write is empty or not a path');
  }
  const facts = await stat(target).catch(() => undefined);
  if (facts?.isDirectory()) {
    throw new FrameloomError('bad-option', `${target} is a folder`, {
      hint: 'name a file, or pictures in it such as %05d.png',
      path: target,
    });
  }
  if (facts && !facts.isFile()) {
    return { kind: 'stream', stream: createWriteStream(target), ends: true };
  }
  try {
    const numbered = pictures && isNumbered(target);
    await mkdir(dirname(numbered ? dirname(target) : target), { recursive: true });
    if (numbered) return await pictureFolder(target);
  } catch (error) {
    throw writeError(target, error);
  }
  const temporary = temporaryBeside(target);
  const forget = removeAtExit(temporary);
  return {
    kind: 'file',
    path: target,
    temporary,
    single: pictures,
    url: fileUrl(temporary),
    commit: async () => {
      try {
        await commitFile(temporary, target);
      } finally {
        forget();
      }
    },
    discard: async () => {
      await rm(temporary, { force: true });
      forget();
    },
  };
}

const isStandard = (stream: Writable): boolean =>
  stream === process.stdout || stream === process.stderr;
