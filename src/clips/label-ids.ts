/**
 * What the number of a pixel of a label map means: an instance taken off it, ids that count for nothing,
 * ids of one data set as the classes of another.
 */

/** The byte of a pixel that is of no class: 0 in the channels of all of them. */
export const IGNORED_ID = 255;
/** No class, and nothing says that it is to be ignored. */
export const UNKNOWN_ID = -1;
/** Ids are of up to 16 bits. */
const ID_COUNT = 1 << 16;

/** An id, or a range such as `24-33`. */
export type IdRange = number | string;
/** A class, or `ignore`, which -1 and null say too. */
export type RemapTarget = number | 'ignore' | null;

/** How ids are read, as the pipeline says it. */
export interface IdRules {
  readonly classes: number;
  /** Class · this + instance is the class. */
  readonly divideIdsBy?: number | undefined;
  readonly ignore?: readonly IdRange[] | undefined;
  /** By id: a list from 0 on, or a map of ids and ranges. */
  readonly remap?: readonly RemapTarget[] | Readonly<Record<string, RemapTarget>> | undefined;
}

/** The first and the last id of a range. */
function extentOf(range: IdRange): readonly [number, number] {
  if (typeof range === 'number') return [range, range];
  const [first = '', last = first] = range.split('-');
  return [Number(first), Number(last)];
}

const pairsOf = (remap: NonNullable<IdRules['remap']>): (readonly [IdRange, RemapTarget])[] =>
  Array.isArray(remap)
    ? (remap as readonly RemapTarget[]).map((target, id) => [id, target] as const)
    : Object.entries(remap as Readonly<Record<string, RemapTarget>>);

/** The class of each id of 16 bits, IGNORED_ID or UNKNOWN_ID. What cannot be meant is told. */
export function idTable(rules: IdRules): { table: Int16Array; problems: string[] } {
  const { classes, ignore = [], remap } = rules;
  const table = new Int16Array(ID_COUNT).fill(UNKNOWN_ID);
  const problems: string[] = [];
  const ignored = new Uint8Array(ID_COUNT);
  const put = (range: IdRange, what: string, each: (id: number) => void): void => {
    const [first, last] = extentOf(range);
    if (last < first || last >= ID_COUNT) {
      problems.push(`${what} names ${range}: ids are from 0 to ${ID_COUNT - 1}, the smaller first`);
      return;
    }
    for (let id = first; id <= last; id += 1) each(id);
  };
  for (const range of ignore) put(range, 'ignore', (id) => void (ignored[id] = 1));
  if (remap === undefined) {
    for (let id = 0; id < classes; id += 1) table[id] = id;
  }
  const seen = new Map<number, IdRange>();
  for (const [range, target] of remap === undefined ? [] : pairsOf(remap)) {
    // Data sets write 255 or -1 among the classes for what is ignored.
    const counts = target !== null && target !== 'ignore' && target >= 0;
    const isIgnored = !counts || (target >= classes && ignored[target] === 1);
    if (counts && target >= classes && !isIgnored) {
      problems.push(
        `remap gives ${target} for ${range}, which is not below classes: ${classes} (write ignore, or ignore: ${target})`,
      );
      continue;
    }
    put(range, 'remap', (id) => {
      const before = seen.get(id);
      if (before !== undefined) problems.push(`remap names ${id} twice, by ${before} and ${range}`);
      seen.set(id, range);
      if (ignored[id] === 1 && !isIgnored) {
        problems.push(`${id} stands in ignore and in remap (take it out of one of them)`);
      }
      table[id] = isIgnored ? IGNORED_ID : target;
    });
  }
  ignored.forEach((is, id) => {
    if (is === 1) table[id] = IGNORED_ID;
  });
  const ignores = table.includes(IGNORED_ID) && (ignore.length > 0 || remap !== undefined);
  if (ignores && classes > IGNORED_ID) {
    problems.push(`classes: ${classes} leave no id for what is ignored: at most ${IGNORED_ID}`);
  }
  if (!table.some((id) => id >= 0 && id < classes)) {
    problems.push('remap and ignore leave no id for any class');
  }
  return { table, problems: [...new Set(problems)].slice(0, 5) };
}
