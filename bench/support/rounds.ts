/** One of the things that are timed against each other. */
export interface Side {
  readonly name: string;
  /** Seconds of one run. */
  readonly run: () => Promise<number>;
}

export interface Timed {
  readonly name: string;
  /** Seconds, one for each round; round i of all sides was run one after the other. */
  readonly seconds: readonly number[];
}

const WARM_UP_RUNS = 2;

/**
 * Runs the sides by turns: each round times every side once, and begins one side further than the
 * round before, so that none always follows the same other. Ratios are then taken round by round.
 */
export async function alternate(sides: readonly Side[], rounds: number): Promise<Timed[]> {
  for (const side of sides) {
    for (let i = 0; i < WARM_UP_RUNS; i += 1) await side.run();
  }
  const timed = sides.map(({ name }) => ({ name, seconds: new Array<number>(rounds).fill(NaN) }));
  for (let round = 0; round < rounds; round += 1) {
    for (let i = 0; i < sides.length; i += 1) {
      const at = (i + round) % sides.length;
      timed[at]!.seconds[round] = await sides[at]!.run();
    }
  }
  return timed;
}

/** `of`'s seconds by `by`'s, round by round: how many times as fast `by` is. */
export const ratios = (of: Timed, by: Timed): number[] =>
  of.seconds.map((seconds, round) => seconds / by.seconds[round]!);
