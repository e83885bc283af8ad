/** A name of a column, as CSV has it. */
const quoted = (name: string): string =>
  /[",;\s#]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;

/** Rows of what was done, one for each frame: a first line that names the columns, then `frame,…` from 0. */
export const actionsCsv = (names: readonly string[], rows: readonly string[]): string =>
  `${[['frame', ...names].map(quoted).join(','), ...rows].join('\n')}\n`;
