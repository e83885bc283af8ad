/** Which part of a whole one of several processes has. */
export interface Share {
  readonly rank: number;
  readonly size: number;
}

/** All of it. */
export const WHOLE: Share = { rank: 0, size: 1 };

/** Of as many items for each process, those of this one. */
export function ownShare<T>(all: readonly T[], { rank, size }: Share): readonly T[] {
  if (size === 1) return all;
  const each = all.length / size;
  return all.slice(rank * each, (rank + 1) * each);
}
