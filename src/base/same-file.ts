import { fstat, type BigIntStats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** A path's own name below the real place of what is there above it. */
async function realPlace(path: string): Promise<string> {
  const whole = resolve(path);
  const rest: string[] = [];
  for (let above = whole; ; above = dirname(above)) {
    try {
      return join(await realpath(above), ...rest);
    } catch {
      if (above === dirname(above)) return whole;
      rest.unshift(basename(above));
    }
  }
}

/** A place: a path, or what standard input or output is led to, by its number. */
export type Place = string | 0 | 1;

const factsOf = (place: Place): Promise<BigIntStats | undefined> =>
  (typeof place === 'string'
    ? stat(place, { bigint: true })
    : promisify(fstat)(place, { bigint: true })
  ).catch(() => undefined);

/**
 * What a place is, whatever it is called there: links, hard links, another case on a disk that knows
 * none, a stream that the shell has led there give the same. Undefined of what is no file: devices are
 * not written over. A pipe is, by who reads what itself has written.
 */
async function identity(place: Place): Promise<string | undefined> {
  const facts = await factsOf(place);
  const path = typeof place === 'string' ? place : undefined;
  if (!facts) return path === undefined ? undefined : `path ${await realPlace(path)}`;
  if (!facts.isFile() && !facts.isDirectory() && !facts.isFIFO()) return undefined;
  // Some network disks number nothing.
  if (facts.ino !== 0n) return `${facts.dev} ${facts.ino}`;
  return path === undefined ? undefined : `path ${await realPlace(path)}`;
}

/** Files, each known by what it is and not by its name. */
export class FileSet {
  readonly #paths = new Map<string, string>();

  /** @param place to be found by, if it is not the path itself */
  async add(path: string, place: Place = path): Promise<void> {
    const key = await identity(place);
    if (key !== undefined && !this.#paths.has(key)) this.#paths.set(key, path);
  }

  /** The path that a file was added by, if it was. */
  async find(place: Place): Promise<string | undefined> {
    const key = await identity(place);
    return key === undefined ? undefined : this.#paths.get(key);
  }
}
