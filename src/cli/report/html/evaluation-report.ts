import type { StepLine } from '../../../training/run/step-log.js';
import { differingSettings } from '../settings-difference.js';
import { trainingCurves, type Curve, type TrainingCurves } from '../training-curves.js';
import { framesSection, type Moment } from './frames-section.js';
import { lineChart } from './line-chart.js';
import { html, type Markup } from './markup.js';
import { measuresSection, type MeasuredColumn } from './measures-section.js';
import { STYLE } from './style.js';
import { legend, swatch } from './swatch.js';

/** A measure over the frames of a rollout, the mean of all rollouts that are so long. */
export interface FrameCurve {
  readonly title: string;
  readonly values: readonly (number | null)[];
}

export interface ReportRun extends MeasuredColumn {
  /** What is known of the run, by its name: the same names for each. */
  readonly facts: ReadonlyMap<string, string>;
  /** The same measures of a rollout from nothing. */
  readonly coldStart: MeasuredColumn['values'] | null;
  readonly curves: readonly FrameCurve[];
  /** Resolved. */
  readonly pipeline: object;
  readonly pipelineYaml: string;
  readonly log: readonly StepLine[];
}

export interface ReportBaseline extends MeasuredColumn {
  readonly curves: readonly FrameCurve[];
}

/** All that a report shows. */
export interface EvaluationReport {
  readonly title: string;
  /** A line below the title: how many frames of what. */
  readonly measuredOn: string;
  /** What a reader has to know before the numbers are compared. */
  readonly notes: readonly string[];
  readonly runs: readonly ReportRun[];
  readonly baselines: readonly ReportBaseline[];
  /** How far the best run is above the others, a line each. */
  readonly differences: readonly string[];
  readonly moments: readonly Moment[];
  /** Who made it, and when. */
  readonly madeBy: string;
}

