import { stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { isDynamicPattern } from 'tinyglobby';
import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { findClips, type FoundClips } from '../../clips/expand.js';
import { assertOneSeries } from '../../clips/series.js';
import { refuseAddress } from '../../video/input.js';
import { filesOf } from '../../video/sequence.js';
import { listEntries, type ListEntry } from './list-lines.js';
import { readList } from './list-text.js';

/** As people would type it: relative where it lies below the folder they are in. */
function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

/** Whether there is a file, a folder, or pictures of a pattern. */
async function exists(path: string): Promise<boolean> {
  try {
    return (await filesOf(path)).length > 0 || (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** What a folder or a glob of inputs does not stand for, though one might think so. */
function tellLeftOut({ passedOver, otherFiles }: FoundClips, log: Logger): void {
  const [first] = passedOver;
  if (first !== undefined) {
    log.warn(
      `${passedOver.length === 1 ? `${shortPath(first)} is` : `${passedOver.length} more inputs, such as ${shortPath(first)}, are`} not taken: a folder that holds inputs itself stands for those alone (end it in /** to take all)`,
    );
  }
  const [other] = otherFiles;
  if (other !== undefined) {
    log.info(
      `left out what is neither video nor picture: ${shortPath(other)}${otherFiles.length === 1 ? '' : ` and ${otherFiles.length - 1} more`}`,
    );
  }
}

async function expand(
  entry: string,
  log: Logger,
  folder: string = process.cwd(),
): Promise<string[]> {
  if (entry === '-') return [entry];
  if (/^s3:\/\//i.test(entry)) {
    const { expandStoreInput } = await import('../../queue/store/inputs.js');
    return expandStoreInput(entry);
  }
  refuseAddress(entry);
  const isThere = await exists(resolve(folder, entry));
  // One that is missing fails by itself, later, and not the whole batch.
  if (!isThere && !isDynamicPattern(entry)) return [entry];
  try {
    const found = await findClips([entry], folder);
    for (const clip of found.clips) await assertOneSeries(clip);
    tellLeftOut(found, log);
    return found.clips.map(shortPath);
  } catch (error) {
    if (isFrameloomError(error) && error.code !== 'not-found') throw error;
    // A folder of nothing to decode: decoding says what it needs.
    if (isThere) return [shortPath(resolve(folder, entry))];
    throw new FrameloomError('not-found', messageOf(error), { path: entry, cause: error });
  }
}

/** The inputs that one entry of a list means; paths start from the first of the folders that has them. */
async function expandListed(
  entry: ListEntry,
  folders: readonly string[],
  log: Logger,
): Promise<string[]> {
  for (const candidate of entry.candidates) {
    for (const folder of folders) {
      if (await exists(resolve(folder, candidate))) return expand(candidate, log, folder);
    }
  }
  if (entry.isComment) return [];
  const likeliest = entry.candidates.at(-1)!;
  if (!isDynamicPattern(likeliest)) return [likeliest];
  const failures: unknown[] = [];
  for (const folder of folders) {
    try {
      return await expand(likeliest, log, folder);
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

async function listed(list: string, log: Logger, signal?: AbortSignal): Promise<string[]> {
  const { isConcat, entries } = listEntries(await readList(list, signal), list);
  const working = process.cwd();
  const own = list === '-' ? working : dirname(resolve(list));
  // ffmpeg's lists are relative to themselves.
  const folders = [...new Set(isConcat ? [own, working] : [working, own])];
  const inputs: string[] = [];
  for (const entry of entries) inputs.push(...(await expandListed(entry, folders, log)));
  return inputs;
}

/**
 * The inputs of a call: files, globs, folders (their videos, or their pictures as one sequence, or what
 * the folders in them hold), as `findClips` of training's clips, and the lines of a list, in order and none twice. Paths start from the working directory, those of a
 * list from its own folder where the working directory has none of that name.
 * @throws FrameloomError not-found for a glob without a match or a list that cannot be read;
 *   bad-option when there is none, or a pipe among several, or a list that is none
 */
export async function gatherInputs(
  entries: readonly string[],
  list: string | undefined,
  signal?: AbortSignal,
  log: Logger = silentLogger,
): Promise<string[]> {
  if (entries.includes('') || list === '') {
    const flag = list === '' ? '--list' : '-i';
    throw new FrameloomError('bad-option', `${flag} is empty`, {
      hint: 'an empty variable of the shell, perhaps: name a file',
    });
  }
  if (entries.includes('-') && list === '-') {
    throw new FrameloomError('bad-option', 'standard input cannot be a video and a list at once');
  }
  const named = await Promise.all(entries.map((entry) => expand(entry, log)));
  const fromList = list === undefined ? [] : await listed(list, log, signal);
  const inputs = [...new Set([...named.flat(), ...fromList])];
  if (inputs.length === 0) {
    throw new FrameloomError('bad-option', 'there is no input', {
      hint: 'name videos with -i, or a file that lists them with --list',
    });
  }
  if (inputs.length > 1 && inputs.includes('-')) {
    throw new FrameloomError('bad-option', 'standard input cannot be one of several inputs', {
      hint: 'call frameloom once for the pipe and once for the files',
    });
  }
  return inputs;
}
