import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { temporaryBeside, writeError } from '../base/atomic-write.js';
import { isAlive, ownerSchema, thisOwner, type Owner } from '../base/owner.js';
import { entrySchema, fingerprintSchema, type ManifestEntry } from './manifest-entry.js';

/** Of another machine only the date of its claim can be seen: one that was not renewed is dead. */
const RENEWED_EVERY_MS = 15_000;
const STALE_MS = 60_000;

const workSchema = z.object({
  ...entrySchema.pick({ output: true, model: true, settings: true, input: true }).shape,
  /** What lay at the output's place before; null for nothing. */
  before: fingerprintSchema.omit({ sha256: true }).nullable(),
});
const claimSchema = ownerSchema.extend({
  work: workSchema,
});

/** What a claimed job makes, of what, and what it writes over. */
export type ClaimedWork = z.output<typeof workSchema>;

/** A job that this process alone works at. */
export interface Claim {
  /** What a process that died was doing at this place, where one did. */
  readonly abandoned: ClaimedWork | undefined;
  /** Gives it back. */
  release(): Promise<void>;
}

async function isUnderWay(owner: Owner, path: string): Promise<boolean> {
  const alive = await isAlive(owner);
  if (alive !== undefined) return alive;
  const facts = await stat(path).catch(() => undefined);
  return facts !== undefined && Date.now() - facts.mtimeMs < STALE_MS;
}

/**
 * Who works at which output of a batch: a small file for each job under way, made by whoever comes
 * first, so that several processes may work through one list. A claim whose process is dead is taken
 * over; one of another machine when it has not been renewed for a minute.
 */
export class Claims {
  readonly #folder: string;
  readonly #held = new Set<string>();
  readonly #renewing: NodeJS.Timeout;
  readonly #owner: Promise<Owner>;

  constructor(folder: string) {
    this.#folder = join(folder, '.frameloom-claims');
    this.#owner = thisOwner();
    this.#renewing = setInterval(() => void this.#renew(), RENEWED_EVERY_MS).unref();
  }

  async #renew(): Promise<void> {
    const now = new Date();
    // One that is gone was given back at this moment.
    for (const path of this.#held) await utimes(path, now, now).catch(() => undefined);
  }

  /**
   * Takes a job.
   * @returns undefined while a living process has it
   * @throws FrameloomError disk-full, write-failed
   */
  async take(work: ClaimedWork): Promise<Claim | undefined> {
    const path = this.#pathOf(work.output);
    const text = JSON.stringify({ ...(await this.#owner), work });
    let abandoned: ClaimedWork | undefined;
    try {
      await mkdir(this.#folder, { recursive: true });
      while (!(await create(path, text))) {
        const other = await read(path);
        if (other === 'gone') continue;
        if (other === 'unreadable') {
          // Being written at this moment, or damaged: it can be neither believed nor passed over
          // before it is old.
          const facts = await stat(path).catch(() => undefined);
          if (facts && Date.now() - facts.mtimeMs < STALE_MS) return undefined;
        } else {
          if (this.#held.has(path) || (await isUnderWay(other, path))) return undefined;
          abandoned = other.work;
        }
        await discard(path);
      }
    } catch (error) {
      throw writeError(path, error);
    }
    this.#held.add(path);
    const release = async (): Promise<void> => {
      this.#held.delete(path);
      await rm(path, { force: true });
    };
    return { abandoned, release };
  }

  #pathOf(output: string): string {
    const name = createHash('sha256').update(output).digest('hex').slice(0, 32);
    return join(this.#folder, `${name}.json`);
  }

  /** Removes what a process that died left of a job that is done: it has nothing more to tell. */
  async clear(output: string): Promise<void> {
    const path = this.#pathOf(output);
    const claim = await read(path).catch(() => 'gone' as const);
    if (claim === 'gone' || claim === 'unreadable' || (await isUnderWay(claim, path))) return;
    await discard(path);
  }

  /** Ends it; the folder goes with its last claim. */
  async close(): Promise<void> {
    clearInterval(this.#renewing);
    await rmdir(this.#folder).catch(() => undefined);
  }
}

/** Whole and at once: false where there is one. */
async function create(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function read(path: string): Promise<z.output<typeof claimSchema> | 'gone' | 'unreadable'> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    return claimSchema.safeParse(JSON.parse(text)).data ?? 'unreadable';
  } catch {
    return 'unreadable';
  }
}

/** Of two that find the same dead claim one takes it away; the other sees what it left. */
async function discard(path: string): Promise<void> {
  const aside = temporaryBeside(path);
  await rename(path, aside).catch(() => undefined);
  await rm(aside, { force: true });
}

/** Whether an entry is of the very work that was claimed. */
export const isSameWork = (
  a: Pick<ManifestEntry, 'model' | 'settings' | 'input'>,
  b: Pick<ManifestEntry, 'model' | 'settings' | 'input'>,
): boolean =>
  a.model.sha256 === b.model.sha256 &&
  a.input.sha256 === b.input.sha256 &&
  Object.entries(a.settings).every(([key, value]) => b.settings[key] === value);
