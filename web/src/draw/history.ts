import { isEmpty, type Raster, type Rect } from './raster.js';

/** Pixels in a row that changed, before and after. */
interface Run {
  /** The first pixel, row by row. */
  readonly start: number;
  readonly before: Uint8Array<ArrayBuffer>;
  readonly after: Uint8Array<ArrayBuffer>;
  readonly wasThere: Uint8Array<ArrayBuffer>;
  readonly isThere: Uint8Array<ArrayBuffer>;
}

/** One thing that was done, and can be undone. */
export interface Change {
  /** In words, for people: "brush", "fill". */
  readonly what: string;
  /** What it takes in memory. */
  readonly bytes: number;
  undo(): void;
  redo(): void;
}

/** Bytes that a run takes beside its pixels: a few objects. */
const RUN_BYTES = 400;

/**
 * What is different between a raster as it was and as it is, run by run: a change takes as much memory
 * as it changed, not as a picture takes.
 * @param area outside of which nothing changed
 * @returns null where nothing did
 */
export function changeOf(before: Raster, after: Raster, area: Rect, what: string): Change | null {
  if (isEmpty(area)) return null;
  const { width, depth } = after;
  const differs = (pixel: number): boolean => {
    if (before.there[pixel] !== after.there[pixel]) return true;
    for (let at = pixel * depth; at < (pixel + 1) * depth; at += 1) {
      if (before.bytes[at] !== after.bytes[at]) return true;
    }
    return false;
  };
  const runs: Run[] = [];
  let bytes = 0;
  for (let row = area.top; row < area.bottom; row += 1) {
    const last = row * width + area.right;
    for (let pixel = row * width + area.left; pixel < last; pixel += 1) {
      if (!differs(pixel)) continue;
      const start = pixel;
      while (pixel < last && differs(pixel)) pixel += 1;
      runs.push({
        start,
        before: before.bytes.slice(start * depth, pixel * depth),
        after: after.bytes.slice(start * depth, pixel * depth),
        wasThere: before.there.slice(start, pixel),
        isThere: after.there.slice(start, pixel),
      });
      bytes += 2 * (pixel - start) * (depth + 1) + RUN_BYTES;
    }
  }
  if (runs.length === 0) return null;
  const apply = (forward: boolean): void => {
    for (const run of runs) {
      after.bytes.set(forward ? run.after : run.before, run.start * depth);
      after.there.set(forward ? run.isThere : run.wasThere, run.start);
    }
  };
  return { what, bytes, undo: () => apply(false), redo: () => apply(true) };
}

/** What can be undone, and done again. The oldest are forgotten before their memory is too much. */
export class History {
  readonly #done: Change[] = [];
  readonly #undone: Change[] = [];
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes: number = 32 * 2 ** 20) {
    this.#mostBytes = mostBytes;
  }

  /** What `undo` would take back, in words; null where there is nothing. */
  get undoes(): string | null {
    return this.#done.at(-1)?.what ?? null;
  }

  get redoes(): string | null {
    return this.#undone.at(-1)?.what ?? null;
  }

  /** Memory that is held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps what was done; what was undone before can no longer be done again. */
  add(change: Change | null): void {
    if (!change) return;
    for (const { bytes } of this.#undone.splice(0)) this.#bytes -= bytes;
    this.#done.push(change);
    this.#bytes += change.bytes;
    while (this.#bytes > this.#mostBytes && this.#done.length > 1) {
      this.#bytes -= this.#done.shift()!.bytes;
    }
  }

  /** @returns what was taken back, in words; null where there was nothing */
  undo(): string | null {
    const change = this.#done.pop();
    if (!change) return null;
    change.undo();
    this.#undone.push(change);
    return change.what;
  }

  redo(): string | null {
    const change = this.#undone.pop();
    if (!change) return null;
    change.redo();
    this.#done.push(change);
    return change.what;
  }

  clear(): void {
    this.#done.length = 0;
    this.#undone.length = 0;
    this.#bytes = 0;
  }
}