/** What a page may load: nothing; its pictures and its style sheet are in it. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** A report as one HTML file, which needs neither network nor other files. */
export function renderReport(report: EvaluationReport): string {
  const { title, measuredOn, notes, runs, moments, madeBy } = report;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <title>${title}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        <p class="soft">${measuredOn}</p>
        ${notes.map((note) => html`<p class="note">${note}</p>`)} ${runsTable(runs)}
        ${measures(report)}
        ${
          moments.length > 0 &&
          html`<h2>Frames</h2>
            ${framesSection(moments)}`
        }
        ${overRollout(report)} ${training(runs)} ${settings(runs)}
        <p class="soft">${madeBy}</p>
      </body>
    </html> `;
  return page.text;
}

function runsTable(runs: readonly ReportRun[]): Markup {
  const names = [...new Set(runs.flatMap(({ facts }) => [...facts.keys()]))];
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>run</th>
          ${names.map((name) => html`<th class="left">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${runs.map(
          ({ name, facts }, i) =>
            html`<tr>
              <th scope="row" class="name">${swatch(i)}${name}</th>
              ${names.map((fact) => html`<td class="left">${facts.get(fact) ?? '–'}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function measures({ runs, baselines, differences }: EvaluationReport): Markup {
  const cold = runs.flatMap(({ name, coldStart }) =>
    coldStart === null ? [] : [{ name, values: coldStart }],
  );
  const best = runs.length > 1 ? '★ the best of the runs. ' : '';
  const ahead = baselines.length > 0 ? '† a baseline that is better than every run.' : '';
  // Columns are coloured as the runs are, so that all of them are needed.
  const fromNothing =
    cold.length === runs.length &&
    html`<details>
      <summary>The same, begun from nothing instead of real frames</summary>
      ${measuresSection(cold, [])}
    </details>`;
  const apart =
    differences.length > 0 &&
    html`<h3>The best run above the others, on the same frames</h3>
      <ul>
        ${differences.map((line) => html`<li>${line}</li>`)}
      </ul>`;
  return html`<h2>Measures</h2>
    <p class="soft">
      On frames that were held out of training, in closed loop. ${best}${ahead} Small below a
      number: where it would lie with other frames of the same kind (95 %).
    </p>
    ${measuresSection(runs, baselines)}${apart}${fromNothing}`;
}

function overRollout({ runs, baselines }: EvaluationReport): Markup | null {
  const titles = [...new Set(runs.flatMap(({ curves }) => curves.map(({ title }) => title)))];
  if (titles.length === 0) return null;
  const pointsOf = (curves: readonly FrameCurve[], title: string): [number, number][] =>
    (curves.find((curve) => curve.title === title)?.values ?? []).map((value, t) => [
      t + 1,
      value ?? NaN,
    ]);
  const beside = baselines.filter(({ curves }) => curves.length > 0);
  const charts = titles.map((title) =>
    lineChart({
      title,
      xTitle: 'frames since the last real one',
      series: [
        ...beside.map(({ name, curves }) => ({
          ...{ name, colour: 'beside' as const, points: pointsOf(curves, title) },
        })),
        ...runs.map(({ name, curves }, colour) => ({
          ...{ name, colour, points: pointsOf(curves, title) },
        })),
      ],
    }),
  );
  const names = runs.map(({ name }) => name);
  return html`<h2>Over the rollout</h2>
    ${legend(
      names,
      beside.map(({ name }) => name),
    )}
    <div class="charts">${charts}</div>`;
}

function training(runs: readonly ReportRun[]): Markup | null {
  const curves = runs.map(({ log }) => trainingCurves(log));
  const part = (of: keyof TrainingCurves): Markup[] => {
    const keys = [...new Set(curves.flatMap((one) => [...one[of].keys()]))];
    return keys.flatMap((key) => {
      const own = curves.map((one) => one[of].get(key));
      const title = own.find((curve) => curve !== undefined)!.title;
      return isFlat(own)
        ? []
        : lineChart({
            title,
            xTitle: 'steps',
            series: own.flatMap((curve, colour) =>
              curve ? [{ name: runs[colour]!.name, colour, points: curve.points }] : [],
            ),
          });
    });
  };
  const [heldOut, losses, signals] = [part('heldOut'), part('losses'), part('signals')];
  if (heldOut.length + losses.length + signals.length === 0) return null;
  const charts = (title: string, drawn: readonly Markup[]): Markup | null =>
    drawn.length === 0
      ? null
      : html`<h3>${title}</h3>
          <div class="charts">${drawn}</div>`;
  return html`<h2>Training</h2>
    ${legend(runs.map(({ name }) => name))}${charts('On held-out frames', heldOut)}${charts('Losses', losses)}${
      signals.length > 0 &&
      html`<details>
        <summary>What its control goes by (${signals.length} charts)</summary>
        <div class="charts">${signals}</div>
      </details>`
    }`;
}

/** Whether nothing would be seen but a line: the same number at every step of every run. */
function isFlat(curves: readonly (Curve | undefined)[]): boolean {
  const values = curves.flatMap((curve) => curve?.points.map(([, value]) => value) ?? []);
  return values.every((value) => value === values[0]);
}

function settings(runs: readonly ReportRun[]): Markup {
  const differing = differingSettings(runs.map(({ pipeline }) => pipeline));
  const table = html`<div class="scroll">
    <table class="settings">
      <thead>
        <tr>
          <th>setting</th>
          ${runs.map(({ name }, i) => html`<th class="name left">${swatch(i)}${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${differing.map(
          ({ key, values }) =>
            html`<tr>
              <th scope="row"><code>${key}</code></th>
              ${values.map((value) => html`<td>${value ?? '–'}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
  const same = html`<p class="soft">The runs have the same settings.</p>`;
  return html`<h2>Settings</h2>
    ${
      runs.length > 1 &&
      html`<h3>In which they differ</h3>
        ${differing.length > 0 ? table : same}`
    }${runs.map(
      ({ name, pipelineYaml }, i) =>
        html`<details>
          <summary>${swatch(i)}the whole pipeline of ${name}</summary>
          <pre>${pipelineYaml}</pre>
        </details>`,
    )}`;
}
