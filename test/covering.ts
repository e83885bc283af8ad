// A few of all combinations: of every way in with every way out, each is met, and not each pair.

/** Whether every combination is asked for. */
export const ALL = (process.env.FRAMELOOM_TEST_ALL ?? '') !== '';

/**
 * Each row with `each` of the columns, in turn, so that every row is tried and, where there are rows
 * enough, every column. All pairs where FRAMELOOM_TEST_ALL is set: `npm run bench -- --only media-matrix`
 * sets it, and takes the minutes that they take.
 */
export function covering<Row, Column>(
  rows: readonly Row[],
  columns: readonly Column[],
  each = 1,
): (readonly [Row, Column])[] {
  const count = ALL ? columns.length : Math.min(each, columns.length);
  return rows.flatMap((row, i) =>
    Array.from(
      { length: count },
      (_, k) => [row, columns[(i * count + k) % columns.length]!] as const,
    ),
  );
}
