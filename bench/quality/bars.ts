import { motionRatio } from '../../src/metrics/index.js';
import type { EvaluatedRows } from './one-run.js';

/** What a generator has to reach; `holds` is null where it could not be measured. */
export interface Bar {
  readonly name: string;
  readonly holds: (rows: EvaluatedRows) => boolean | null;
}

const within = (value: number | null, least: number, most: number): boolean | null =>
  value === null ? null : value >= least && value <= most;

/** How much SSIM a start without any history may cost. */
const COLD_START = 0.01;

export const BARS: readonly Bar[] = [
  {
    name: 'every baseline below in PSNR and SSIM',
    holds: ({ generated, freeze, mean, nearest }) =>
      [freeze, mean, nearest].every(
        (baseline) =>
          !baseline || (baseline.psnr < generated.psnr && baseline.ssim < generated.ssim),
      ),
  },
  {
    name: 'checker K at most 1.2',
    holds: ({ generated }) => within(generated.checkerRatio, 0, 1.2),
  },
  { name: '|Δt| 0.8 to 1.25', holds: ({ generated }) => within(motionRatio(generated), 0.8, 1.25) },
  {
    name: 'sharpness 0.85 to 1.1',
    holds: ({ generated }) => within(generated.sharpnessRatio, 0.85, 1.1),
  },
  {
    name: 'cold start within 0.01 SSIM',
    holds: ({ generated, coldStart }) =>
      Math.abs(generated.ssim - coldStart.ssim) <= COLD_START + Number.EPSILON,
  },
];

/** `yes`, `no`, or of several seeds how many: `2 of 3`. */
export function sayHolds(verdicts: readonly (boolean | null)[]): string {
  const known = verdicts.filter((verdict) => verdict !== null);
  if (known.length === 0) return '–';
  const holding = known.filter(Boolean).length;
  if (known.length === 1) return holding === 1 ? 'yes' : 'no';
  return `${holding} of ${known.length}`;
}
