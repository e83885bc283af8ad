import { FrameloomError } from '../../base/error.js';
import type { ActionColumn } from '../../clips/types.js';

/**
 * What is done in a frame: numbers by the columns' names, of which those that are not named have their default, or in the
 * order of the columns; null where that is not known, and the generator goes on as it was seen to.
 */
export type GivenActions = Readonly<Record<string, number>> | ArrayLike<number> | null;

const isList = (given: NonNullable<GivenActions>): given is ArrayLike<number> =>
  typeof (given as { readonly length?: unknown }).length === 'number';

function byName(
  given: Readonly<Record<string, number>>,
  columns: readonly ActionColumn[],
): number[] {
  const unknown = Object.keys(given).find((name) => !columns.some((one) => one.name === name));
  if (unknown === undefined) return columns.map((one) => given[one.name] ?? one.default);
  throw new FrameloomError('bad-input', `there is no action ${JSON.stringify(unknown)}`, {
    hint: `there is ${columns.map(({ name }) => name).join(', ')}`,
  });
}

function inOrder(given: ArrayLike<number>, columns: readonly ActionColumn[]): number[] {
  if (given.length === columns.length) return Array.from(given);
  throw new FrameloomError(
    'bad-input',
    `${given.length} actions were given, and the generator is told ${columns.length}`,
    { hint: `in this order: ${columns.map(({ name }) => name).join(', ')}` },
  );
}

/**
 * What a generator is told of a frame: each column, then 1; or all 0 where that is not known. Null of one that is told
 * nothing.
 * @throws FrameloomError bad-input where the generator is told nothing and is given something, or the other way
 *   round; for a name that there is none of, and a number outside 0 or 1 of a key, −1 to 1 of an axis
 */
export function actionVector(
  given: GivenActions | undefined,
  columns: readonly ActionColumn[] = [],
): Float32Array | null {
  if (columns.length === 0) {
    if (given === null || given === undefined) return null;
    throw new FrameloomError('bad-input', 'this generator is told no actions', {
      hint: 'its training had no data.actions',
    });
  }
  if (given === undefined) {
    throw new FrameloomError('bad-input', 'this generator is told what is done in each frame', {
      hint: `give actions: {${columns.map(({ name }) => `${name}: 0`).join(', ')}}, or null where that is not known`,
    });
  }
  const vector = new Float32Array(columns.length + 1);
  if (given === null) return vector;
  const values = isList(given) ? inOrder(given, columns) : byName(given, columns);
  values.forEach((value, i) => {
    const { name, kind } = columns[i]!;
    const fits = kind === 'key' ? value === 0 || value === 1 : Math.abs(value) <= 1;
    if (!fits) {
      const wanted = kind === 'key' ? 'a key is 0 or 1' : 'an axis is −1 to 1';
      throw new FrameloomError('bad-input', `${name} is ${value}, and ${wanted}`);
    }
    vector[i] = value;
  });
  vector[columns.length] = 1;
  return vector;
}

/** What was done in the last frames, oldest first, as a generator is told it. */
export class ActionRing {
  /** All 0 of frames that there were none of; changed by each push. */
  readonly values: Float32Array;
  readonly #size: number;

  /** @param frames that are told, the current one included */
  constructor(columns: number, frames: number) {
    this.#size = columns + 1;
    this.values = new Float32Array(this.#size * frames);
  }

  push(vector: Float32Array): void {
    this.values.copyWithin(0, this.#size);
    this.values.set(vector, this.values.length - this.#size);
  }

  forget(): void {
    this.values.fill(0);
  }

  /** @param values as many as there are here; null for none */
  restore(values: Float32Array | null): void {
    if (values) this.values.set(values);
    else this.forget();
  }
}
