import { FrameloomError } from '../base/error.js';
import type { Rational } from '../base/rational.js';

/** What a container's clock can count. */
export interface ContainerClock {
  /** Ticks a second at least, where nothing speaks against it. */
  readonly finest: number;
  /** Ticks from one frame to the next at most. */
  readonly mostTicks: number;
  /** Its codec may put frames out of order, and then counts from each to when it is shown. */
  readonly mayReorder?: boolean;
  /** Seconds from one frame to the next at most, however they are counted. */
  readonly longestSeconds?: number;
  /** A frame that is shown longer than that is written again; otherwise it is an error. */
  readonly showsAgain?: boolean;
}

/** What is known beforehand of the times that are to be written. */
export interface TimesAhead {
  /** The longest time from a frame to the next, seconds; undefined where nobody knows. */
  readonly longestPauseSeconds?: number | undefined;
  /** How long the last frame is shown, seconds. Default: a frame of the nominal rate. */
  readonly lastFrameSeconds?: number | undefined;
}

/** Fine enough to tell any two frames apart, in a number that every container takes. */
const UNLIMITED: ContainerClock = { finest: 90_000, mostTicks: Number.MAX_SAFE_INTEGER };
/** Coarser ticks than these would move frames visibly. */
const COARSEST = 100;
/** More would leave no room for pauses, in ticks of 32 bits. */
const MOST_TICKS_A_SECOND = 1_000_000;
/** Of a film that stands still for so long nothing is gained by frames out of order. */
const STILL_SECONDS = 60;
/** Readers of MP4 take no more from when a frame is decoded to when it is shown. */
export const MOST_TICKS_OUT_OF_ORDER = 2 ** 28;
/** Frames between those two at most, in x264's slowest preset. */
export const FRAMES_OUT_OF_ORDER = 18;

/** The ticks of a clock that is chosen for a film. */
export interface ChosenClock extends ContainerClock {
  readonly ticksPerSecond: number;
  /** Frames may be put out of order. */
  readonly reorders: boolean;
}

/**
 * Ticks in which a film can be written: those of the nominal rate exactly, unless there is a pause in
 * it that 32 bits of such ticks do not hold.
 * @throws FrameloomError bad-input where no ticks hold the pause
 */
export function chooseClock(
  fps: Rational,
  ahead: TimesAhead,
  clock = UNLIMITED,
  format = 'it',
): ChosenClock {
  const { finest, mostTicks, longestSeconds = Infinity, mayReorder = false } = clock;
  const longest = Math.max(ahead.longestPauseSeconds ?? 0, ahead.lastFrameSeconds ?? 0);
  const most = Math.min(
    MOST_TICKS_A_SECOND,
    longest > 0 ? Math.floor(mostTicks / longest) : Infinity,
  );
  const fits = most >= COARSEST && (clock.showsAgain === true || longest <= longestSeconds);
  if (!fits) throw tooLong(longest, format);
  const exact = fps.num * Math.ceil(finest / fps.num);
  const coarser = fps.num * Math.floor(most / fps.num);
  const ticksPerSecond = exact <= most ? exact : coarser > 0 ? coarser : Math.min(finest, most);
  return { ...clock, ticksPerSecond, reorders: mayReorder && longest <= STILL_SECONDS };
}

/** A pause that a container cannot hold. */
export const tooLong = (seconds: number, format: string, frame?: number): FrameloomError =>
  new FrameloomError(
    'bad-input',
    `${frame === undefined ? 'a frame' : `the frame before frame ${frame}`} is shown for ${Math.round(seconds)} s, longer than ${format} can hold`,
    { hint: 'write mkv' },
  );
