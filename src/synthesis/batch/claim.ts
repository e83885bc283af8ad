import { createHash } from 'node:crypto';
import { rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeError } from '../../base/outputs.js';
import { sweepLocks, tryLock, type LockOptions } from '../../base/lock.mjs';
import { CLAIMS_FOLDER } from './manifest.js';
import { entrySchema, fingerprintSchema, type ManifestEntry } from './manifest-entry.js';

const workSchema = z.object({
  ...entrySchema.pick({ output: true, model: true, settings: true, input: true }).shape,
  /** What lay at the output's place before; null for nothing. */
  before: fingerprintSchema.omit({ sha256: true }).nullable(),
  /** That was made by one who died at other work in this place: nobody else has a say in it. */
  orphaned: z.boolean().optional(),
});

/** What a claimed job makes, of what, and what it writes over. */
export type ClaimedWork = z.output<typeof workSchema>;

/** A job that this process alone works at. */
export interface Claim {
  /** What a process that died was doing at this place, where one did. */
  readonly abandoned: ClaimedWork | undefined;
  /** Aborted when somebody took it over, because this process did not renew it. */
  readonly lost: AbortSignal;
  /** Gives it back. */
  release(): Promise<void>;
  /**
   * Keeps it until this process ends: what was made has no line yet. Whoever takes the job next finds it as one who died
   * over it has left it, and this process may be that one.
   */
  leave(): void;
}

/** Claims that this process has left, by their path. */
const left = new Map<string, Claim>();

/**
 * Who works at which output of a batch: a small file for each job under way, made by whoever comes
 * first, so that several processes may work through one list. A claim whose process is dead is taken
 * over, by one process alone; one of another machine when it has not been renewed for a minute.
 */
export class Claims {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, CLAIMS_FOLDER);
  }

  /**
   * Takes a job.
   * @returns undefined while a living process has it
   * @throws FrameloomError disk-full, write-failed
   */
  take(work: ClaimedWork): Promise<Claim | undefined> {
    return this.#take(work.output, { note: work, inherit });
  }

  async #take(output: string, options: LockOptions): Promise<Claim | undefined> {
    const path = this.#pathOf(output);
    const own = left.get(path);
    left.delete(path);
    if (own && !own.lost.aborted) return own;
    const told = (error: unknown): never => {
      throw writeError(path, error);
    };
    const lost = new AbortController();
    const onLost = (): void => lost.abort();
    const { lock } = await tryLock(path, { ...options, onLost }).catch(told);
    if (!lock) return undefined;
    const abandoned = workSchema.safeParse(lock.previous?.note).data;
    const release = (): Promise<void> => lock.release().catch(told);
    const claim = { abandoned, lost: lost.signal, release };
    const leave = (): void => {
      const { data: own } = workSchema.safeParse(options.note);
      left.set(path, { ...claim, abandoned: own, leave });
    };
    return { ...claim, leave };
  }

  #pathOf(output: string): string {
    const name = createHash('sha256').update(output).digest('hex').slice(0, 32);
    return join(this.#folder, `${name}.json`);
  }

  /** Removes what a process that died left of a job that is done: it has nothing more to tell. */
  async clear(output: string): Promise<void> {
    const there = await stat(this.#pathOf(output)).catch(() => undefined);
    if (there) await (await this.#take(output, {}))?.release();
  }

  /** Ends it; the folder goes with its last claim. */
  async close(): Promise<void> {
    // Not empty while others work, or of what takers left that were killed. Gone, if they were first.
    if (await removed(this.#folder)) return;
    await sweepLocks(this.#folder).catch(() => undefined);
    await removed(this.#folder);
  }
}

const removed = (folder: string): Promise<boolean> =>
  rmdir(folder).then(
    () => true,
    () => false,
  );

/**
 * What lay there before the first of several that died at the same work: only what is there instead
 * was made by one of them. At other work, all that is known of it is whether one of them made it.
 */
function inherit(note: unknown, previous: unknown): unknown {
  const [own, theirs] = [workSchema.parse(note), workSchema.safeParse(previous).data];
  if (!theirs) return own;
  if (!isSameWork(theirs, own)) return { ...own, orphaned: isOrphaned(theirs, own.before) };
  return { ...own, before: theirs.before, orphaned: theirs.orphaned };
}

/** Whether what lies in a claim's place now was made by one who died there. */
export const isOrphaned = (abandoned: ClaimedWork, now: ClaimedWork['before']): boolean =>
  now !== null && (abandoned.orphaned === true || !isSame(abandoned.before, now));

const isSame = (a: ClaimedWork['before'], b: ClaimedWork['before']): boolean =>
  a?.bytes === b?.bytes && a?.modifiedMs === b?.modifiedMs;

/** Whether an entry is of the very work that was claimed. */
export const isSameWork = (
  a: Pick<ManifestEntry, 'model' | 'settings' | 'input'>,
  b: Pick<ManifestEntry, 'model' | 'settings' | 'input'>,
): boolean =>
  a.model.sha256 === b.model.sha256 &&
  a.input.sha256 === b.input.sha256 &&
  isSameSettings(a.settings, b.settings);

/** A setting that one of the two does not speak of, actions say, was not asked for there. */
export function isSameSettings(
  a: ManifestEntry['settings'],
  b: ManifestEntry['settings'],
): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => (a[key] ?? null) === (b[key] ?? null));
}
