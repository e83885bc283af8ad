import { createWriteStream } from 'node:fs';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { FrameloomError, messageOf } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { makeFolder } from '../base/make-folder.mjs';
import {
  assertWritable,
  commitFile,
  existsError,
  refuseExisting,
  writeError,
} from '../base/outputs.js';
import { removeTemporary, sweepTemporaries, temporariesIn } from '../base/temporaries.js';
import { fileUrl } from './command.js';
import { writePipe } from './fifo.js';
import { commitPictures } from './picture-folder.js';
import { finishPlacing, TEMPORARY_PATTERN } from './placing.js';
import { removeAtExit } from './process.js';
import { isNumbered, numberedName, numberedNames } from './sequence.js';

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
  /** The name of a second temporary in the same folder, such as `.mp4`; goes with the first. */
  beside(extension: string): string;
  /**
   * Writes everything out to the disk and renames it into place; where it cannot, what was there
   * before is there still. @throws FrameloomError exists, disk-full, write-failed
   */
  commit(): Promise<void>;
  /** Removes what was written. Never rejects: what cannot be removed is logged. */
  discard(): Promise<void>;
}

export interface StreamTarget {
  readonly kind: 'stream';
  readonly stream: Writable;
  /** The stream is ours to end. */
  readonly ends: boolean;
  /** Lets go of what was opened here and is not written to its end. Never rejects. */
  discard(): Promise<void>;
}

export interface TargetOptions {
  /** Replace what is there. Default: an error. */
  readonly overwrite?: boolean | undefined;
  readonly log?: Logger | undefined;
  /** Ends waiting for the reader of a named pipe. */
  readonly signal?: AbortSignal | undefined;
}

const isStandard = (stream: Writable): boolean =>
  stream === process.stdout || stream === process.stderr;

/** Why nothing can be at a path: known before any work is done. */
const NO_PLACE: Readonly<Record<string, string>> = {
  ENAMETOOLONG: 'its name is too long',
  ENOTDIR: 'there is a file in the place of its folder',
  ELOOP: 'links to it lead in a circle',
};

/** What is at a path: nothing, a file (also by a link), or a pipe or device. */
async function kindOf(target: string): Promise<'nothing' | 'file' | 'pipe' | 'device'> {
  if (target === '' || target.includes('\0')) {
    throw new FrameloomError('bad-option', 'the path to write is empty or not a path');
  }
  const facts = await stat(target).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT') return undefined;
    const why = NO_PLACE[code] ?? messageOf(error);
    throw new FrameloomError('bad-option', `${basename(target)} cannot be written: ${why}`, {
      path: target,
      cause: error,
    });
  });
  if (facts?.isDirectory() || /[\\/]$/.test(target)) {
    throw new FrameloomError('bad-option', `${target} is a folder`, {
      hint: 'name a file, or pictures in it such as %05d.png',
      path: target,
    });
  }
  if (!facts) return 'nothing';
  if (facts.isFIFO()) return 'pipe';
  return facts.isFile() ? 'file' : 'device';
}

/**
 * Says before any work whether an output may be made.
 * @param pictures each frame is a file: all that fits a `%05d` pattern counts
 * @throws FrameloomError exists where something is there already, and not to be replaced; bad-option
 *   of a folder, and of a name that no file can have; disk-full, write-failed where none can be made
 */
export async function assertFree(
  target: string,
  pictures: boolean,
  { overwrite = false, log }: TargetOptions = {},
): Promise<void> {
  if (target === '-') return;
  const kind = await kindOf(target);
  const numbered = pictures && isNumbered(target);
  if (numbered) {
    await kindOf(join(dirname(target), numberedName(target, 1)));
    await finishPlacing(dirname(target), log);
  }
  if (kind === 'pipe' || kind === 'device') return;
  if (!overwrite) {
    const [first] = numbered ? await numberedNames(target) : [];
    if (first) throw existsError(join(dirname(target), first.name));
    await refuseExisting(target);
  }
  await assertWritable(numbered ? target : await placeOf(target));
}

