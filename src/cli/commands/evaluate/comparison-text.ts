import { marksOf, measuresIn, sayValue, valuesOf } from '../../report/measures.js';
import { sayDifference } from '../../report/differences.js';
import { formatTable } from '../../report/table.js';
import type { Comparison } from './compare.js';
import { formatMeasures, ROW_NAMES } from './measures-table.js';
import { BASELINES, runDifferences, valuesOfRun, type EvaluatedRun } from './report.js';

const baselinesOf = ([first]: readonly EvaluatedRun[]) =>
  BASELINES.flatMap((row) => {
    const measures = first!.evaluation.rows[row];
    return measures ? [{ row, measures }] : [];
  });

/** What only a generator has: baselines neither look at a condition nor go on for long. */
const OWN_GROUPS = ['condition and noise', 'each 100 frames of a long rollout'] as const;

function ownTables(runs: readonly EvaluatedRun[]): string[] {
  const values = runs.map(valuesOfRun);
  const measures = measuresIn(values);
  return OWN_GROUPS.flatMap((group) => {
    const columns = measures.filter((measure) => measure.group === group);
    if (columns.length === 0) return [];
    const cells = columns.map((measure) => {
      const marks = marksOf(measure, values, []).runs;
      return values.map(
        (row, i) =>
          `${sayValue(row.get(measure.path), measure.digits)}${marks[i] === 'best' ? '*' : ' '}`,
      );
    });
    return formatTable(
      [{ title: group }, ...columns.map(({ title }) => ({ title, align: 'right' as const }))],
      runs.map(({ name }, i) => [name, ...cells.map((column) => column[i]!)]),
    );
  });
}

/** A comparison for people: a row for each run, then the baselines, the best of each column marked. */
export function formatComparison({ runs, notes }: Comparison): string {
  const rows = [
    ...runs.map((run) => ({
      name: run.name,
      facts: [String(run.model.step)],
      values: valuesOfRun(run),
    })),
    ...baselinesOf(runs).map(({ row, measures }) => ({
      name: ROW_NAMES[row]!,
      values: valuesOf(measures),
    })),
  ];
  return [
    ...notes.map((note) => `note: ${note}\n`),
    formatMeasures(rows, { facts: ['step'], runs: runs.length }),
    '* best of the runs   † a baseline that is better than every run\n',
    ...ownTables(runs).map((table) => `\n${table}`),
    '\n',
    ...runDifferences(runs).map((one) => `${sayDifference(one)}\n`),
  ].join('');
}

/** The same for programs. */
export function comparisonJson({ runs, notes, networks, ...scored }: Comparison) {
  const { segments, frames, framesThere } = scored;
  const values = runs.map(valuesOfRun);
  const best = measuresIn(values).map((measure) => {
    const marks = marksOf(measure, values, []).runs;
    return [
      measure.path,
      runs.filter((_, i) => marks[i] === 'best').map(({ name }) => name),
    ] as const;
  });
  return {
    ...{ segments, frames, framesThere, notes, networks },
    runs: runs.map(({ name, folder, model, evaluation }) => ({
      ...{ name, folder, step: model.step },
      rows: Object.fromEntries(
        Object.entries(evaluation.rows).filter(
          ([row]) => !(BASELINES as readonly string[]).includes(row),
        ),
      ),
      behaviour: evaluation.behaviour,
      faithfulness: evaluation.faithfulness,
      obedience: evaluation.obedience,
    })),
    baselines: Object.fromEntries(baselinesOf(runs).map(({ row, measures }) => [row, measures])),
    /** Names of the best runs, by the path of the measure. */
    best: Object.fromEntries(best.filter(([, names]) => names.length > 0)),
    differences: runDifferences(runs),
  };
}
