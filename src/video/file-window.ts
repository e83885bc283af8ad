import type { FileHandle } from 'node:fs/promises';

/** Reads a few bytes here and there of a file, from one piece of it held in memory. */
export class FileWindow {
  readonly #file: FileHandle;
  readonly #bytes: Buffer;
  #from = 0;
  #held = 0;

  constructor(file: FileHandle, bytes = 65_536) {
    this.#file = file;
    this.#bytes = Buffer.alloc(bytes);
  }

  /** Bytes of the file, valid until the next call; null where it ends before. */
  async read(at: number, length: number): Promise<Buffer | null> {
    if (at < this.#from || at + length > this.#from + this.#held) {
      this.#from = at;
      this.#held = (await this.#file.read(this.#bytes, 0, this.#bytes.length, at)).bytesRead;
    }
    const offset = at - this.#from;
    return offset + length > this.#held ? null : this.#bytes.subarray(offset, offset + length);
  }
}