export const onePictureError = (path: string): FrameloomError =>
  new FrameloomError('bad-option', `${path} holds one picture, and there are more frames`, {
    hint: `name a pattern such as ${join(dirname(path), `%05d${extname(path)}`)}`,
    path,
  });

/**
 * Says before any work that so many frames fit into an output.
 * @param frames null where nobody knows
 * @param pictures each frame is a file
 * @throws FrameloomError bad-option where it is one picture, and there are more
 */
export async function assertHolds(
  target: string,
  pictures: boolean,
  frames: number | null,
): Promise<void> {
  if (!pictures || target === '-' || frames === null || frames < 2 || isNumbered(target)) return;
  const kind = await kindOf(target);
  if (kind !== 'pipe' && kind !== 'device') throw onePictureError(target);
}

/** A link is written through, as everything else on the system does it. */
const placeOf = (target: string): Promise<string> => realpath(target).catch(() => target);

function streamTarget(stream: Writable, ends: boolean, close?: () => void): StreamTarget {
  // From now on, whoever else is listening: it may fail before its first byte and after its last.
  if (ends) stream.on('error', () => undefined);
  return { kind: 'stream', stream, ends, discard: () => Promise.resolve(close?.()) };
}

/**
 * Makes the target ready, and removes what dead processes left beside it. `pictures`: each frame is
 * a file, by a `%05d` pattern. `-` is standard output; a path that exists and is no regular file (a
 * named pipe, a device) is written as a stream.
 * @throws FrameloomError bad-option, exists, disk-full, write-failed
 */
export async function openTarget(
  target: string | Writable,
  pictures: boolean,
  options: TargetOptions = {},
): Promise<OutputTarget> {
  if (typeof target !== 'string') return streamTarget(target, !isStandard(target));
  if (target === '-') return streamTarget(process.stdout, false);
  const kind = await kindOf(target);
  if (kind === 'pipe' || kind === 'device') {
    const { signal, log } = options;
    const stream =
      kind === 'pipe' ? await writePipe(target, signal, log) : createWriteStream(target);
    return streamTarget(stream, true, () => stream.destroy());
  }
  await assertFree(target, pictures, options);
  const numbered = pictures && isNumbered(target);
  const place = numbered ? target : await placeOf(target);
  const { overwrite, log = silentLogger } = options;
  try {
    await makeFolder(dirname(place));
    await finishPlacing(dirname(place), log);
    await sweepTemporaries(dirname(place), log);
    const temporaries = new Temporaries(await temporariesIn(dirname(place)), log);
    const temporary = temporaries.add(numbered ? '' : extname(place));
    if (numbered) await mkdir(temporary);
    return {
      ...{ kind: 'file', path: target, temporary, single: pictures && !numbered },
      // In the pattern of the image writer a percent sign of a folder's name must be doubled.
      url: fileUrl(numbered ? join(temporary.replaceAll('%', '%%'), TEMPORARY_PATTERN) : temporary),
      beside: (extension) => temporaries.add(extension),
      commit: async () => {
        try {
          if (numbered) await commitPictures(temporary, place, { overwrite, log });
          else await commitFile(temporary, place, { overwrite, log });
        } catch (error) {
          throw writeError(target, error);
        } finally {
          await temporaries.remove();
        }
      },
      discard: () => temporaries.remove(),
    };
  } catch (error) {
    throw writeError(target, error);
  }
}

/** The temporaries of one target: gone with it, or with this process. */
class Temporaries {
  readonly #name: (extension: string) => string;
  readonly #log: Logger;
  readonly #forget = new Map<string, () => void>();

  constructor(name: (extension: string) => string, log: Logger) {
    this.#name = name;
    this.#log = log;
  }

  add(extension: string): string {
    const path = this.#name(extension);
    this.#forget.set(path, removeAtExit(path));
    return path;
  }

  async remove(): Promise<void> {
    for (const [path, forget] of this.#forget) {
      await removeTemporary(path, this.#log);
      forget();
    }
    this.#forget.clear();
  }
}
