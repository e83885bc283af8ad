import { marksOf, measureOf, sayValue, type Mark, type RowValues } from '../../report/measures.js';
import { formatTable } from '../../report/table.js';

/** What stands beside a generator's own rollout, as people are told of it. */
export const ROW_NAMES: Readonly<Record<string, string>> = {
  generated: 'generated',
  coldStart: 'from nothing',
  freeze: 'freeze last frame',
  mean: 'mean frame',
  nearest: 'nearest condition',
};

/** What there is room for in a terminal. */
const COLUMNS = [
  ...['psnr', 'ssim', 'sharpnessRatio', 'checkerRatio'],
  ...['temporalDifference', 'warpingError', 'tOF'],
].map(measureOf);

const SIGNS: Readonly<Record<Exclude<Mark, null>, string>> = { best: '*', ahead: '†' };

/** One row of a table: whose it is, and what was measured. */
export interface MeasuredRow {
  readonly name: string;
  /** Further cells behind the name. */
  readonly facts?: readonly string[];
  readonly values: RowValues;
}

/**
 * Rows of measures for a terminal. What is to be as the real frames' has that beside it.
 * @param options.facts titles of the rows' further cells
 * @param options.marks `runs` of so many first rows are compared, the others are baselines
 */
export function formatMeasures(
  rows: readonly MeasuredRow[],
  { facts = [], runs = 0 }: { facts?: readonly string[]; runs?: number } = {},
): string {
  const values = rows.map((row) => row.values);
  const columns = COLUMNS.map((measure) => {
    const { path, digits, good } = measure;
    const marks = marksOf(measure, values.slice(0, runs), values.slice(runs));
    const marked = runs > 1 ? [...marks.runs, ...marks.baselines] : rows.map(() => null);
    const beside = typeof good === 'object' && good ? good.as : undefined;
    return {
      title: beside === undefined ? measure.title : `${measure.title} made / real`,
      cells: values.map((row, i) => {
        const said = sayValue(row.get(path), digits);
        const real = beside === undefined ? '' : ` / ${sayValue(row.get(beside), digits)}`;
        const mark = marked[i] ?? null;
        // A column's digits stay below each other.
        const sign = runs > 1 ? (mark === null ? ' ' : SIGNS[mark]) : '';
        return `${said}${sign}${real}`;
      }),
    };
  });
  return formatTable(
    [
      { title: '' },
      ...[...facts, ...columns.map(({ title }) => title)].map((title) => ({
        title,
        align: 'right' as const,
      })),
    ],
    rows.map((row, i) => [
      row.name,
      ...facts.map((_, j) => row.facts?.[j] ?? ''),
      ...columns.map(({ cells }) => cells[i]!),
    ]),
  );
}
