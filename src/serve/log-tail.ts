import { open } from 'node:fs/promises';
import type { StepLine } from '../training/run/step-log.js';

/** Bytes in front of where it was read to, by which it is known whether that still stands there. */
const MARK_BYTES = 256;
/** Bytes that are read at once. */
const CHUNK = 1 << 20;

/** What was added to a log. */
export interface NewLines {
  readonly lines: readonly StepLine[];
  /** The log is another one now, as when a training goes back to an earlier step: these are all its lines. */
  readonly replaced: boolean;
}

/** Follows the log of a training that somebody else writes. */
export class LogTail {
  readonly #path: string;
  #at = 0;
  #mark = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** What came since the last call; a line that is not whole yet comes with a later one. */
  async read(): Promise<NewLines> {
    const file = await open(this.#path).catch(() => null);
    if (!file) {
      const replaced = this.#at > 0;
      this.#forget();
      return { lines: [], replaced };
    }
    try {
      const { size } = await file.stat();
      const before = Buffer.alloc(this.#mark.length);
      await file.read(before, 0, before.length, this.#at - before.length);
      const replaced = this.#at > 0 && (size < this.#at || !before.equals(this.#mark));
      if (replaced) this.#forget();
      const parts: Buffer[] = [];
      for (let at = this.#at; at < size;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, at);
        if (bytesRead === 0) break;
        parts.push(buffer.subarray(0, bytesRead));
        at += bytesRead;
      }
      const bytes = Buffer.concat(parts);
      const end = bytes.lastIndexOf(10) + 1;
      if (end === 0) return { lines: [], replaced };
      const whole = bytes.subarray(0, end);
      this.#at += end;
      this.#mark = Buffer.from(whole.subarray(-MARK_BYTES));
      return { lines: whole.toString('utf8').split('\n').flatMap(parsed), replaced };
    } finally {
      await file.close();
    }
  }

  #forget(): void {
    this.#at = 0;
    this.#mark = Buffer.alloc(0);
  }
}

/** A line of the log; none of what is none. */
function parsed(text: string): StepLine[] {
  try {
    const value = JSON.parse(text) as StepLine | null;
    return typeof value?.step === 'number' ? [value] : [];
  } catch {
    return [];
  }
}
