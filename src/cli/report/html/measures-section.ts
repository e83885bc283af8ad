import {
  intervalOf,
  marksOf,
  measuresIn,
  sayValue,
  type Mark,
  type Measure,
  type RowValues,
} from '../measures.js';
import { html, type Markup } from './markup.js';
import { swatch } from './swatch.js';

/** One column: a run, or what runs are held against. */
export interface MeasuredColumn {
  readonly name: string;
  readonly values: RowValues;
}

const goal = ({ good }: Measure): string =>
  good === null
    ? ''
    : typeof good === 'object'
      ? 'as the real frames'
      : { high: 'high', low: 'low', one: 'near 1', zero: 'near 0' }[good];

/** What the real frames have, where that is a goal; of all rows the same. */
function realValue({ good, digits }: Measure, columns: readonly MeasuredColumn[]): string {
  if (typeof good !== 'object' || good === null) return '';
  const value = columns.map(({ values }) => values.get(good.as)).find((one) => one !== undefined);
  return value === undefined ? '' : `, ${sayValue(value, digits)}`;
}

const SIGNS = { best: ' ★', ahead: ' †' } as const;

function cell({ path, digits }: Measure, values: RowValues, mark: Mark): Markup {
  const interval = intervalOf(values, path);
  const said = html`${sayValue(values.get(path), digits)}${mark && SIGNS[mark]}`;
  const spread =
    interval && html`<small>${interval.map((end) => sayValue(end, digits)).join(' … ')}</small>`;
  return html`<td class="${mark ?? ''}">${said}${spread}</td>`;
}

/**
 * All measures of some columns, grouped, a row each.
 * @param runs of which the best of each row is marked
 * @param beside what they are held against
 */
export function measuresSection(
  runs: readonly MeasuredColumn[],
  beside: readonly MeasuredColumn[],
): Markup {
  const all = [...runs, ...beside];
  const measures = measuresIn(all.map(({ values }) => values));
  const groups = [...new Set(measures.map(({ group }) => group))];
  const columnTitles = [
    ...runs.map(({ name }, i) => html`<th class="name">${swatch(i)}${name}</th>`),
    ...beside.map(({ name }) => html`<th class="name beside">${name}</th>`),
  ];
  const rows = groups.map((group) => [
    html`<tr class="group">
      <th colspan="${all.length + 1}" scope="rowgroup">${group}</th>
    </tr>`,
    ...measures
      .filter((measure) => measure.group === group)
      .map((measure) => {
        const marks = marksOf(
          measure,
          runs.map(({ values }) => values),
          beside.map(({ values }) => values),
        );
        const cells = [...marks.runs, ...marks.baselines].map((mark, i) =>
          cell(measure, all[i]!.values, mark),
        );
        return html`<tr>
          <th scope="row">
            ${measure.title}<small>${goal(measure)}${realValue(measure, all)}</small>
          </th>
          ${cells}
        </tr>`;
      }),
  ]);
  return html`<div class="scroll">
    <table class="measures">
      <thead>
        <tr>
          <th></th>
          ${columnTitles}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}
