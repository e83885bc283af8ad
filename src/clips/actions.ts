import type { ActionColumnOptions, ActionOptions } from './action-options.js';
import type { ActionColumn, ConditionLayout } from './types.js';

/** Which number of a vector one becomes in a mirrored picture, and whether by the opposite sign. */
interface Mirrored {
  readonly from: number;
  readonly sign: 1 | -1;
}

/** How the vectors of frames are read and changed. */
export interface ActionRules {
  readonly columns: readonly ActionColumn[];
  /** The numbers of the file that become −1 and 1; null of keys. */
  readonly ranges: readonly (readonly [number, number] | null)[];
  readonly mirrors: readonly Mirrored[];
  readonly offsetFrames: number;
}

const rangeOf = (column: ActionColumnOptions): readonly [number, number] | null =>
  column.kind === 'axis' ? column.range : null;

/** The rules of `data.actions`; null of data without. */
export function actionRules(options: ActionOptions | undefined): ActionRules | null {
  if (!options) return null;
  const named = Object.entries(options.columns);
  const names = named.map(([name]) => name);
  return {
    columns: named.map(([name, own]) => ({ name, kind: own.kind, default: own.default })),
    ranges: named.map(([, own]) => rangeOf(own)),
    mirrors: named.map(([, { mirror = 'same' }], i) => {
      if (mirror === 'negated') return { from: i, sign: -1 };
      return { from: mirror === 'same' ? i : names.indexOf(mirror), sign: 1 };
    }),
    offsetFrames: options.offsetFrames,
  };
}

/** Numbers that a generator is told of what was done at each frame; 0 where it is told nothing. */
export const actionColumns = ({ actions }: Pick<ConditionLayout, 'actions'>): number =>
  actions?.length ?? 0;

/** What there is for each frame of a clip. */
export interface ActionTrack {
  /** [T, columns], frame by frame: keys 0 or 1, axes −1 to 1. */
  readonly values: Float32Array;
  readonly columns: readonly ActionColumn[];
}

/**
 * The vectors of some frames, [count, columns]. Of frames that are apart, each has what was done since the one before: a
 * key that was held in any of the frames between, an axis' mean.
 */
export function actionsOfFrames(
  { values, columns }: ActionTrack,
  startFrame: number,
  count: number,
  stride: number,
): Float32Array {
  const size = columns.length;
  const out = new Float32Array(count * size);
  for (let i = 0; i < count; i += 1) {
    const last = startFrame + i * stride;
    const first = Math.max(0, last - stride + 1);
    columns.forEach(({ kind }, at) => {
      let [most, sum] = [0, 0];
      for (let frame = first; frame <= last; frame += 1) {
        const value = values[frame * size + at]!;
        most = Math.max(most, value);
        sum += value;
      }
      out[i * size + at] = kind === 'key' ? most : sum / (last - first + 1);
    });
  }
  return out;
}

/** Vectors as they are in a mirrored picture, [count, columns]. */
export function mirrorActions(values: Float32Array, { mirrors }: ActionRules): Float32Array {
  const size = mirrors.length;
  return values.map((_, i) => {
    const { from, sign } = mirrors[i % size]!;
    // Not −0, which is other bytes.
    return sign * values[i - (i % size) + from]! + 0;
  });
}
