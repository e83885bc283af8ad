import { randomStream, type RandomStream } from '../../src/base/random.js';
import { begin, KEYS, LEDGE, PERIOD, RUN, step, wrap, type Keys, type State } from './game.js';

/** What the player is about, for a while. */
type Plan = (state: State, random: RandomStream) => Keys;

const keys = (held: Partial<Keys>): Keys => ({
  ...{ left: false, right: false, jump: false, duck: false },
  ...held,
});

/** Runs and leaps, more often where the ledge comes near. */
const run =
  (side: 'left' | 'right'): Plan =>
  (state, random) => {
    const at = wrap(state.x, PERIOD);
    const ahead = side === 'right' ? LEDGE.from - at : at - LEDGE.to;
    const isNear = ahead > 0 && ahead < 16;
    const isJumping = random.uniform() < (state.keys.jump ? 0.85 : isNear ? 0.4 : 0.06);
    return keys({ [side]: true, jump: isJumping });
  };

const PLANS: readonly (readonly [plan: Plan, share: number, from: number, to: number])[] = [
  [run('right'), 4, 15, 70],
  [run('left'), 4, 15, 70],
  [() => keys({}), 2, 5, 25],
  [() => keys({ jump: true }), 2, 10, 50],
  [() => keys({ right: true, jump: true }), 2, 10, 50],
  [() => keys({ left: true, jump: true }), 2, 10, 50],
  [() => keys({ duck: true }), 1, 5, 20],
];
/** So often keys are held for no reason, each for itself: all combinations occur. */
const AIMLESS = 7;
const AIMLESS_FRAMES = [30, 110] as const;
/** Frames that a key is held or let go of at least and at most. */
const HELD_FRAMES = [3, 16] as const;
const HELD_SHARE: Readonly<Record<keyof Keys, number>> = {
  left: 0.4,
  right: 0.4,
  jump: 0.45,
  duck: 0.25,
};

/** Of both ways at once, in each frame. */
const LET_GO = 0.15;

/** Keys pressed and let go of by chance. */
function aimless(random: RandomStream): Plan {
  const left = { left: 0, right: 0, jump: 0, duck: 0 };
  const held = { left: false, right: false, jump: false, duck: false };
  return () => {
    for (const key of KEYS) {
      if (left[key] === 0) {
        left[key] = random.integer(HELD_FRAMES[0], HELD_FRAMES[1]);
        held[key] = random.uniform() < HELD_SHARE[key];
      }
      left[key] -= 1;
    }
    // Left and right at once is rarer than it would be by chance.
    if (held.left && held.right && random.uniform() < LET_GO) held.left = held.right = false;
    return { ...held };
  };
}

/**
 * Plays: now with an aim, now by chance. The same seed plays alike.
 * @returns the states that are shown, without end
 */
export function* play(seed: number): Generator<State> {
  const random = randomStream(seed, 'sample', 'meadow');
  let state = begin(RUN * random.integer(0, PERIOD / RUN - 1));
  const total = PLANS.reduce((sum, [, share]) => sum + share, AIMLESS);
  for (;;) {
    let at = random.uniform() * total;
    const chosen = PLANS.find(([, share]) => (at -= share) < 0);
    const [plan, from, to] = chosen
      ? [chosen[0], chosen[2], chosen[3]]
      : [aimless(random), ...AIMLESS_FRAMES];
    for (let left = random.integer(from, to); left > 0; left -= 1) {
      state = step(state, plan(state, random));
      yield state;
    }
  }
}
