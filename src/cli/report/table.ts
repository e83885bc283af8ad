import { widthOf } from '../terminal/width.js';

export interface Column {
  readonly title: string;
  /** Numbers are read best aligned right. */
  readonly align?: 'left' | 'right';
}

/**
 * Rows in aligned columns, two spaces between, the titles underlined.
 * @param rows cells by column; a missing one is empty
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, i) => {
        const cell = cells[i] ?? '';
        const pad = ' '.repeat((widths[i] ?? 0) - widthOf(cell));
        return align === 'right' ? pad + cell : cell + pad;
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line), ''].join('\n');
}

/** Names and values in two columns. */
export function formatFacts(facts: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...facts.map(([name]) => widthOf(name)));
  return facts
    .map(([name, value]) => `${name}${' '.repeat(width - widthOf(name))}  ${value}\n`)
    .join('');
}

/** 1234567 as `1,234,567`. */
export const formatCount = (value: number): string => value.toLocaleString('en-US');

/** 1.2e9 as `1.20 G`. */
export function formatSi(value: number): string {
  const step = [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const;
  const found = step.find(([size]) => value >= size);
  return found ? `${(value / found[0]).toFixed(2)} ${found[1]}` : String(value);
}
