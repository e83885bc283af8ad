import { FrameloomError } from '../base/error.js';

/** What is told at each frame: a key, 0 or 1, or an axis, −1 to 1. */
export interface ActionKind {
  readonly name: string;
  readonly kind: 'key' | 'axis';
}

/** How well actions that are seen in frames agree with those that were told, column by column. */
export interface ActionAgreement {
  /**
   * @param seen one number a column: of a key above 0.5 is pressed, of an axis its value
   * @param told one number a column
   * @throws FrameloomError bad-shape
   */
  add(seen: Float32Array, told: Float32Array): void;
  readonly frames: number;
  /**
   * Of a key the balanced accuracy (Brodersen et al. 2010): the mean of the shares that are right among frames with it
   * pressed and among those without, so that a guess is 0.5 however rarely it is pressed. Of an axis R², the share of
   * its variance that is seen: 1 is all of it, 0 no better than its mean. Null of what never changes.
   */
  scores(): (number | null)[];
}

/** Sums up how seen and told actions agree; it holds no frame. */
export function createActionAgreement(columns: readonly ActionKind[]): ActionAgreement {
  const sums = columns.map(() => ({
    // Of a key, by whether it was pressed.
    ...{ count: [0, 0], right: [0, 0] },
    // Of an axis.
    ...{ sum: 0, squares: 0, errors: 0 },
  }));
  let frames = 0;
  return {
    add(seen, told) {
      if (seen.length !== columns.length || told.length !== columns.length) {
        throw new FrameloomError(
          'bad-shape',
          `actions of ${seen.length} and ${told.length} columns, expected ${columns.length}`,
        );
      }
      sums.forEach((own, i) => {
        const [saw, was] = [seen[i]!, told[i]!];
        const pressed = was > 0.5 ? 1 : 0;
        own.count[pressed]! += 1;
        if (saw > 0.5 === was > 0.5) own.right[pressed]! += 1;
        own.sum += was;
        own.squares += was ** 2;
        own.errors += (saw - was) ** 2;
      });
      frames += 1;
    },
    get frames() {
      return frames;
    },
    scores: () =>
      sums.map(({ count, right, sum, squares, errors }, i) => {
        if (columns[i]!.kind === 'key') {
          const [off, on] = [0, 1].map((pressed) => right[pressed]! / count[pressed]!);
          return count.includes(0) ? null : (off! + on!) / 2;
        }
        const spread = squares - sum ** 2 / frames;
        return spread > frames * 1e-6 ? 1 - errors / spread : null;
      }),
  };
}
