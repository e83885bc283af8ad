import {
  intervalOf,
  marksOf,
  measureOf,
  sayValue,
  type Mark,
  type RowValues,
} from '../../report/measures.js';
import { formatTable } from '../../report/table.js';

/** What stands beside a generator's own rollout, as people are told of it. */
export const ROW_NAMES: Readonly<Record<string, string>> = {
  generated: 'generated',
  coldStart: 'from nothing',
  freeze: 'freeze last frame',
  mean: 'mean frame',
  nearest: 'nearest condition',
};

/** A column of a table; several measures that are read together share one. */
interface TableColumn {
  readonly title?: string;
  readonly paths: readonly string[];
}

const own = (path: string): TableColumn => ({ paths: [path] });

/** What there is room for in a terminal of 100 columns: pictures one by one, and how they follow each other. */
const TABLES: readonly (readonly TableColumn[])[] = [
  [own('psnr'), own('ssim'), own('sharpnessRatio'), own('checkerRatio'), own('score')],
  [
    own('temporalDifference'),
    { title: 'warping', paths: ['warpingError'] },
    own('tOF'),
    {
      title: 'slow, middle, fast dB',
      paths: ['flicker.slow', 'flicker.middle', 'flicker.fast'],
    },
  ],
];

/** What there is only where networks were named. */
const NETWORK_TABLES: readonly (readonly TableColumn[])[] = [
  [own('lpips'), own('tLP'), own('kid'), own('fid')],
  [own('kvd'), own('fvd'), own('seen.meanIou'), own('seen.accuracy')],
];

/** The columns that some row has a number for. */
const tablesOf = (rows: readonly RowValues[]): (readonly TableColumn[])[] => [
  ...TABLES,
  ...NETWORK_TABLES.map((columns) =>
    columns.filter(({ paths }) => rows.some((row) => row.has(paths[0]!))),
  ).filter((columns) => columns.length > 0),
];

const SIGNS: Readonly<Record<Exclude<Mark, null>, string>> = { best: '*', ahead: '†' };

/** One row of a table: whose it is, and what was measured. */
export interface MeasuredRow {
  readonly name: string;
  /** Further cells behind the name. */
  readonly facts?: readonly string[];
  readonly values: RowValues;
}

interface Marked {
  /** `runs` of so many first rows are compared, the others are baselines. */
  readonly runs: number;
}

/** A measure of every row: with its 95 % interval, with the real frames' own beside it, with its mark. */
function cellsOf(path: string, rows: readonly RowValues[], { runs }: Marked): string[] {
  const measure = measureOf(path);
  const { digits, good } = measure;
  const beside = typeof good === 'object' && good ? good.as : undefined;
  const marks = marksOf(measure, rows.slice(0, runs), rows.slice(runs));
  const marked: readonly Mark[] = runs > 1 ? [...marks.runs, ...marks.baselines] : [];
  return rows.map((row, i) => {
    const value = row.get(path);
    const real = beside === undefined ? '' : ` / ${sayValue(row.get(beside), digits)}`;
    const interval = value === undefined ? null : intervalOf(row, path);
    const spread = interval ? ` ± ${((interval[1] - interval[0]) / 2).toFixed(digits)}` : '';
    const mark = marked[i] ?? null;
    // A column's digits stay below each other.
    const sign = runs > 1 ? (mark === null ? ' ' : SIGNS[mark]) : '';
    return `${sayValue(value, digits)}${sign}${spread}${real}`;
  });
}

function titleOf({ title, paths }: TableColumn): string {
  const [first] = paths;
  const measure = measureOf(first!);
  const { good } = measure;
  return `${title ?? measure.title}${typeof good === 'object' && good ? ' made / real' : ''}`;
}

/**
 * Rows of measures for a terminal, in two tables, and one or two more where networks were named. What is to be as the
 * real frames' has that beside it.
 * @param options.facts titles of the rows' further cells
 * @param options.runs so many first rows are compared, the others are baselines
 */
export function formatMeasures(
  rows: readonly MeasuredRow[],
  { facts = [], runs = 0 }: { facts?: readonly string[]; runs?: number } = {},
): string {
  const values = rows.map((row) => row.values);
  return tablesOf(values)
    .map((columns, table) => {
      const said = columns.map(({ paths }) => {
        const cells = paths.map((path) => cellsOf(path, values, { runs }));
        return rows.map((_, i) => cells.map((of) => of[i]!).join(' '));
      });
      // Once is enough.
      const further = table === 0 ? facts : [];
      return formatTable(
        [
          { title: '' },
          ...[...further, ...columns.map(titleOf)].map((title) => ({
            title,
            align: 'right' as const,
          })),
        ],
        rows.map((row, i) => [
          row.name,
          ...further.map((_, j) => row.facts?.[j] ?? ''),
          ...said.map((cells) => cells[i]!),
        ]),
      );
    })
    .join('\n');
}
