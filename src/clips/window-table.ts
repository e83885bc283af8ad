import { spanLength, windowSpanFrames, type FrameSpan } from './split.js';

/** A stretch of one clip that windows may be taken from: training part, one scene. */
export interface Shot extends FrameSpan {
  readonly clip: number;
}

export interface WindowPlace {
  readonly clip: number;
  readonly startFrame: number;
  /** Frames of the same shot that stand before it. */
  readonly framesBefore: number;
}

/**
 * All windows of one length and stride, numbered: clip by clip, in order of time. Choosing a
 * number uniformly gives every window of every clip the same chance.
 */
export class WindowTable {
  readonly count: number;
  readonly #rows: { readonly shot: Shot; readonly first: number; readonly count: number }[] = [];

  constructor(shots: readonly Shot[], frames: number, strideFrames: number) {
    const span = windowSpanFrames(frames, strideFrames);
    let first = 0;
    for (const shot of shots) {
      const count = Math.max(0, spanLength(shot) - span + 1);
      if (count > 0) this.#rows.push({ shot, first, count });
      first += count;
    }
    this.count = first;
  }

  /** The window of a number in [0, count). */
  at(index: number): WindowPlace {
    let low = 0;
    let high = this.#rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#rows[middle]!.first <= index) low = middle;
      else high = middle - 1;
    }
    const row = this.#rows[low];
    if (!row || index < 0 || index >= this.count) throw new RangeError(`no window ${index}`);
    const framesBefore = index - row.first;
    return { clip: row.shot.clip, startFrame: row.shot.start + framesBefore, framesBefore };
  }

  /** Windows of each clip. */
  countOf(clip: number): number {
    return this.#rows.reduce((sum, row) => sum + (row.shot.clip === clip ? row.count : 0), 0);
  }
}
