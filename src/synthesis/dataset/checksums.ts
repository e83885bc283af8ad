import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { flush } from '../../base/flush.js';

/** What was written of one kind. */
export interface Written {
  readonly files: number;
  readonly bytes: number;
}

const HELD_CHARACTERS = 1 << 16;

/**
 * Writes a list of hashes as `sha256sum -c` reads it, a line a file, while the files are written: however
 * many there are, few lines are in memory.
 */
export class Checksums {
  readonly #file: FileHandle;
  #held = '';
  #bytes = 0;
  #files = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<Checksums> {
    return new Checksums(await open(path, 'wx'));
  }

  get written(): Written {
    return { files: this.#files, bytes: this.#bytes };
  }

  /** @param name of the file in the list, with `/` */
  async add(name: string, content: Uint8Array): Promise<void> {
    await this.addHash(name, createHash('sha256').update(content).digest('hex'), content.length);
  }

  /** The same of what was hashed elsewhere. */
  async addHash(name: string, sha256: string, bytes: number): Promise<void> {
    this.#files += 1;
    this.#bytes += bytes;
    this.#held += `${sha256}  ${name}\n`;
    if (this.#held.length >= HELD_CHARACTERS) await this.#flush();
  }

  async #flush(): Promise<void> {
    const text = this.#held;
    this.#held = '';
    await this.#file.appendFile(text);
  }

  /** Writes the rest, and waits until all of it is on the disk. */
  async finish(): Promise<void> {
    await this.#flush();
    await flush(this.#file);
    await this.#file.close();
  }

  /** Lets the file go, finished or not. */
  async close(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }
}
