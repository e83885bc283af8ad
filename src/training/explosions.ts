import { BY_LOSS, type Running, type Signals } from './signals.js';

/** Whether a gradient exploded in a step: its mean is how often. */
const EXPLOSIONS = 'explosions';
/** More than this share of the steps is no accident of one window. */
const OFTEN = 0.1;
const SELDOM = 0.01;
/** So many steps tell how often gradients explode, or a few where nearly all do. */
const FEWEST_STEPS = 16;
const [FEWEST_AT_FIRST, NEARLY_ALL] = [4, 0.75];
/** Steps after a cut until gradients may pass again. */
const STEPS_OF_CALM = 200;

type Means = Readonly<Record<string, Running>>;

/** Whether the generator's gradient exploded in a step, or was beyond all numbers; nothing where it has none. */
export function explosion(
  signals: Signals,
  explodesAbove: number,
): [name: string, value: number][] {
  const { [BY_LOSS]: times } = signals;
  if (typeof times !== 'number' || explodesAbove === 0) return [];
  return [[EXPLOSIONS, times <= explodesAbove ? 0 : 1]];
}

/** Whether gradients explode so often that something is wrong. */
export function isExploding({ [EXPLOSIONS]: often }: Means): boolean {
  return often !== undefined && often.count >= FEWEST_STEPS && often.mean > OFTEN;
}

/**
 * Whether gradients have to end within the rollout, or may pass through all of it again; null where all stays.
 * @param cutAt step after which they were cut; null while they pass
 */
export function cutVerdict(
  means: Means,
  cutAt: number | null,
  step: number,
): { readonly change: 'cut' | 'pass'; readonly often: number } | null {
  const { [EXPLOSIONS]: known } = means;
  if (!known) return null;
  const { mean: often, count } = known;
  const isSoon = count >= FEWEST_AT_FIRST && often > NEARLY_ALL;
  if (cutAt === null) return isSoon || isExploding(means) ? { change: 'cut', often } : null;
  return often < SELDOM && step - cutAt >= STEPS_OF_CALM ? { change: 'pass', often } : null;
}
