/** What the player holds down. */
export interface Keys {
  readonly left: boolean;
  readonly right: boolean;
  readonly jump: boolean;
  readonly duck: boolean;
}

/** The keys in the order of the columns. */
export const KEYS = ['left', 'right', 'jump', 'duck'] as const satisfies readonly (keyof Keys)[];

/** Everything that the next frame depends on, beside the keys. */
export interface State {
  /** Of the fox along the meadow, pixels. */
  readonly x: number;
  /** Of its feet above the grass, pixels. */
  readonly y: number;
  /** Pixels a frame, to the right. */
  readonly vx: number;
  /** What is held down in this frame: the fox's face, its parasol and its blanket. */
  readonly keys: Keys;
}

/** The meadow comes again after so many pixels: all of it is in sight, wherever the fox is. */
export const PERIOD = 64;

/** A mossy ledge over the meadow, in pixels of it: the fox can land on top and comes through from below. */
export const LEDGE = { from: 36, to: 60, height: 16 } as const;

// All steps are even, so that there are 32 places along the meadow and 15 heights.
export const RUN = 2;
/** Under its parasol the wind takes it up, pixels a frame, and no higher than so far. */
const RISE = 2;
const HIGHEST = 28;
/** Without it, or under its blanket too, it comes down. */
const FALL = 2;
/** Under its blanket alone it drops. */
const DROP = 4;
/** Paws reach over the ledge's ends. */
const REACH = 4;

const NOTHING: Keys = { left: false, right: false, jump: false, duck: false };

/** A fox that stands in the meadow. */
export const begin = (x: number): State => ({ x, y: 0, vx: 0, keys: NOTHING });

/** Which way it wants to go: 1 right, -1 left, 0 neither. */
export const direction = ({ left, right }: Keys): number => Number(right) - Number(left);

/** Where a number lies in a period. */
export const wrap = (x: number, period: number): number => ((x % period) + period) % period;

const isOverLedge = (x: number): boolean => {
  const at = wrap(x, PERIOD);
  return at >= LEDGE.from - REACH && at <= LEDGE.to + REACH;
};

/** What stands below, where it is reached from above. */
const groundBelow = (x: number, y: number): number =>
  isOverLedge(x) && y >= LEDGE.height ? LEDGE.height : 0;

/** How much higher the keys take it in a frame. */
function lift({ jump, duck }: Keys): number {
  if (jump) return duck ? -FALL : RISE;
  return duck ? -DROP : -FALL;
}

/**
 * One frame on. Where it is and what is held down is all there is to know: nothing is hidden in how it got there, so
 * that one picture and the keys tell the next.
 */
export function step(state: State, keys: Keys): State {
  const vx = direction(keys) * RUN;
  const x = state.x + vx;
  const y = Math.min(HIGHEST, Math.max(groundBelow(x, state.y), state.y + lift(keys)));
  return { x, y, vx, keys };
}
