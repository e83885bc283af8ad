import type { ActionOptions } from './action-options.js';

/** A name of a column, as CSV has it. */
const quoted = (name: string): string =>
  /[",;\s#]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;

/** Rows of what was done, one for each frame: a first line that names the columns, then `frame,…` from 0. */
export const actionsCsv = (names: readonly string[], rows: readonly string[]): string =>
  `${[['frame', ...names].map(quoted).join(','), ...rows].join('\n')}\n`;

/** Digits that a 32-bit number is read back from. */
const DIGITS = 9;

/** A row of it: the vector that a generator was told of a frame. */
export const actionRow = (frame: number, values: ArrayLike<number>): string =>
  [frame, ...Array.from(values, (value) => Number(value.toPrecision(DIGITS)))].join(',');

/** `data.actions` of such a file: as a generator is told them, axes from −1 to 1, each in the row of its own frame. */
export const toldActions = ({ columns }: ActionOptions, path: string) => ({
  path,
  columns: Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [
      name,
      column.kind === 'axis' ? { ...column, range: [-1, 1] } : column,
    ]),
  ),
});
