import { FrameloomError } from '../base/error.js';
import type { FrameSource } from './from-frames.js';
import { iterateFrames } from './iterate-frames.js';
import type { Frame } from './types.js';

/** One of several readings of the same frames. */
export type FrameBranch = AsyncIterableIterator<Frame>;

/**
 * The same frames several times over, as for two outputs of one decode: an async iterable for each. A
 * frame is asked for when all have taken the one before, so that the slowest sets the pace and nothing
 * piles up; therefore they have to be consumed at the same time (`Promise.all`), not one after the
 * other. One that is left (`break`, an error of whoever writes it) no longer holds up the others, and
 * when all are left the source is. Every branch gets bytes of its own.
 *
 * @param count branches, from 1
 * @throws FrameloomError bad-option for another count; each branch what the source throws
 */
export function teeFrames(source: FrameSource, count?: 2): [FrameBranch, FrameBranch];
export function teeFrames(source: FrameSource, count: 3): [FrameBranch, FrameBranch, FrameBranch];
export function teeFrames(source: FrameSource, count: number): FrameBranch[];
export function teeFrames(source: FrameSource, count = 2): FrameBranch[] {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new FrameloomError('bad-option', `count is ${count}, not a whole number from 1`);
  }
  const trunk = new Trunk(source, count);
  return trunk.branches;
}

/** What all branches read from. */
class Trunk {
  readonly branches: Branch[];
  readonly #frames: AsyncGenerator<Frame, void, undefined>;
  #isReading = false;
  #end: { readonly error?: unknown } | undefined;

  constructor(source: FrameSource, count: number) {
    this.#frames = iterateFrames(source);
    this.branches = Array.from({ length: count }, () => new Branch(this));
  }

  get end(): { readonly error?: unknown } | undefined {
    return this.#end;
  }

  #living(): Branch[] {
    return this.branches.filter(({ isLeft }) => !isLeft);
  }

  /** Reads on where every branch has taken the last frame. What it fails with each branch tells. */
  readOn(): void {
    const living = this.#living();
    if (this.#isReading || this.#end || living.some(({ frame }) => frame)) return;
    this.#isReading = true;
    this.#frames
      .next()
      .then(
        ({ value, done }) => {
          if (done === true) this.#end = {};
          else {
            this.#living().forEach((branch, i) => {
              branch.frame = i === 0 ? value : { ...value, data: Uint8Array.from(value.data) };
            });
          }
        },
        (error: unknown) => {
          this.#end = { error };
        },
      )
      .finally(() => {
        this.#isReading = false;
        for (const branch of this.branches) branch.wake();
      });
  }

  /** A branch was left: the others may be waiting for it. */
  async left(): Promise<void> {
    if (this.#living().length > 0) {
      for (const branch of this.branches) branch.wake();
    } else if (!this.#end) {
      this.#end = {};
      await this.#frames.return();
    }
  }
}

/** No generator: one that was never begun could not be left. */
class Branch implements AsyncIterableIterator<Frame> {
  frame: Frame | undefined;
  isLeft = false;
  readonly #trunk: Trunk;
  #waiting: (() => void)[] = [];

  constructor(trunk: Trunk) {
    this.#trunk = trunk;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async next(): Promise<IteratorResult<Frame, undefined>> {
    const trunk = this.#trunk;
    while (!this.frame) {
      const { end } = trunk;
      if (this.isLeft || end) {
        if (end && 'error' in end && !this.isLeft) throw end.error;
        return { value: undefined, done: true };
      }
      trunk.readOn();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const value = this.frame;
    this.frame = undefined;
    return { value, done: false };
  }

  async return(): Promise<IteratorResult<Frame, undefined>> {
    if (!this.isLeft) {
      this.isLeft = true;
      this.frame = undefined;
      this.wake();
      await this.#trunk.left();
    }
    return { value: undefined, done: true };
  }
}
