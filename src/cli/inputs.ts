import { readFile, stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { isDynamicPattern } from 'tinyglobby';
import { FrameloomError, messageOf } from '../base/error.js';
import { expandClips } from '../clips/expand.js';

/** As people would type it: relative where it lies below the folder they are in. */
function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

async function expand(entry: string): Promise<string[]> {
  if (entry === '-') return [entry];
  const exists = await stat(resolve(entry)).then(
    () => true,
    () => false,
  );
  // One that is missing fails by itself, later, and not the whole batch.
  if (!exists && !isDynamicPattern(entry)) return [entry];
  try {
    return (await expandClips([entry], process.cwd())).map(shortPath);
  } catch (error) {
    // A folder of nothing to decode: decoding says what it needs.
    if (exists) return [entry];
    throw new FrameloomError('not-found', messageOf(error), { path: entry, cause: error });
  }
}

async function listed(list: string): Promise<string[]> {
  let content: string;
  try {
    content = list === '-' ? await text(process.stdin) : await readFile(list, 'utf8');
  } catch (error) {
    throw new FrameloomError('not-found', `the list ${list} cannot be read: ${messageOf(error)}`, {
      path: list,
      cause: error,
    });
  }
  return content
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line.trim() !== '');
}

/**
 * The inputs of a call: files, globs, folders (their videos, or their pictures as one sequence), and
 * the lines of a list, in order and none twice. Paths start from the working directory.
 * @throws FrameloomError not-found for a glob without a match or a list that cannot be read;
 *   bad-option when there is none, or a pipe among several
 */
export async function gatherInputs(
  entries: readonly string[],
  list: string | undefined,
): Promise<string[]> {
  if (entries.includes('-') && list === '-') {
    throw new FrameloomError('bad-option', 'standard input cannot be a video and a list at once');
  }
  const all = [...entries, ...(list === undefined ? [] : await listed(list))];
  const inputs = [...new Set((await Promise.all(all.map(expand))).flat())];
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
