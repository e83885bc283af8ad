import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { FrameloomError } from '../base/error.js';
import {
  folderSequence,
  isPattern,
  patternSequence,
  type PictureSequence,
} from '../video/sequence.js';

/** The part of a sequence that is used, in pictures. */
export interface UsedPart {
  readonly firstFrame: number;
  /** To the end where it is null. */
  readonly frameLimit: number | null;
}

/** A hole in the numbers of a sequence. */
export interface Gap {
  /** The frame, counted from the first that is used, before which pictures are missing. */
  readonly frame: number;
  /** The numbers on either side of the hole. */
  readonly after: number;
  readonly before: number;
}

/**
 * The pictures that a path stands for; undefined of a video, or of a single picture.
 * @throws FrameloomError bad-input, not-found
 */
export async function sequenceAt(path: string): Promise<PictureSequence | undefined> {
  if (await isPattern(path)) return patternSequence(path);
  const facts = await stat(path).catch(() => undefined);
  return facts?.isDirectory() ? folderSequence(path) : undefined;
}

const usedOf = <T>(list: readonly T[], { firstFrame, frameLimit }: UsedPart): readonly T[] =>
  list.slice(firstFrame, frameLimit === null ? undefined : firstFrame + frameLimit);

/** Where a picture stands: its number, in a series of those whose other numbers are the same. */
interface Place {
  readonly series: string;
  readonly number: number;
}

/** The places of all pictures by the numbers in their names; null where names are not alike otherwise. */
function placesOf({ files, numbers }: PictureSequence): Place[] | null {
  if (numbers) return numbers.map((number) => ({ series: '', number }));
  const names = files.map((file) => basename(file).split(/(\d+)/));
  const [first] = names;
  const isAlike = names.every(
    (parts) =>
      parts.length === first!.length && parts.every((part, i) => i % 2 === 1 || part === first![i]),
  );
  if (!first || !isAlike) return null;
  const varying = first.flatMap((part, i) =>
    i % 2 === 1 && names.some((parts) => parts[i] !== part) ? [i] : [],
  );
  const last = varying.pop();
  if (last === undefined) return null;
  return names.map((parts) => ({
    series: varying.map((i) => parts[i]).join(' '),
    number: Number(parts[last]),
  }));
}

/**
 * Where pictures are missing from a sequence. Numbers that go up by two or by ten leave nothing out,
 * and numbers that go up by this and that are times or the like and say nothing.
 */
export function gapsOf(sequence: PictureSequence, part: UsedPart): Gap[] {
  const places = placesOf(sequence) ?? [];
  const steps = places.flatMap(({ series, number }, i) => {
    const before = places[i - 1];
    return before?.series === series ? [number - before.number] : [];
  });
  const step = steps.reduce((least, one) => Math.min(least, one), Number.POSITIVE_INFINITY);
  if (step < 1 || steps.some((one) => one % step !== 0)) return [];
  const used = usedOf(places, part);
  return used.flatMap(({ series, number: before }, frame) => {
    const last = used[frame - 1];
    const isGap = last?.series === series && before - last.number > step;
    return isGap ? [{ frame, after: last.number, before }] : [];
  });
}

/**
 * Where one series of pictures ends and the next begins, as after `aachen_000001_000029.png` comes
 * `aachen_000002_000000.png`: the last number begins anew.
 */
export function restartsOf(sequence: PictureSequence, part: UsedPart): number[] {
  const used = usedOf(placesOf(sequence) ?? [], part);
  return used.flatMap(({ series, number }, frame) => {
    const last = used[frame - 1];
    return last && last.series !== series && number <= last.number ? [frame] : [];
  });
}

const MOST_NAMED = 5;

/** Gaps for people, the first few of them. */
export function gapsText(gaps: readonly Gap[]): string {
  const named = gaps.slice(0, MOST_NAMED).map(({ after, before }) => {
    const [from, to] = [after + 1, before - 1];
    return from === to ? String(from) : `${from} to ${to}`;
  });
  const rest = gaps.length - named.length;
  return `${named.join(', ')}${rest > 0 ? ` and ${rest} more stretches` : ''}`;
}

type Key = string;

