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
  /** Pixels a frame, upwards. */
  readonly vy: number;
  /** Frames since the beginning: the brook glitters by it. */
  readonly t: number;
  /** What is held down in this frame: the fox's face, its parasol and its blanket. */
  readonly keys: Keys;
}

/** The meadow comes again after so many pixels. */
export const PERIOD = 128;

/** A mossy ledge over the meadow, in pixels of it: the fox can land on top and comes through from below. */
export const LEDGE = { from: 72, to: 98, height: 15 } as const;

const RUN = 2;
const CRAWL = 1;
const JUMP = 3.4;
const GRAVITY = 0.34;
/** A parasol holds the fox up: it sinks no faster. */
const GLIDE = 0.8;
/** Under its blanket it falls fast. */
const DIVE = { gravity: 1, most: 4 };
/** Paws reach over the ledge's ends. */
const REACH = 4;

const NOTHING: Keys = { left: false, right: false, jump: false, duck: false };

/** A fox that stands in the meadow. */
export const begin = (x: number): State => ({ x, y: 0, vx: 0, vy: 0, t: 0, keys: NOTHING });

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

/** One frame on: the keys held down show in it at once. */
export function step(state: State, keys: Keys): State {
  const isStanding = state.vy === 0 && state.y === groundBelow(state.x, state.y);
  const vx = direction(keys) * (keys.duck && isStanding ? CRAWL : RUN);
  const x = state.x + vx;
  let vy = state.vy;
  if (isStanding && keys.jump && !keys.duck) vy = JUMP;
  else if (!isStanding || groundBelow(x, state.y) < state.y) {
    if (keys.duck) vy = Math.max(-DIVE.most, vy - DIVE.gravity);
    else if (keys.jump) vy = Math.max(-GLIDE, vy - GRAVITY);
    else vy -= GRAVITY;
  }
  const ground = groundBelow(x, state.y);
  const y = Math.max(ground, state.y + vy);
  return { x, y, vx, vy: y === ground && vy < 0 ? 0 : vy, t: state.t + 1, keys };
}
