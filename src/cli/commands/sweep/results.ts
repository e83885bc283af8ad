import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../../base/outputs.js';
import { measureOf, valuesOf } from '../../report/measures.js';
import { formatTable, type Column } from '../../report/table.js';
import type { SweepTraining } from './plan.js';

const measure = z.number().nullable();
const measuresSchema = z.object({
  psnr: z.number(),
  ssim: z.number(),
  /** Results of earlier versions do not have it. */
  score: measure.default(null),
  sharpnessRatio: measure,
  checkerRatio: measure,
  temporalDifference: measure,
  realTemporalDifference: measure,
  warpingError: measure,
  tOF: measure,
});

/** How one training of a sweep ended, and what it had learned by then. */
export const resultSchema = z.object({
  label: z.string(),
  name: z.string(),
  seed: z.int(),
  folder: z.string(),
  /** `done` and `time` as trainings end; `failed` where one did not. */
  ending: z.enum(['done', 'time', 'failed']),
  step: z.int().nullable(),
  /** On held-out frames, in closed loop; null where nothing could be measured. */
  measures: measuresSchema.nullable(),
  /** What went wrong. */
  error: z.string().nullable(),
});
export type SweepResult = z.output<typeof resultSchema>;

const RESULT = 'result.json';

export const evaluationSchema = z.object({
  step: z.int(),
  rows: z.object({ generated: measuresSchema }),
});

/** What a training left when it was through; null where it is still to be made. */
export async function readResult({ folder }: SweepTraining): Promise<SweepResult | null> {
  let text: string;
  try {
    text = await readFile(join(folder, RESULT), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const { success, data } = resultSchema.safeParse(parsed(text));
  return success ? data : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Written last, so that what has a result is whole. */
export const writeResult = (result: SweepResult): Promise<void> =>
  writeFileAtomic(join(result.folder, RESULT), `${JSON.stringify(result, null, 2)}\n`);

const COLUMNS = ['psnr', 'ssim', 'sharpnessRatio', 'checkerRatio', 'motionRatio', 'tOF'].map(
  measureOf,
);

/** Mean and, of several, the sample's standard deviation: `17.43 ± 0.12`. */
export function withSpread(values: readonly number[], digits: number): string {
  if (values.length === 0) return '–';
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return mean.toFixed(digits);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return `${mean.toFixed(digits)} ± ${Math.sqrt(squares / (values.length - 1)).toFixed(digits)}`;
}

/** Results by their settings, numbered as the rows of the picture are. */
function byConfiguration(results: readonly SweepResult[]): [string, SweepResult[]][] {
  const groups = new Map<string, SweepResult[]>();
  for (const result of results)
    groups.set(result.name, [...(groups.get(result.name) ?? []), result]);
  return [...groups];
}

/** One row a setting: means over its seeds, with their spread, and how its trainings ended. */
export function sweepTable(results: readonly SweepResult[]): {
  columns: Column[];
  rows: string[][];
} {
  const right = (title: string): Column => ({ title, align: 'right' });
  const columns = [
    right('#'),
    { title: 'setting' },
    right('steps'),
    ...COLUMNS.map(({ title }) => right(title)),
    { title: 'ended' },
  ];
  const rows = byConfiguration(results).map(([name, of], i) => {
    const measured = of.flatMap(({ measures }) => (measures === null ? [] : [valuesOf(measures)]));
    const steps = of.flatMap(({ step }) => (step === null ? [] : [step]));
    const failed = of.filter(({ ending }) => ending === 'failed');
    return [
      String(i + 1),
      name,
      withSpread(steps, 0),
      ...COLUMNS.map(({ path, digits }) =>
        withSpread(
          measured.flatMap((row) => row.get(path) ?? []),
          digits,
        ),
      ),
      failed.length === 0 ? 'well' : `${failed.length} of ${of.length} failed`,
    ];
  });
  return { columns, rows };
}

/** The table for a terminal, with what went wrong below it. */
export function formatSweep(results: readonly SweepResult[]): string {
  const { columns, rows } = sweepTable(results);
  return formatTable(columns, rows) + failures(results);
}

const failures = (results: readonly SweepResult[]): string =>
  results
    .filter(({ error }) => error !== null)
    .map(({ label, error }) => `${label}: ${error}\n`)
    .join('');

/** The table as Markdown, for a report. */
export function sweepMarkdown(results: readonly SweepResult[]): string {
  const { columns, rows } = sweepTable(results);
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |\n`;
  return (
    line(columns.map(({ title }) => title)) +
    line(columns.map(({ align }) => (align === 'right' ? '--:' : '---'))) +
    rows.map(line).join('')
  );
}
