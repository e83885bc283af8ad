import { FrameloomError } from '../base/error.js';
import type { IdRules } from './label-ids.js';

/** A colour, or an id, that no class has. */
export interface UnknownLabel {
  /** [red, green, blue], or [id]. */
  readonly value: readonly number[];
  /** The first frame it was seen in. */
  readonly frame: number;
  /** Pixels of that colour in all frames. */
  pixels: number;
}

/** What labels are read by. */
export interface LabelMeaning {
  /** Of maps of ids; null of a palette. */
  readonly rules: IdRules | null;
  readonly classes: number;
  /** The class whose colour is nearest. */
  readonly nearest: (colour: readonly number[]) => { name: string; distance: number };
}

/** What was met. */
interface Met {
  readonly unknown: ReadonlyMap<number, UnknownLabel>;
  /** Of all frames that were looked at. */
  readonly pixels: number;
}

/** So many labels that nobody has named are no labels. */
const LEVELS_OF_A_PHOTOGRAPH = 32;
const COLOURS_OF_A_PHOTOGRAPH = 64;
/** Colours of maps that were stored with loss are nearer to those of the palette than this. */
const FAR_LEVELS = 24;
const MOST_NAMED = 12;

/** Whether what was met is a picture of the world, and no map of it. */
function isPhotograph({ rules, nearest }: LabelMeaning, { unknown, pixels }: Met): boolean {
  const labels = [...unknown.values()];
  const strange = labels.reduce((sum, label) => sum + label.pixels, 0);
  if (strange < pixels / 2) return false;
  if (rules && labels.every(({ value }) => value.length === 1)) {
    return (
      labels.length >= LEVELS_OF_A_PHOTOGRAPH && labels.every(({ value: [id = 0] }) => id < 256)
    );
  }
  if (labels.length < COLOURS_OF_A_PHOTOGRAPH) return false;
  if (rules) return true;
  const some = labels.sort((a, b) => b.pixels - a.pixels).slice(0, COLOURS_OF_A_PHOTOGRAPH);
  const far = some.reduce((sum, { value }) => sum + nearest(value).distance, 0) / some.length;
  return far > FAR_LEVELS;
}

const several = (count: number, what: string): string =>
  `${count} other ${what}${count === 1 ? '' : 's'}`;

/** What is wrong with an id, and what to do. */
function unknownId(
  ids: readonly number[],
  { classes, remap, divideIdsBy }: IdRules,
): readonly [message: string, hint: string] {
  const [id = 0] = ids;
  if (divideIdsBy !== undefined && id > 0 && id < divideIdsBy) {
    return [
      `label id ${id} is below divideIdsBy: ${divideIdsBy}, so that nobody can tell whether it is a class or an instance`,
      'where some pixels hold the class alone, name ids as they are by remap, such as {7: 0, 24000-24999: 11}, instead of divideIdsBy',
    ];
  }
  const own = divideIdsBy === undefined ? ids : ids.map((one) => Math.floor(one / divideIdsBy));
  if (remap !== undefined) {
    const sorted = [...new Set(own)].sort((a, b) => a - b);
    const named = sorted.slice(0, MOST_NAMED).join(', ');
    const rest = sorted.length > MOST_NAMED ? ` and ${sorted.length - MOST_NAMED} more` : '';
    return [
      `label id${sorted.length === 1 ? '' : 's'} ${named}${rest} ${sorted.length === 1 ? 'is' : 'are'} neither in remap nor in ignore`,
      'add each to one of them',
    ];
  }
  const advice =
    id >= 1000 && divideIdsBy === undefined
      ? '; ids of class · N + instance are read by divideIdsBy: N'
      : `; what counts for nothing is named by ignore: ${own[0] ?? 0}`;
  return [
    `label id ${own[0] ?? 0} is not below classes: ${classes}`,
    `raise data.condition.classes, or mend the label maps${advice}`,
  ];
}

/**
 * The error for labels that no class has: the commonest, where it was met and what to do.
 * @param path the maps, where they are known
 */
export function unknownLabels(meaning: LabelMeaning, met: Met, path?: string): FrameloomError {
  const { rules, classes, nearest } = meaning;
  const worst = [...met.unknown.values()].sort((a, b) => b.pixels - a.pixels);
  const first = worst[0]!;
  const detail = path === undefined ? {} : { path };
  const isColour = first.value.length > 1;
  if (isPhotograph(meaning, met)) {
    return new FrameloomError(
      'bad-data',
      `${path ?? 'the input'} looks like pictures of a camera, not like label maps: it holds ${worst.length} ${isColour ? 'colours' : 'grey levels'} that are no labels`,
      {
        hint: `label maps of ${classes} classes are expected here, and not the pictures that they belong to`,
        ...detail,
      },
    );
  }
  const others = worst.length - 1;
  const pixels = `${first.pixels} pixel${first.pixels === 1 ? '' : 's'}`;
  const more = others > 0 ? `, and ${several(others, rules ? 'label' : 'colour')}` : '';
  const where = `(first in frame ${first.frame}, ${pixels}${more})`;
  if (rules && isColour) {
    return new FrameloomError(
      'bad-data',
      `the label maps hold colours such as [${first.value.join(', ')}], and classes: ${classes} wants ids as grey levels ${where}`,
      { hint: 'give palette: {name: [red, green, blue], …} instead of classes', ...detail },
    );
  }
  if (rules) {
    const ids = worst.filter(({ value }) => value.length === 1).map(({ value: [id = 0] }) => id);
    const [message, hint] = unknownId(ids, rules);
    return new FrameloomError('bad-data', `${message} ${where}`, { hint, ...detail });
  }
  const { name, distance } = nearest(first.value);
  return new FrameloomError(
    'bad-data',
    `label colour [${first.value.join(', ')}] is not in the palette ${where}`,
    {
      hint: `the nearest is ${name}, ${distance} levels off; add the colour, store label videos without loss (FFV1, PNG), or raise toleranceLevels`,
      ...detail,
    },
  );
}
