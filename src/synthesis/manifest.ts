import { mkdir, open, readdir, readFile, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { writeError } from '../base/atomic-write.js';
import { silentLogger, type Logger } from '../base/log.js';
import { entrySchema, type ManifestEntry } from './manifest-entry.js';
import type { Shard } from './template.js';

export type { ManifestEntry };

const NAME = 'frameloom-manifest';
const FILE = /^frameloom-manifest(-\d+of\d+)?\.jsonl$/;

/**
 * What a batch has finished: JSON lines beside its outputs. Each shard appends to a file of its own
 * and reads those of all, so that a batch may be cut into other shards later.
 */
export class Manifest {
  readonly folder: string;
  readonly path: string;
  readonly #entries = new Map<string, ManifestEntry>();
  /** By file: a manifest only grows. */
  readonly #seenBytes = new Map<string, number>();
  #file: FileHandle | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(folder: string, shard: Shard | undefined) {
    this.folder = folder;
    const part = shard === undefined ? '' : `-${shard.index}of${shard.count}`;
    this.path = join(folder, `${NAME}${part}.jsonl`);
  }

  /**
   * Reads what is there. A line that was cut short by a kill, or damaged, is passed over.
   * @throws FrameloomError write-failed where it can neither be read nor written
   */
  static async open(
    folder: string,
    options: { shard?: Shard | undefined; log?: Logger } = {},
  ): Promise<Manifest> {
    const manifest = new Manifest(folder, options.shard);
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      throw writeError(manifest.path, error);
    }
    await manifest.refresh(options.log);
    return manifest;
  }

  /**
   * Reads what other processes have added since.
   * @throws FrameloomError write-failed where it cannot be read
   */
  async refresh(log: Logger = silentLogger): Promise<void> {
    try {
      const names = (await readdir(this.folder)).filter((name) => FILE.test(name)).sort();
      for (const name of names) {
        const path = join(this.folder, name);
        const { size } = await stat(path);
        if (this.#seenBytes.get(name) === size) continue;
        this.#seenBytes.set(name, size);
        const passedOver = this.#read(await readFile(path, 'utf8'));
        if (passedOver > 0)
          log.warn(`${path}: ${passedOver} lines cannot be read and are left out`);
      }
    } catch (error) {
      throw writeError(this.path, error);
    }
  }

  #read(text: string): number {
    let passedOver = 0;
    const lines = text.split('\n');
    lines.forEach((line, i) => {
      if (line === '') return;
      const entry = parseLine(line);
      if (entry) this.#entries.set(entry.output, entry);
      // A last line without its end is what a kill leaves: nothing to worry anyone with.
      else if (i < lines.length - 1) passedOver += 1;
    });
    return passedOver;
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
    const written = this.#writing.then(() => this.#append(`${JSON.stringify(entry)}\n`));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #append(line: string): Promise<void> {
    try {
      if (!this.#file) {
        this.#file = await open(this.path, 'a+');
        const { size } = await this.#file.stat();
        const last = Buffer.alloc(1);
        if (size > 0) await this.#file.read(last, 0, 1, size - 1);
        // After a line cut short by a kill a new one begins.
        if (size > 0 && last.toString() !== '\n') await this.#file.appendFile('\n');
      }
      await this.#file.appendFile(line);
      await this.#file.datasync();
    } catch (error) {
      throw writeError(this.path, error);
    }
  }

  async close(): Promise<void> {
    await this.#writing;
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

const NUMBERED = /%0?\d*d/;

/** Removes what a killed process left half-written of these outputs. */
export async function removeLeftovers(outputs: readonly string[]): Promise<void> {
  const byFolder = new Map<string, Set<string>>();
  for (const output of outputs) {
    // Numbered pictures are written into a hidden folder beside theirs.
    const place = resolve(NUMBERED.test(basename(output)) ? dirname(output) : output);
    const names = byFolder.get(dirname(place)) ?? new Set();
    byFolder.set(dirname(place), names.add(basename(place)));
  }
  for (const [folder, names] of byFolder) {
    for (const found of await readdir(folder).catch(() => [])) {
      const [, whole] = /^(?:\.[0-9a-f]{8}\.partial\.)+(.+)$/.exec(found) ?? [];
      if (whole !== undefined && names.has(whole)) {
        await rm(join(folder, found), { recursive: true, force: true });
      }
    }
  }
}
