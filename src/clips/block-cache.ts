import { randomBytes } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../base/error.js';
import { makeFolder } from '../base/make-folder.mjs';
import type { Logger } from '../base/log.js';

export interface BlockCacheOptions {
  readonly memoryBytes: number;
  readonly diskBytes: number;
  /** Where the disk part lies; the system's folder for temporary files unless given. */
  readonly folder?: string | undefined;
  readonly log: Logger;
}

interface Slot {
  readonly offset: number;
  readonly length: number;
}

/**
 * Byte blocks by number: the latest used in memory, what falls out of memory on disk, the rest
 * forgotten. Both parts stay within their bounds. Windows are drawn uniformly, so that no block on
 * disk deserves its place more than another: a full disk part takes no more, and evicts nothing.
 * The file has no name while it is open (where the system allows), so nothing is left behind even
 * by a killed process.
 */
export class BlockCache {
  readonly #options: BlockCacheOptions;
  readonly #memory = new Map<number, Uint8Array>();
  readonly #writing = new Map<number, Uint8Array>();
  readonly #slots = new Map<number, Slot>();
  #memoryUsed = 0;
  #diskUsed = 0;
  #diskUsable = true;
  #file: Promise<{ handle: FileHandle; path: string }> | undefined;

  constructor(options: BlockCacheOptions) {
    this.#options = options;
  }

  get usage(): { memoryBytes: number; diskBytes: number } {
    return { memoryBytes: this.#memoryUsed, diskBytes: this.#diskUsed };
  }

  /** Whether so many bytes more would be kept without anything being forgotten. */
  hasRoomFor(bytes: number): boolean {
    const { memoryBytes, diskBytes } = this.#options;
    const disk = this.#diskUsable ? diskBytes - this.#diskUsed : 0;
    return bytes <= memoryBytes - this.#memoryUsed + disk;
  }

  has(block: number): boolean {
    return this.#memory.has(block) || this.#writing.has(block) || this.#slots.has(block);
  }

  /** A block that is in memory, at once. */
  peek(block: number): Uint8Array | undefined {
    const bytes = this.#memory.get(block);
    if (bytes) {
      this.#memory.delete(block);
      this.#memory.set(block, bytes);
    }
    return bytes ?? this.#writing.get(block);
  }

  /** A block from memory or disk; undefined where it has to be decoded. */
  async get(block: number): Promise<Uint8Array | undefined> {
    const held = this.peek(block);
    if (held) return held;
    const slot = this.#slots.get(block);
    if (!slot || !this.#file) return undefined;
    const { handle } = await this.#file;
    const bytes = new Uint8Array(slot.length);
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await handle.read(bytes, done, bytes.length - done, slot.offset + done);
      if (bytesRead === 0) return undefined;
      done += bytesRead;
    }
    await this.put(block, bytes);
    return bytes;
  }

  /** Keeps a block; resolves when what it pushed out of memory is on disk or forgotten. */
  async put(block: number, bytes: Uint8Array): Promise<void> {
    const before = this.#memory.get(block);
    if (before) this.#memoryUsed -= before.length;
    this.#memory.delete(block);
    this.#memory.set(block, bytes);
    this.#memoryUsed += bytes.length;
    const writes: Promise<void>[] = [];
    for (const [oldest, content] of this.#memory) {
      if (this.#memoryUsed <= this.#options.memoryBytes) break;
      this.#memory.delete(oldest);
      this.#memoryUsed -= content.length;
      if (!this.#slots.has(oldest) && !this.#writing.has(oldest)) {
        writes.push(this.#store(oldest, content));
      }
    }
    await Promise.all(writes);
  }

  async close(): Promise<void> {
    this.#memory.clear();
    this.#slots.clear();
    this.#memoryUsed = 0;
    this.#diskUsable = false;
    const file = await this.#file?.catch(() => undefined);
    this.#file = undefined;
    if (!file) return;
    await file.handle.close();
    await rm(file.path, { force: true });
  }

  async #store(block: number, bytes: Uint8Array): Promise<void> {
    const { diskBytes } = this.#options;
    if (!this.#diskUsable || this.#diskUsed + bytes.length > diskBytes) return;
    const offset = this.#diskUsed;
    this.#diskUsed += bytes.length;
    this.#writing.set(block, bytes);
    try {
      this.#file ??= this.#open();
      const { handle } = await this.#file;
      let done = 0;
      while (done < bytes.length) {
        const { bytesWritten } = await handle.write(
          bytes,
          done,
          bytes.length - done,
          offset + done,
        );
        done += bytesWritten;
      }
      this.#slots.set(block, { offset, length: bytes.length });
    } catch (error) {
      this.#giveUpDisk(error);
    } finally {
      this.#writing.delete(block);
    }
  }

  /** Training needs no disk cache: without it, frames are decoded again. */
  #giveUpDisk(error: unknown): void {
    if (this.#diskUsable) {
      this.#options.log.warn(`the cache of frames on disk is off: ${messageOf(error)}`);
    }
    this.#diskUsable = false;
  }

  async #open(): Promise<{ handle: FileHandle; path: string }> {
    const folder = this.#options.folder ?? tmpdir();
    await makeFolder(folder);
    const path = join(folder, `frames-${randomBytes(6).toString('hex')}.raw`);
    const handle = await open(path, 'wx+');
    // Windows cannot remove an open file; there it goes in close().
    if (process.platform !== 'win32') await rm(path, { force: true });
    return { handle, path };
  }
}
