import { rationalToNumber, type Rational } from '../base/rational.js';
import {
  type ChosenClock,
  chooseClock,
  type ContainerClock,
  FRAMES_OUT_OF_ORDER,
  MOST_TICKS_OUT_OF_ORDER,
  type TimesAhead,
  tooLong,
} from './container-clock.js';
import type { TimeBase } from './nut.js';

/**
 * What a kind of output does with times: `kept` holds any, each frame with its own; `constant` has
 * one frame after the other at one rate; `none` has no times at all, such as numbered pictures.
 */
export type TimesKind = 'kept' | 'constant' | 'none';

export interface OutputTimesOptions extends TimesAhead {
  /** The nominal rate: of a constant source the rate, of another one that of most frames. */
  readonly fps: Rational;
  readonly kind: TimesKind;
  /** Two frames cannot be closer in this container, seconds. Default 0: as close as a tick. */
  readonly smallestGapSeconds?: number | undefined;
  /** What the container's clock can count. Default: anything. */
  readonly clock?: ContainerClock | undefined;
  /** What errors name. */
  readonly format?: string | undefined;
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
  /** How often the frame before is to be shown again before this one, each time after `repeatTicks`. */
  readonly repeats: number;
}

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
  /** From a frame to its repeat, and from that to the next. */
  readonly repeatTicks: number;
  readonly #options: OutputTimesOptions;
  readonly #clock: ChosenClock;
  readonly #frameSeconds: number;
  readonly #ticksPerFrame: number;
  readonly #gapTicks: number;
  readonly #toleranceSeconds: number;
  /** Of the last frames, where these may be put out of order. */
  readonly #ticks: number[] = [];
  #count = 0;
  #tick = 0;
  #origin = Number.NaN;
  #time = Number.NaN;
  #seconds = 0;
  #furthestSeconds = 0;

  /**
   * @param state of times of the same options, which these go on from
   * @throws FrameloomError bad-input of a pause that the container cannot hold
   */
  constructor(options: OutputTimesOptions, state?: OutputTimesState) {
    const { fps, kind, smallestGapSeconds = 0, format } = options;
    this.#options = options;
    this.#clock = chooseClock(fps, options, kind === 'kept' ? options.clock : undefined, format);
    const { ticksPerSecond, longestSeconds = Infinity } = this.#clock;
    this.timeBase =
      kind === 'kept' ? { num: 1, den: ticksPerSecond } : { num: fps.den, den: fps.num };
    this.#ticksPerFrame = kind === 'kept' ? (fps.den * ticksPerSecond) / fps.num : 1;
    this.repeatTicks = kind === 'kept' ? Math.floor(longestSeconds * ticksPerSecond) : 1;
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
    if (this.#clock.reorders) this.#ticks.push(this.#tick);
    if (this.#ticks.length > FRAMES_OUT_OF_ORDER) this.#ticks.shift();
    if (first) return { tick: 0, repeats: 0 };
    this.#assertFits(this.#tick - last);
    return { tick: this.#tick, repeats: this.#repeatsIn(this.#tick - last) };
  }

  /** How often the last frame is to be shown again behind itself, each time after `repeatTicks`. */
  get endRepeats(): number {
    return this.#count === 0 ? 0 : this.#repeatsIn(this.#lastTicks);
  }

  /** When the last frame ends; 0 before any. */
  get endSeconds(): number {
    if (this.#count === 0) return 0;
    return ((this.#tick + this.#lastTicks) * this.timeBase.num) / this.timeBase.den;
  }

  /** How long the last frame is shown when it has been repeated, seconds. */
  get finalSeconds(): number {
    const ticks = this.#lastTicks - this.#repeatsIn(this.#lastTicks) * this.repeatTicks;
    return (ticks * this.timeBase.num) / this.timeBase.den;
  }

  /** How long a last frame is shown that is shown longer than others, seconds. */
  get longLastSeconds(): number | undefined {
    if (this.#count === 0 || this.#lastTicks === this.#ticksPerFrame) return undefined;
    return (this.#lastTicks * this.timeBase.num) / this.timeBase.den;
  }

  /** The codec may put frames out of order, where it does that. */
  get reorders(): boolean {
    return this.#clock.reorders;
  }

  /** How far a frame was moved at most from where its time says, seconds. */
  get furthestSeconds(): number {
    return this.#options.kind === 'none' ? 0 : this.#furthestSeconds;
  }

  /** That of the nominal rate, but for one that is visibly longer. */
  get #lastTicks(): number {
    const { lastFrameSeconds = 0, kind } = this.#options;
    if (kind === 'none' || lastFrameSeconds <= this.#frameSeconds + this.#toleranceSeconds) {
      return this.#ticksPerFrame;
    }
    return Math.round((lastFrameSeconds * this.timeBase.den) / this.timeBase.num);
  }

  #repeatsIn(ticks: number): number {
    const { kind } = this.#options;
    if (kind === 'none' || (kind === 'kept' && !this.#clock.showsAgain)) return 0;
    return Math.max(0, Math.ceil(ticks / this.repeatTicks) - 1);
  }

  /** @throws FrameloomError bad-input */
  #assertFits(ticks: number): void {
    const { mostTicks, longestSeconds = Infinity, showsAgain, reorders } = this.#clock;
    if (this.#options.kind !== 'kept' || showsAgain) return;
    const seconds = ticks / this.timeBase.den;
    const { format = 'it' } = this.#options;
    if (ticks > mostTicks || seconds > longestSeconds) {
      throw tooLong(seconds, format, this.#count - 1);
    }
    if (!reorders) return;
    const span = this.#tick - (this.#ticks[0] ?? 0);
    if (span > MOST_TICKS_OUT_OF_ORDER) {
      throw tooLong(span / this.timeBase.den, format, this.#count - 1);
    }
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
    const slot = Math.round(Math.round(seconds / this.#frameSeconds) * this.#ticksPerFrame);
    if (kind === 'constant') return Math.max(slot, last + 1);
    const { num, den } = this.timeBase;
    const onGrid = Math.abs(seconds - (slot * num) / den) <= this.#toleranceSeconds;
    if (onGrid && slot >= last + this.#gapTicks) return slot;
    return Math.max(Math.round((seconds * den) / num), last + this.#gapTicks);
  }
}
