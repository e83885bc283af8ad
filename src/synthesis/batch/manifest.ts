import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { flush } from '../../base/flush.js';
import { withLock } from '../../base/lock.mjs';
import { makeFolder } from '../../base/make-folder.mjs';
import { assertWritable, writeError } from '../../base/outputs.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { entrySchema, type ManifestEntry } from './manifest-entry.js';
import type { Shard } from './template.js';

export type { ManifestEntry };

/** Small files of who works at what, beside the outputs. */
export const CLAIMS_FOLDER = '.frameloom-claims';

/** A line is written in a moment. */
const TURN_POLL_MS = 20;

const NAME = 'frameloom-manifest';
const FILE = /^frameloom-manifest(-\d+of\d+)?\.jsonl$/;

/** As much of a manifest is read at once. */
const CHUNK_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/** The manifest cannot be written: no failure of a job, but of the batch. */
export class ManifestError extends Error {
  constructor(cause: unknown) {
    super('the manifest cannot be written', { cause });
  }
}

/** How far a file has been read. */
interface Place {
  /** Which file it was: another one may be put in its place. */
  readonly id: string;
  bytes: number;
  /** A line begun before that and not ended: it is being written, or was cut short. */
  begun: Buffer;
}

const idOf = (facts: { dev: number; ino: number }): string => `${facts.dev}:${facts.ino}`;

/**
 * What a batch has finished: JSON lines beside its outputs. Each shard appends to a file of its own
 * and reads those of all, so that a batch may be cut into other shards later. Files are read onward
 * from where they were left, so that a long batch reads each line once.
 */
export class Manifest {
  readonly folder: string;
  readonly path: string;
  readonly #log: Logger;
  readonly #shared: boolean;
  readonly #entries = new Map<string, ManifestEntry>();
  /** By name: what of a file is known. */
  readonly #places = new Map<string, Place>();
  /** Lines of ours that lie behind lines of others, and need no parsing when they are met. */
  readonly #own = new Map<string, ManifestEntry>();
  #bytesRead = 0;
  #file: FileHandle | undefined;
  /** Reading and writing, one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, shard: Shard | undefined, log: Logger, shared: boolean) {
    this.#shared = shared;
    this.folder = folder;
    const part = shard === undefined ? '' : `-${shard.index}of${shard.count}`;
    this.path = join(folder, `${NAME}${part}.jsonl`);
    this.#log = log;
  }

  /**
   * Reads what is there. A line that was cut short by a kill, or damaged, is passed over.
   * @throws FrameloomError write-failed where it can neither be read nor written
   */
  static async open(
    folder: string,
    options: {
      shard?: Shard | undefined;
      log?: Logger;
      /**
       * Other machines append to the same file. Disks of networks let two of them write to one place, so they take
       * turns by a lock.
       */
      shared?: boolean;
      /** Nothing will be added: no folder is made, and one that is not there holds nothing. */
      readOnly?: boolean;
    } = {},
  ): Promise<Manifest> {
    const manifest = new Manifest(
      folder,
      options.shard,
      options.log ?? silentLogger,
      options.shared ?? false,
    );
    if (options.readOnly) {
      const isThere = await stat(folder).catch(() => undefined);
      if (isThere) await manifest.refresh();
      // As it is told where the folder is made.
      else await assertWritable(manifest.path);
      return manifest;
    }
    try {
      await makeFolder(folder);
    } catch (error) {
      throw writeError(manifest.path, error);
    }
    await manifest.refresh();
    return manifest;
  }

  /** Of outputs that are on no disk: it knows of none, and nothing is added. */
  static none(): Manifest {
    return new Manifest('.', undefined, silentLogger, false);
  }

