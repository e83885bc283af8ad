import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { messageOf } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { writeFileAtomic } from '../base/outputs.js';

/** What is found in clips is kept in files of these names. */
const OURS = /^(look|scan)-[0-9a-f]{24}\.json$/;
const DAY_MS = 24 * 60 * 60 * 1000;
/** What nobody has asked for so long goes. */
const KEPT_MS = 90 * DAY_MS;

/** What was found in clips before, a small file each, so that many commands may share a folder. */
export class MediaCache {
  readonly #folder: string | undefined;
  readonly #log: Logger;
  #wrote = false;
  #toldOfWriting = false;

  /** @param folder nothing is kept without it */
  constructor(folder: string | undefined, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** The place of what is kept under a key; null where nothing is kept. */
  placeOf(kind: 'look' | 'scan', key: unknown): string | null {
    if (this.#folder === undefined) return null;
    const name = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24);
    return join(this.#folder, `${kind}-${name}.json`);
  }

  /** What is kept; undefined where nothing is, or what cannot be read any more. */
  async read<S extends z.ZodType>(
    place: string | null,
    schema: S,
  ): Promise<z.output<S> | undefined> {
    if (place === null) return undefined;
    let text: string;
    try {
      text = await readFile(place, 'utf8');
    } catch {
      return undefined;
    }
    try {
      const found = schema.parse(JSON.parse(text));
      await this.#touch(place);
      return found;
    } catch {
      // Damaged, or of an older Frameloom: it is made again.
      return undefined;
    }
  }

  /** @returns whether it was kept; a folder that cannot be written is a warning, the first time */
  async write(place: string | null, value: object): Promise<boolean> {
    if (place === null) return false;
    try {
      await writeFileAtomic(place, JSON.stringify(value));
      this.#wrote = true;
      return true;
    } catch (error) {
      if (!this.#toldOfWriting) {
        this.#log.warn(`what is found in the clips is not kept: ${messageOf(error)}`);
      }
      this.#toldOfWriting = true;
      return false;
    }
  }

  /**
   * Removes what was not used for three months, if anything new was written: so the folder holds what is
   * in use, however many clips come and go.
   */
  async sweep(nowMs = Date.now()): Promise<void> {
    if (this.#folder === undefined || !this.#wrote) return;
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names.filter((one) => OURS.test(one))) {
      const path = join(this.#folder, name);
      const facts = await stat(path).catch(() => undefined);
      // Somebody else may be sweeping too.
      if (facts && nowMs - facts.mtimeMs > KEPT_MS)
        await rm(path, { force: true }).catch(() => null);
    }
  }

  /** Marks as used, once a day: by its date it is known what is not. */
  async #touch(place: string): Promise<void> {
    const now = Date.now();
    try {
      if (now - (await stat(place)).mtimeMs < DAY_MS) return;
      await utimes(place, now / 1000, now / 1000);
    } catch {
      // A folder of somebody else's: whoever may write there sees to its age.
    }
  }
}
