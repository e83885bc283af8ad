import { FrameloomError } from '../../base/error.js';
import { motionRatio } from '../../metrics/index.js';

/** What a good value is: the largest, the smallest, the one nearest to 1, to 0, or to another measure's. */
export type Goodness = 'high' | 'low' | 'one' | 'zero' | { readonly as: string };

export interface Measure {
  /** Where it stands in a row: `psnr`, `drift.psnr`. */
  readonly path: string;
  readonly title: string;
  readonly group: MeasureGroup;
  /** Behind the point. */
  readonly digits: number;
  /** Null where more is neither better nor worse. */
  readonly good: Goodness | null;
}

export type MeasureGroup =
  | 'frame by frame'
  | 'motion'
  | 'as networks see it'
  | 'condition and noise'
  | 'over a rollout'
  | 'each 100 frames of a long rollout'
  | 'other';

const named = (
  group: MeasureGroup,
  ...measures: readonly (readonly [string, string, number, Goodness | null])[]
): Measure[] =>
  measures.map(([path, title, digits, good]) => ({ path, title, group, digits, good }));

/** Every measure that has a name, in the order of the reports. A new one needs its line here. */
export const MEASURES: readonly Measure[] = [
  ...named(
    'frame by frame',
    ['score', 'score', 3, 'high'],
    ['psnr', 'PSNR dB', 2, 'high'],
    ['ssim', 'SSIM', 3, 'high'],
    ['sharpnessRatio', 'sharpness', 2, 'one'],
    ['checkerRatio', 'checker', 2, 'one'],
  ),
  ...named(
    'motion',
    ['motionRatio', 'motion', 2, 'one'],
    ['temporalDifference', '|Δt|', 4, { as: 'realTemporalDifference' }],
    ['warpingError', 'warping error', 5, { as: 'realWarpingError' }],
    ['tOF', 'tOF px', 3, 'low'],
    ['flicker.slow', 'slow changes dB', 1, 'zero'],
    ['flicker.middle', 'middle changes dB', 1, 'zero'],
    ['flicker.fast', 'fast changes dB', 1, 'zero'],
  ),
  ...named(
    'as networks see it',
    ['lpips', 'LPIPS', 3, 'low'],
    ['tLP', 'tLP ×100', 2, 'low'],
    ['kid', 'KID', 4, 'low'],
    ['fid', 'FID', 2, 'low'],
    ['kvd', 'KVD', 4, 'low'],
    ['fvd', 'FVD', 2, 'low'],
    ['seen.meanIou', 'classes seen, mean IoU', 3, 'high'],
    ['seen.accuracy', 'classes seen, accuracy', 3, 'high'],
  ),
  ...named(
    'condition and noise',
    ['behaviour.conditionUse', 'condition use', 2, 'one'],
    ['faithfulness.f1.made', 'edges F1', 3, { as: 'faithfulness.f1.real' }],
    ['faithfulness.psnr.made', 'condition PSNR dB', 2, { as: 'faithfulness.psnr.real' }],
    ['faithfulness.meanIou.made', 'labels mean IoU', 3, { as: 'faithfulness.meanIou.real' }],
    ['faithfulness.accuracy.made', 'labels accuracy', 3, { as: 'faithfulness.accuracy.real' }],
    ['obedience.keys.made', 'keys obeyed, accuracy', 3, { as: 'obedience.keys.real' }],
    ['obedience.axes.made', 'axes obeyed, R²', 3, { as: 'obedience.axes.real' }],
    ['behaviour.diversity', 'diversity', 2, null],
  ),
  ...named(
    'over a rollout',
    ['drift.psnr', 'PSNR, last − first quarter', 2, 'zero'],
    ['drift.ssim', 'SSIM, last − first quarter', 3, 'zero'],
    ['drift.sharpnessRatio', 'sharpness, last − first quarter', 2, 'zero'],
  ),
  ...named(
    'each 100 frames of a long rollout',
    ['behaviour.drift.psnr', 'PSNR slope', 2, 'zero'],
    ['behaviour.drift.ssim', 'SSIM slope', 3, 'zero'],
    ['behaviour.drift.sharpness', 'sharpness slope', 3, 'zero'],
    ['behaviour.drift.checker', 'checker slope', 3, 'zero'],
    ['behaviour.drift.colour', 'colour slope', 3, 'zero'],
  ),
];

/** What is counted, or stands beside another measure: the reports tell it elsewhere. */
const NO_MEASURES = new Set([
  ...['frames', 'behaviour.drift.frames', 'faithfulness.frames', 'seen.frames'],
  ...['obedience.frames', 'obedience.keys.shuffled', 'obedience.axes.shuffled'],
  ...['kidError', 'kvdError'],
  ...MEASURES.flatMap(({ good }) => (typeof good === 'object' && good ? [good.as] : [])),
]);

