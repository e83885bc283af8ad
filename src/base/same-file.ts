import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

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

/**
 * What a path names, whatever it is called there: links, hard links, another case on a disk that
 * knows none give the same. Undefined of what is no file: pipes and devices are not written over.
 */
async function identity(path: string): Promise<string | undefined> {
  const facts = await stat(path, { bigint: true }).catch(() => undefined);
  if (!facts) return `path ${await realPlace(path)}`;
  if (!facts.isFile() && !facts.isDirectory()) return undefined;
  // Some network disks number nothing.
  return facts.ino === 0n ? `path ${await realPlace(path)}` : `${facts.dev} ${facts.ino}`;
}

/** Files, each known by what it is and not by its name. */
export class FileSet {
  readonly #paths = new Map<string, string>();

  async add(path: string): Promise<void> {
    const key = await identity(path);
    if (key !== undefined && !this.#paths.has(key)) this.#paths.set(key, path);
  }

  /** The path that a file was added by, if it was. */
  async find(path: string): Promise<string | undefined> {
    const key = await identity(path);
    return key === undefined ? undefined : this.#paths.get(key);
  }
}