/** Words and numbers of a name, without what stands between them; a number by its value. */
const tokensOf = (file: string): string[] =>
  (basename(file, extname(file)).match(/\d+|[^\d\s._-]+/g) ?? []).map((token) =>
    /^\d{1,15}$/.test(token) ? String(Number(token)) : token,
  );

/**
 * What tells the pictures of a sequence apart: the parts of their names that are not the same in
 * all. `shot_000019_photo8bit.png` and `shot_000019_ids.png` are both `19`.
 */
function keysOf(files: readonly string[]): Key[] {
  const names = files.map(tokensOf);
  const count = names[0]?.length ?? 0;
  if (names.some((tokens) => tokens.length !== count)) {
    return files.map((file) => basename(file, extname(file)));
  }
  const places = Array.from({ length: count }, (_, i) => i);
  const varying = places.filter((i) => names.some((tokens) => tokens[i] !== names[0]![i]));
  return names.map((tokens) => varying.map((i) => tokens[i]!).join(' '));
}

/** One of the two sides, as it is named in errors. */
interface Side {
  readonly path: string;
  readonly files: readonly string[];
  readonly keys: readonly Key[];
}

const extent = ({ files }: Side): string => {
  const [first, last] = [files[0], files.at(-1)];
  if (first === undefined || last === undefined) return 'which has none';
  return `which has ${files.length} from ${basename(first)} to ${basename(last)}`;
};

/** The first picture of `side` that the other lacks. */
function loneOf(side: Side, other: Side): { index: number; file: string; others: number } | null {
  const there = new Set(other.keys);
  const lone = side.keys.flatMap((key, index) => (there.has(key) ? [] : [index]));
  const [index] = lone;
  if (index === undefined) return null;
  return { index, file: side.files[index]!, others: lone.length - 1 };
}

const PAIRED_BY = {
  number: 'pictures are paired by the numbers in their names',
  name: 'pictures are paired by what their names differ in',
} as const;

function loneError(
  lone: NonNullable<ReturnType<typeof loneOf>>,
  other: Side,
  by: keyof typeof PAIRED_BY,
): FrameloomError {
  const others = lone.others > 0 ? ` (nor have ${lone.others} others)` : '';
  return new FrameloomError(
    'bad-data',
    `${lone.file} has no partner of its ${by} in ${other.path}, ${extent(other)}${others}`,
    {
      hint: `${PAIRED_BY[by]}: make the missing one, or take this one away too`,
      path: lone.file,
    },
  );
}

/**
 * Holds the pictures of a clip against those of its condition: each number of the one has to be
 * there in the other. Names without numbers have to differ among themselves in the same words.
 * @throws FrameloomError bad-data that names the first picture without a partner, and both sides
 */
export function assertPaired(
  clip: { readonly path: string; readonly sequence: PictureSequence },
  condition: { readonly path: string; readonly sequence: PictureSequence },
  part: UsedPart,
): void {
  const numbered = clip.sequence.numbers !== null && condition.sequence.numbers !== null;
  const sideOf = ({ path, sequence }: typeof clip): Side => {
    const keys = numbered ? sequence.numbers!.map(String) : keysOf(sequence.files);
    return { path, files: usedOf(sequence.files, part), keys: usedOf(keys, part) };
  };
  const [one, other] = [sideOf(clip), sideOf(condition)];
  if (one.files.length === 1 && other.files.length === 1) return;
  const lone = [loneOf(one, other), loneOf(other, one)];
  const by = numbered ? 'number' : 'name';
  // The earlier of the two comes first in people's folders too.
  const [mine, theirs] = lone;
  if (mine && (!theirs || mine.index <= theirs.index)) throw loneError(mine, other, by);
  if (theirs) throw loneError(theirs, one, by);
  const at = one.keys.findIndex((key, i) => key !== other.keys[i]);
  if (at < 0 && one.keys.length === other.keys.length) return;
  throw new FrameloomError(
    'bad-data',
    `the pictures of ${clip.path} and ${condition.path} do not come in the same order: ${basename(one.files[at] ?? '')} meets ${basename(other.files[at] ?? '')}`,
    { hint: 'number them alike on both sides', path: clip.path },
  );
}
