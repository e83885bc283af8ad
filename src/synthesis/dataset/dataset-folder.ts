import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import type { Lock } from '../../base/lock.mjs';
import type { Logger } from '../../base/log.js';
import { writeError, writeFileAtomic } from '../../base/outputs.js';
import { removeTemporary, sweepTemporaries, temporaryBeside } from '../../base/temporaries.js';
import { removeAtExit } from '../../video/process.js';
import {
  checksumPath,
  foreignError,
  LOCK,
  look,
  MANIFEST,
  otherError,
  PIPELINE,
  readRecords,
  recordPath,
  removeAll,
  stateOf,
  takeLock,
  UNFINISHED,
} from './dataset-state.js';
import { folderPlaces, partPlace } from './folder-writer.js';
import { toText, type DatasetHead, type SequenceRecord } from './head.js';
import { isThere, placeAll } from './place.js';
import { SHARD_FOLDER } from './shard-writer.js';
import type { FinishedSequence } from './writer.js';

/** A sample's file; what a file manager leaves in folders is none. */
const NUMBERED = /^\d{6,}\.(png|flo)$/;

/**
 * The folder of a data set while it is written, by this process alone. Each sequence is made beside and put
 * in place whole, its record first, so that whatever ends this, what is there is either whole or known.
 */
export class DatasetFolder {
  readonly path: string;
  readonly #head: DatasetHead;
  readonly #lock: Lock;
  readonly #log: Logger;
  readonly #overwrite: boolean;
  readonly #records: Map<string, SequenceRecord>;
  #isFinished: boolean;

  private constructor(options: {
    path: string;
    head: DatasetHead;
    lock: Lock;
    log: Logger;
    overwrite: boolean;
    records: Map<string, SequenceRecord>;
    isFinished: boolean;
  }) {
    this.path = options.path;
    this.#head = options.head;
    this.#lock = options.lock;
    this.#log = options.log;
    this.#overwrite = options.overwrite;
    this.#records = options.records;
    this.#isFinished = options.isFinished;
  }

  /**
   * Takes a folder: a new or empty one, or one of the very same work. With `overwrite` any other too: of
   * another data set all goes, of foreign files what is in the way.
   * @throws FrameloomError exists; bad-option where another process writes it, or it is no folder;
   *   disk-full, write-failed
   */
  static async open(
    path: string,
    head: DatasetHead,
    options: { readonly log: Logger; readonly overwrite: boolean },
  ): Promise<DatasetFolder> {
    const { log, overwrite } = options;
    if (!overwrite && (await look(path)) === 'foreign') throw foreignError(path);
    const lock = await takeLock(path, log);
    try {
      await sweepTemporaries(path, log);
      let state = await stateOf(path);
      if (state && !isDeepStrictEqual(state.head, head)) {
        if (!overwrite) throw otherError(path, state.head, head);
        log.warn(`${path} holds a data set of other work, which is removed`);
        await removeAll(path, log);
        state = undefined;
      }
      // Somebody may have come between looking and locking.
      if (!state && !overwrite && (await look(path)) === 'foreign') throw foreignError(path);
      const records = state ? await readRecords(path) : new Map<string, SequenceRecord>();
      const isFinished = state?.isFinished ?? false;
      return new DatasetFolder({ path, head, lock, log, overwrite, records, isFinished });
    } catch (error) {
      await lock.release().catch(() => undefined);
      throw writeError(path, error);
    }
  }

  /** All sequences that are in their places, by name. */
  get records(): ReadonlyMap<string, SequenceRecord> {
    return this.#records;
  }

  /** Whether nothing has been made since the manifest was written. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Whether a sequence's files are all there, by their number. */
  async isWhole(record: SequenceRecord): Promise<boolean> {
    for (const { path, bytes } of record.shards) {
      const facts = await stat(join(this.path, path)).catch(() => undefined);
      if (facts?.size !== bytes) return false;
    }
    if (!(await isThere(join(this.path, record.checksums)))) return false;
    if (record.shards.length > 0) return true;
    for (const [part, { files }] of Object.entries(record.parts)) {
      const place = join(this.path, partPlace(part as keyof typeof record.parts, record.name));
      if (part === 'actions') {
        if (!(await isThere(place))) return false;
        continue;
      }
      const names = await readdir(place).catch(() => []);
      if (names.filter((each) => NUMBERED.test(each)).length !== files) return false;
    }
    return true;
  }

