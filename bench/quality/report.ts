import { withSpread } from '../../src/cli/commands/sweep/results.js';
import { motionRatio } from '../../src/metrics/index.js';
import { BARS, sayHolds } from './bars.js';
import type { Measures } from '../support/measures.js';
import type { Result, Side } from './one-run.js';
import type { Length, Row } from './rows.js';

const NAMES: Readonly<Record<Side, string>> = { frameloom: 'Frameloom', pytorch: 'PyTorch' };

const line = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |\n`;

const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  line(titles) +
  line(titles.map((_, i) => (i === 0 ? '---' : '--:'))) +
  rows.map((row) => line(row)).join('');

/** Title, what it is of a row's measures, and digits. */
const MEASURES: readonly (readonly [string, (measures: Measures) => number | null, number])[] = [
  ['PSNR dB', ({ psnr }) => psnr, 2],
  ['SSIM', ({ ssim }) => ssim, 3],
  ['sharpness', ({ sharpnessRatio }) => sharpnessRatio, 2],
  ['checker K', ({ checkerRatio }) => checkerRatio, 2],
  ['|Δt|', motionRatio, 2],
];

const known = (values: readonly (number | null)[]): number[] =>
  values.filter((value) => value !== null);

const cellsOf = (measured: readonly Measures[]): string[] =>
  MEASURES.map(([, of, digits]) => withSpread(known(measured.map(of)), digits));

const BASELINES = ['freeze', 'mean', 'nearest'] as const;

/** Of fewer steps most are those in which a side records its graphs or chooses its format, and no speed is told. */
const FEWEST_TIMED = 100;

const timed = (results: readonly Result[]): Result[] =>
  results.filter(({ steps }) => steps >= FEWEST_TIMED);

/** How many times as many steps a second Frameloom makes, seed by seed. */
function speedRatios(results: readonly Result[]): number[] {
  const [ours, theirs] = (['frameloom', 'pytorch'] as const).map((side) =>
    timed(results).filter((one) => one.side === side),
  );
  return ours!.flatMap(({ seed, stepsPerSecond }) => {
    const peer = theirs!.find((one) => one.seed === seed);
    return peer ? [stepsPerSecond / peer.stepsPerSecond] : [];
  });
}

export interface TextOptions {
  /** Whether how long rollouts change is told too. */
  readonly withDrift: boolean;
  /** How long each training of a row was. */
  readonly lengthOf: (row: Row) => Length;
}

const sayLength = (length: Length): string =>
  'steps' in length ? `${length.steps} steps each` : `${length.minutes} minutes each`;

/** What one row came to: the measures of both sides and the baselines, the bars, and drift where it was asked for. */
function rowText(row: Row, results: readonly Result[], options: TextOptions): string {
  const sides = (['frameloom', 'pytorch'] as const)
    .map((side) => ({ name: NAMES[side], of: results.filter((one) => one.side === side) }))
    .filter(({ of }) => of.length > 0);
  const measures = table(
    ['', 'steps', 'steps/s', ...MEASURES.map(([title]) => title), 'cold start SSIM'],
    [
      ...sides.map(({ name, of }) => [
        name,
        withSpread(
          of.map(({ steps }) => steps),
          0,
        ),
        withSpread(
          timed(of).map((one) => one.stepsPerSecond),
          2,
        ),
        ...cellsOf(of.map(({ rows }) => rows.generated)),
        withSpread(
          of.map(({ rows }) => rows.coldStart.ssim),
          3,
        ),
      ]),
      // Of the frames alone: every run has the same.
      ...BASELINES.flatMap((name) => {
        const measured = results[0]?.rows[name];
        return measured ? [[name, '', '', ...cellsOf([measured]), '']] : [];
      }),
    ],
  );
  const bars = table(
    ['bar', ...sides.map(({ name }) => name)],
    BARS.map(({ name, holds }) => [
      name,
      ...sides.map(({ of }) => sayHolds(of.map(({ rows }) => holds(rows)))),
    ]),
  );
  const drift = table(
    ['slope over 1,000 frames', 'of', 'sharpness', 'checker K', 'colour'],
    sides.map(({ name, of }) => {
      const slopes = of.flatMap(({ drift }) => drift ?? []);
      const by = (key: 'sharpness' | 'checker' | 'colour'): string =>
        withSpread(
          known(slopes.map((one) => one[key])).map((slope) => 10 * slope),
          3,
        );
      const frames = slopes[0] ? `${slopes[0].frames} frames` : '–';
      return [name, frames, by('sharpness'), by('checker'), by('colour')];
    }),
  );
  const ratios = speedRatios(results);
  const faster =
    ratios.length > 0
      ? `\nFrameloom's steps a second by PyTorch's: ${withSpread(ratios, 2)}\n`
      : '';
  const seeds = new Set(results.map(({ seed }) => seed)).size;
  return [
    `## ${row.name}\n`,
    `${row.about}, ${sayLength(options.lengthOf(row))}: ${results[0]!.frames} held-out frames in closed loop, ${seeds === 1 ? 'one seed' : `means of ${seeds} seeds ± deviation`}\n`,
    measures,
    ...(faster === '' ? [] : [faster.trimStart()]),
    bars,
    ...(options.withDrift ? [drift] : []),
  ].join('\n');
}

/** The whole table, as Markdown; rows that nothing was made of are left out. */
export const qualityText = (
  rows: readonly Row[],
  results: readonly Result[],
  options: TextOptions,
): string =>
  rows
    .flatMap((row) => {
      const own = results.filter((one) => one.row === row.name);
      return own.length === 0 ? [] : [rowText(row, own, options)];
    })
    .join('\n');
