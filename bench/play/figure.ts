import { begin, PERIOD, wrap, type State } from '../../samples/meadow/game.js';
import { drawMeadow } from '../../samples/meadow/picture.js';
import { HEIGHT, WIDTH } from '../../samples/meadow/settings.js';

/** The rows between the grass and the brook: stones that tell where along the meadow a frame is. */
const STONES = { from: 46, to: 57 } as const;
/** Levels of all channels by which the figure differs from what is behind it. */
const SEEN_FROM = 60;
const FAR_UP = -2 * HEIGHT;

const pixel = (a: Uint8Array, b: Uint8Array, i: number): number =>
  Math.abs(a[3 * i]! - b[3 * i]!) +
  Math.abs(a[3 * i + 1]! - b[3 * i + 1]!) +
  Math.abs(a[3 * i + 2]! - b[3 * i + 2]!);

const meadows = new Map<number, Uint8Array>();

/** The meadow with nobody in it, which is as it is by nothing but the place. */
function empty({ x }: State): Uint8Array {
  const place = wrap(x, PERIOD);
  const known = meadows.get(place);
  if (known) return known;
  const meadow = drawMeadow({ ...begin(place), y: FAR_UP });
  meadows.set(place, meadow);
  return meadow;
}

/** What the fox is at in a frame. */
export function pose({ keys, y }: State, before: State): string {
  if (y > before.y) return 'rises';
  if (y < before.y) return keys.duck ? 'drops' : 'falls';
  if (keys.duck) return 'ducks';
  if (keys.jump) return 'glides';
  return keys.left === keys.right ? 'stands' : 'runs';
}

/** How far along the meadow a frame is from where the game is, pixels to the right; by its stones. */
function offset(frame: Uint8Array, state: State): number {
  let [nearest, least] = [0, Infinity];
  // The fox runs by two pixels.
  for (let by = -PERIOD / 2; by < PERIOD / 2; by += 2) {
    const other = empty({ ...state, x: state.x + by });
    let sum = 0;
    for (let i = STONES.from * WIDTH; i < STONES.to * WIDTH; i += 1) sum += pixel(frame, other, i);
    // Of places alike the one where the game is.
    if (sum < least || (sum === least && by === 0)) [nearest, least] = [by, sum];
  }
  return nearest;
}

/**
 * Where a frame of the game is, and how much of the fox is in it.
 * @returns `there`: 1 where its pixels are as the game has them, 0 where they are as far from that as a meadow without it is,
 *   below 0 where they are farther; `isInPlace`: whether the meadow is where the game has it
 */
export function figureIn(
  frame: Uint8Array,
  state: State,
): { readonly there: number; readonly isInPlace: boolean } {
  const by = offset(frame, state);
  const at = { ...state, x: state.x + by };
  const [whole, gone] = [drawMeadow(at), empty(at)];
  let [wrong, most] = [0, 0];
  for (let i = 0; i < WIDTH * HEIGHT; i += 1) {
    const differs = pixel(whole, gone, i);
    if (differs <= SEEN_FROM) continue;
    most += differs;
    wrong += pixel(frame, whole, i);
  }
  return { there: 1 - wrong / most, isInPlace: by === 0 };
}

/** Of a figure of which there is less than so much nobody would say that it is there. */
const GONE = 0.2;

/**
 * The same over a stretch of play: the mean by what the fox is at, the share of frames in which it is gone, and of those that are in
 * place.
 * @param states of the frame before each, and of the last
 */
export function figureOver(
  made: readonly Uint8Array[],
  states: readonly State[],
): { readonly there: Record<string, number>; readonly gone: number; readonly inPlace: number } {
  const found = new Map<string, number[]>();
  let [gone, inPlace] = [0, 0];
  for (const [t, frame] of made.entries()) {
    const { there, isInPlace } = figureIn(frame, states[t + 1]!);
    const name = pose(states[t + 1]!, states[t]!);
    found.set(name, [...(found.get(name) ?? []), there]);
    gone += Number(there < GONE);
    inPlace += Number(isInPlace);
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const there = Object.fromEntries([...found].sort().map(([name, own]) => [name, mean(own)]));
  return { there, gone: gone / made.length, inPlace: inPlace / made.length };
}