  /** Bytes read from manifests so far: each once, and none of what only this process added. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /**
   * Reads what other processes have added since. A manifest that was replaced by another one is read
   * anew, and what it no longer says is forgotten.
   * @throws FrameloomError write-failed where it cannot be read
   */
  refresh(): Promise<void> {
    return this.#inTurn(() => this.#readOnward());
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work).catch((error: unknown) => {
      throw writeError(this.path, error);
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #readOnward(): Promise<void> {
    const found = await this.#files();
    for (const [name, place] of this.#places) {
      const now = found.get(name);
      const shorter = now === undefined || now.size < place.bytes;
      if (!shorter && now.id === place.id) continue;
      // Files' numbers change by themselves on some disks: that alone worries nobody.
      const tell = shorter ? 'warn' : 'debug';
      this.#log[tell](`${join(this.folder, name)} was replaced: manifests are read anew`);
      for (const known of [this.#places, this.#entries, this.#own]) known.clear();
      break;
    }
    for (const [name, { id, size }] of found) {
      const place = this.#places.get(name) ?? { id, bytes: 0, begun: Buffer.alloc(0) };
      this.#places.set(name, place);
      if (place.bytes < size) await this.#readFile(join(this.folder, name), place);
    }
  }

  /** The manifests of all shards, as they are now. */
  async #files(): Promise<Map<string, { id: string; size: number }>> {
    const found = new Map<string, { id: string; size: number }>();
    for (const name of (await readdir(this.folder)).filter((each) => FILE.test(each)).sort()) {
      const facts = await stat(join(this.folder, name));
      found.set(name, { id: idOf(facts), size: facts.size });
    }
    return found;
  }

  async #readFile(path: string, place: Place): Promise<void> {
    const file = await open(path, 'r');
    let passedOver = 0;
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (;;) {
        const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, place.bytes);
        if (bytesRead === 0) break;
        this.#bytesRead += bytesRead;
        place.bytes += bytesRead;
        const known = Buffer.concat([place.begun, chunk.subarray(0, bytesRead)]);
        const end = known.lastIndexOf(NEWLINE) + 1;
        place.begun = Buffer.from(known.subarray(end));
        for (const line of known.toString('utf8', 0, end).split('\n')) {
          if (!this.#take(line)) passedOver += 1;
        }
      }
      // It may be whole but for its end, as an editor leaves it.
      this.#take(place.begun.toString());
    } finally {
      await file.close();
    }
    if (passedOver > 0)
      this.#log.warn(`${path}: ${passedOver} lines cannot be read and are left out`);
  }

  /** @returns false where a line cannot be read */
  #take(line: string): boolean {
    if (line === '') return true;
    const entry = this.#own.get(line) ?? parseLine(line);
    this.#own.delete(line);
    if (entry) this.#entries.set(entry.output, entry);
    return entry !== undefined;
  }

  /** An output's name in the manifest. */
  key(output: string): string {
    return relative(resolve(this.folder), resolve(output)).replaceAll('\\', '/');
  }

  find(output: string): ManifestEntry | undefined {
    return this.#entries.get(this.key(output));
  }

  /**
   * Adds an entry; it is on disk when this resolves.
   * @throws FrameloomError disk-full, write-failed
   */
  add(entry: ManifestEntry): Promise<void> {
    this.#entries.set(entry.output, entry);
    return this.#inTurn(() => (this.#shared ? this.#appendShared(entry) : this.#append(entry)));
  }

  /** Adds what was made of a job. @throws ManifestError of what {@link add} throws */
  async enter(entry: ManifestEntry): Promise<void> {
    await this.add(entry).catch((cause: unknown) => {
      throw new ManifestError(cause);
    });
  }

  /** Opened anew when it is our turn: then a network's disk shows what others have written. */
  async #appendShared(entry: ManifestEntry): Promise<void> {
    await withLock(
      join(this.folder, CLAIMS_FOLDER, 'manifest.lock'),
      () => this.#appendAnew(entry),
      {
        pollMs: TURN_POLL_MS,
      },
    );
  }

  async #appendAnew(entry: ManifestEntry): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    await this.#append(entry);
  }

  async #append(entry: ManifestEntry): Promise<void> {
    const line = JSON.stringify(entry);
    const file = await this.#openFile();
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    // After a line cut short by a kill a new one begins.
    const text = size > 0 && last[0] !== NEWLINE ? `\n${line}\n` : `${line}\n`;
    await file.appendFile(text);
    await flush(file);
    const facts = await file.stat();
    const name = basename(this.path);
    const place = this.#places.get(name) ?? { id: idOf(facts), bytes: 0, begun: Buffer.alloc(0) };
    this.#places.set(name, place);
    this.#entries.set(entry.output, entry);
    if (place.id === idOf(facts) && facts.size === place.bytes + Buffer.byteLength(text)) {
      // Nobody else wrote meanwhile: there is nothing to read.
      place.bytes = facts.size;
      place.begun = Buffer.alloc(0);
    } else {
      this.#own.set(line, entry);
    }
  }

  /** Ours, opened again where another file was put in its place: nobody would read the old one. */
  async #openFile(): Promise<FileHandle> {
    const there = await stat(this.path).catch(() => undefined);
    if (this.#file && there && idOf(await this.#file.stat()) === idOf(there)) return this.#file;
    await this.#file?.close();
    this.#file = undefined;
    return (this.#file = await open(this.path, 'a+'));
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file?.close();
    this.#file = undefined;
  }
}

function parseLine(line: string): ManifestEntry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
