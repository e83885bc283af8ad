import { rationalToNumber, type Rational } from '../base/rational.js';
import type { TimeBase } from './nut.js';

/**
 * What a kind of output does with times: `kept` holds any, each frame with its own; `constant` has
 * one frame after the other at one rate; `none` has no times at all, such as numbered pictures.
 */
export type TimesKind = 'kept' | 'constant' | 'none';

export interface OutputTimesOptions {
  /** The nominal rate: of a constant source the rate, of another one that of most frames. */
  readonly fps: Rational;
  readonly kind: TimesKind;
  /** Two frames cannot be closer in this container, seconds. Default 0: as close as a tick. */
  readonly smallestGapSeconds?: number | undefined;
}

/** Where times stand after some frames; for JSON, which knows no NaN. */
export interface OutputTimesState {
  readonly count: number;
  readonly tick: number;
  readonly seconds: number;
  readonly origin: number | null;
  readonly time: number | null;
  readonly furthestSeconds: number;
}

/** Where a frame goes. */
export interface Place {
  /** In `timeBase`; above that of the frame before. */
  readonly tick: number;
  /** Ticks before this one at which the frame before is to be shown again. Only where `constant`. */
  readonly repeats: number;
}

/** Fine enough to tell any two frames apart, in a number that every container takes. */
const FINEST_TICKS_PER_SECOND = 90_000;

/**
 * Times nearer to the grid of the nominal rate than this were on it before a container rounded
 * them: to milliseconds, sixhundredths or (GIF) hundredths of a second.
 */
const ROUNDING_SECONDS = 0.0052;

/**
 * The times of frames as they are written. The first is at 0. A time at the grid of the nominal
 * rate goes exactly onto it, so that a constant source stays constant; any other is kept. Frames
 * keep their order and each has a tick of its own, however close their times are.
 *
 * A time that says nothing (not a number, the same again) is a frame after the one before; one that
 * goes back is where another source begins, which goes on behind what is there.
 */
export class OutputTimes {
  readonly timeBase: TimeBase;
  readonly #options: OutputTimesOptions;
  readonly #frameSeconds: number;
  readonly #ticksPerFrame: number;
  readonly #gapTicks: number;
  readonly #toleranceSeconds: number;
  #count = 0;
  #tick = 0;
  #origin = Number.NaN;
  #time = Number.NaN;
  #seconds = 0;
  #furthestSeconds = 0;

  /** @param state of times of the same options, which these go on from */
  constructor(options: OutputTimesOptions, state?: OutputTimesState) {
    const { fps, kind, smallestGapSeconds = 0 } = options;
    const ticks = kind === 'kept' ? Math.ceil(FINEST_TICKS_PER_SECOND / fps.num) : 1;
    this.#options = options;
    this.timeBase =
      kind === 'kept' ? { num: 1, den: fps.num * ticks } : { num: fps.den, den: fps.num };
    this.#ticksPerFrame = kind === 'kept' ? fps.den * ticks : 1;
    this.#frameSeconds = 1 / rationalToNumber(fps);
    const gap = (smallestGapSeconds * this.timeBase.den) / this.timeBase.num;
    this.#gapTicks = kind === 'kept' ? Math.max(1, Math.ceil(gap - 1e-6)) : 1;
    this.#toleranceSeconds = Math.min(ROUNDING_SECONDS, this.#frameSeconds / 4);
    if (!state) return;
    this.#count = state.count;
    this.#tick = state.tick;
    this.#origin = state.origin ?? Number.NaN;
    this.#time = state.time ?? Number.NaN;
    this.#seconds = state.seconds;
    this.#furthestSeconds = state.furthestSeconds;
  }

  /** All that the places of further frames depend on. */
  get state(): OutputTimesState {
    const known = (value: number): number | null => (Number.isNaN(value) ? null : value);
    return {
      ...{ count: this.#count, tick: this.#tick, seconds: this.#seconds },
      ...{ origin: known(this.#origin), time: known(this.#time) },
      furthestSeconds: this.#furthestSeconds,
    };
  }

  /** The place of the next frame, by the time that it carries. */
  place(timeSeconds: number): Place {
    const seconds = this.#after(timeSeconds);
    const first = this.#count === 0;
    const last = this.#tick;
    this.#count += 1;
    this.#tick = first ? 0 : this.#tickFor(seconds, last);
    const shown = this.#tick * (this.timeBase.num / this.timeBase.den);
    this.#furthestSeconds = Math.max(this.#furthestSeconds, Math.abs(shown - seconds));
    const skipped = first ? 0 : this.#tick - last - 1;
    return { tick: this.#tick, repeats: this.#options.kind === 'constant' ? skipped : 0 };
  }

  /** When the last frame ends, which is shown for a frame of the nominal rate; 0 before any. */
  get endSeconds(): number {
    if (this.#count === 0) return 0;
    return ((this.#tick + this.#ticksPerFrame) * this.timeBase.num) / this.timeBase.den;
  }

  /** How far a frame was moved at most from where its time says, seconds. */
  get furthestSeconds(): number {
    return this.#options.kind === 'none' ? 0 : this.#furthestSeconds;
  }

  /** Seconds after the first frame, by what frames say. */
  #after(time: number): number {
    const next = this.#seconds + this.#frameSeconds;
    const usable = Number.isFinite(time);
    if (this.#count === 0) {
      if (usable) this.#origin = this.#time = time;
      return 0;
    }
    if (!usable || time === this.#time) return (this.#seconds = next);
    if (Number.isNaN(this.#origin) || time < this.#time) this.#origin = time - next;
    this.#time = time;
    this.#seconds = time - this.#origin;
    return this.#seconds;
  }

  #tickFor(seconds: number, last: number): number {
    const { kind } = this.#options;
    if (kind === 'none') return last + 1;
    const slot = Math.round(seconds / this.#frameSeconds) * this.#ticksPerFrame;
    if (kind === 'constant') return Math.max(slot, last + 1);
    const { num, den } = this.timeBase;
    const onGrid = Math.abs(seconds - (slot * num) / den) <= this.#toleranceSeconds;
    if (onGrid && slot >= last + this.#gapTicks) return slot;
    return Math.max(Math.round((seconds * den) / num), last + this.#gapTicks);
  }
}