/** @throws FrameloomError bad-data where no measure is named so */
export function measureOf(path: string): Measure {
  const found = MEASURES.find((measure) => measure.path === path);
  if (!found) throw new FrameloomError('bad-data', `no measure is named ${path}`);
  return found;
}

/** The numbers of a row by their paths. The ends of an interval are at `intervals.psnr.low` and `.high`. */
export type RowValues = ReadonlyMap<string, number>;

const INTERVALS = 'intervals.';

/** Between which numbers a measure would lie with other frames of the same kind; null where that is not known. */
export function intervalOf(row: RowValues, path: string): readonly [number, number] | null {
  const [low, high] = ['low', 'high'].map((end) => row.get(`${INTERVALS}${path}.${end}`));
  return low === undefined || high === undefined ? null : [low, high];
}

/**
 * Every number of a row, the inner ones too, and the ratio of motions. Lists are no measures, but for intervals.
 * @param row what was measured, and how it behaves as `behaviour`
 */
export function valuesOf(row: object): RowValues {
  const values = new Map<string, number>();
  const collect = (inner: object, before: string): void => {
    for (const [key, value] of Object.entries(inner) as [string, unknown][]) {
      const path = `${before}${key}`;
      if (typeof value === 'number') values.set(path, value);
      else if (Array.isArray(value) && path.startsWith(INTERVALS)) {
        const [low, high] = value as unknown[];
        collect({ low, high }, `${path}.`);
      } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        collect(value, `${path}.`);
      }
    }
  };
  collect(row, '');
  const ratio = motionRatio({
    temporalDifference: values.get('temporalDifference') ?? null,
    realTemporalDifference: values.get('realTemporalDifference') ?? null,
  });
  if (ratio !== null) values.set('motionRatio', ratio);
  return values;
}

/** The measures that any of the rows has: those with a name in their order, then the others by their paths. */
export function measuresIn(rows: readonly RowValues[]): Measure[] {
  const paths = new Set(rows.flatMap((row) => [...row.keys()]));
  const known = MEASURES.filter(({ path }) => paths.has(path));
  const names = new Set(MEASURES.map(({ path }) => path));
  const others = [...paths].filter(
    (path) => !names.has(path) && !NO_MEASURES.has(path) && !path.startsWith(INTERVALS),
  );
  return [...known, ...named('other', ...others.map((path) => [path, path, 3, null] as const))];
}

/** A value as the reports say it; what reads as nothing has no sign. */
export function sayValue(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined) return '–';
  const said = value.toFixed(digits);
  return Number(said) === 0 ? said.replace('-', '') : said.replace('-', '−');
}

/** How far from good, the less the better. */
function badness(good: Goodness, value: number, row: RowValues): number {
  const apart = (from: number): number =>
    // Half as much is as far off as twice as much.
    value > 0 && from > 0 ? Math.abs(Math.log(value / from)) : Infinity;
  if (good === 'high') return -value;
  if (good === 'low') return value;
  if (good === 'zero') return Math.abs(value);
  return apart(good === 'one' ? 1 : (row.get(good.as) ?? NaN));
}

/** `best` of the runs, several where they read the same; a baseline that is `ahead` of every run. */
export type Mark = 'best' | 'ahead' | null;

/**
 * Marks one measure's column.
 * @param runs values of the runs; of one alone none is the best
 * @param baselines what stands beside them
 */
export function marksOf(
  measure: Measure,
  runs: readonly RowValues[],
  baselines: readonly RowValues[],
): { runs: Mark[]; baselines: Mark[] } {
  const { path, good, digits } = measure;
  const judged = (row: RowValues): { bad: number; said: string } => {
    const value = row.get(path);
    const bad = value === undefined || good === null ? NaN : badness(good, value, row);
    return { bad: Number.isNaN(bad) ? Infinity : bad, said: sayValue(value, digits) };
  };
  const own = runs.map(judged);
  const least = Math.min(Infinity, ...own.map(({ bad }) => bad));
  const bestSaid = own.find(({ bad }) => bad === least)?.said;
  return {
    runs: own.map(({ bad, said }) =>
      runs.length > 1 && bad < Infinity && said === bestSaid ? 'best' : null,
    ),
    baselines: baselines
      .map(judged)
      .map(({ bad, said }) => (bad < least && said !== bestSaid ? 'ahead' : null)),
  };
}