  /**
   * @throws FrameloomError exists where something that no record knows is in the place of a sequence
   */
  async refuseForeign(name: string): Promise<void> {
    if (this.#overwrite || this.#records.has(name)) return;
    for (const place of await this.#placesOf(name)) {
      if (!(await isThere(join(this.path, place)))) continue;
      throw new FrameloomError('exists', `${join(this.path, place)} is there already`, {
        path: join(this.path, place),
        hint: `name sequences otherwise with ${asGiven('--sequence-names', 'sequenceNames')}, or say ${asGiven('--overwrite (-y)', 'overwrite: true')} to replace it`,
      });
    }
  }

  /** Where files of a sequence are or may be. */
  async #placesOf(name: string): Promise<string[]> {
    if (this.#head.format === 'folders') return folderPlaces(name);
    const shard = new RegExp(`^${name}-\\d{6,}\\.tar$`, 'u');
    const names = await readdir(join(this.path, SHARD_FOLDER)).catch(() => []);
    return names.filter((each) => shard.test(each)).map((each) => `${SHARD_FOLDER}/${each}`);
  }

  /** Says on the disk that there is work under way; before the first sequence. */
  async begin(): Promise<void> {
    if (await isThere(join(this.path, UNFINISHED))) return;
    await this.#write(UNFINISHED, toText(this.#head));
    await rm(join(this.path, MANIFEST), { force: true });
    this.#isFinished = false;
  }

  async #write(name: string, text: string): Promise<void> {
    await writeFileAtomic(join(this.path, name), text, { log: this.#log });
  }

  /**
   * Has a sequence made in a folder of its own, and puts it in place with its record.
   * @throws FrameloomError disk-full, write-failed; what making it throws
   */
  async add(
    name: string,
    make: (
      temporary: string,
    ) => Promise<
      [FinishedSequence, Omit<SequenceRecord, 'name' | 'parts' | 'shards' | 'checksums'>]
    >,
  ): Promise<SequenceRecord> {
    const temporary = await temporaryBeside(join(this.path, 'x'));
    const stay = removeAtExit(temporary);
    try {
      await mkdir(temporary);
      const [{ moves, checksums, parts, shards }, facts] = await make(temporary);
      const record: SequenceRecord = {
        ...{ name, ...facts, parts: { ...parts }, shards: [...shards] },
        checksums: checksumPath(name),
      };
      const old = await this.#placesOf(name);
      // First: what is found half placed is then known to be ours.
      await this.#write(recordPath(name), toText(record));
      await placeAll(this.path, [...moves, { from: checksums, to: record.checksums }], {
        ...{ aside: join(temporary, 'before'), old, log: this.#log },
      });
      this.#records.set(name, record);
      return record;
    } catch (error) {
      throw writeError(this.path, error);
    } finally {
      await removeTemporary(temporary, this.#log);
      stay();
    }
  }

  /**
   * Writes what is said of the whole; the manifest last.
   * @param pipeline text of a pipeline that trains on it; null where none can
   */
  async finish(pipeline: string | null): Promise<void> {
    const records = [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    if (pipeline !== null) await this.#write(PIPELINE, pipeline);
    const sum = (of: (record: SequenceRecord) => number): number =>
      records.reduce((total, record) => total + of(record), 0);
    const partsOf = (record: SequenceRecord) => Object.values(record.parts);
    const manifest = {
      ...this.#head,
      counts: {
        sequences: records.length,
        frames: sum(({ frames }) => frames),
        files: sum((record) => partsOf(record).reduce((total, { files }) => total + files, 0)),
        bytes: sum((record) => partsOf(record).reduce((total, { bytes }) => total + bytes, 0)),
        shards: sum(({ shards }) => shards.length),
      },
      // Times of each frame are in the sequence's own record.
      sequences: records.map(({ timesSeconds, ...record }) => ({
        ...record,
        isVariable: timesSeconds !== null,
      })),
    };
    await this.#write(MANIFEST, toText(manifest));
    await rm(join(this.path, UNFINISHED), { force: true });
    this.#isFinished = true;
  }

  /** Gives the folder back. Never rejects. */
  async close(): Promise<void> {
    await this.#lock.release().catch((error: unknown) => {
      this.#log.warn(`${join(this.path, LOCK)} cannot be given back: ${String(error)}`);
    });
  }
}
