import { FrameloomError } from '../base/error.js';
import { formatRational, rationalToNumber, type Rational } from '../base/rational.js';
import type { VideoInfo } from '../video/index.js';

/** Rates this close are one rate, written differently. */
const SAME_RATE = 1e-3;

export const sameRate = (a: Rational, b: Rational): boolean =>
  Math.abs(rationalToNumber(a) / rationalToNumber(b) - 1) < SAME_RATE;

interface RateGroup {
  readonly fps: Rational;
  readonly example: string;
  count: number;
}

/** The rates that there are, the commonest first. */
function groupsOf(infos: readonly VideoInfo[]): RateGroup[] {
  const groups: RateGroup[] = [];
  for (const { fps, path } of infos) {
    const known = groups.find((group) => sameRate(group.fps, fps));
    if (known) known.count += 1;
    else groups.push({ fps, example: path ?? '', count: 1 });
  }
  return groups.sort((a, b) => b.count - a.count);
}

/** The error for clips of several rates, which lists all of them; undefined of one rate. */
export function differentRates(infos: readonly VideoInfo[]): FrameloomError | undefined {
  const groups = groupsOf(infos);
  const [most] = groups;
  if (!most || groups.length === 1) return undefined;
  const list = groups.map(
    ({ fps, count, example }) =>
      `${formatRational(fps)} frames a second (${count === 1 ? example : `${count} clips such as ${example}`})`,
  );
  return new FrameloomError('bad-data', `the clips differ in rate: ${list.join(', ')}`, {
    hint: `set data.fps, such as fps: ${formatRational(most.fps)}, to take all at one rate`,
    path: 'data.fps',
  });
}
