import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { filesOf } from '../video/sequence.js';

/** Pictures of a folder whose names differ in their numbers alone. */
export interface Series {
  readonly names: readonly string[];
  /** What names just these: `step%d.camera.png`, or `*_labelIds.png`. */
  readonly pattern: string;
  /** What tells its pictures apart: the numbers that are not the same in all. */
  readonly keys: readonly string[];
}

/** So many pictures of another series are no odd ones left behind. */
const LEAST_SERIES = 2;
/** Series that name the same moments belong side by side, not one behind the other. */
const SHARED = 0.5;

const numbersIn = (name: string): string[] => name.match(/\d+/g) ?? [];

function seriesOf(names: readonly string[]): Series {
  const numbers = names.map(numbersIn);
  const places = (numbers[0] ?? []).map((_, i) => i);
  const varying = places.filter((i) => numbers.some((own) => own[i] !== numbers[0]![i]));
  const keys = numbers.map((own) => varying.map((i) => String(Number(own[i]))).join(' '));
  return { names, keys, pattern: patternOf(names, varying) };
}

/** @param varying which of the numbers are not the same in all names */
function patternOf(names: readonly string[], varying: readonly number[]): string {
  const [first = ''] = names;
  const [place] = varying;
  if (place === undefined) return first;
  const parts = first.split(/(\d+)/);
  const before = parts.slice(0, 2 * place + 1).join('');
  const after = parts.slice(2 * varying.at(-1)! + 2).join('');
  if (varying.length > 1) return `${before}*${after}`;
  const digits = names.map((name) => numbersIn(name)[place]!);
  const width = Math.min(...digits.map((text) => text.length));
  const isPadded = digits.some((text) => text.length > 1 && text.startsWith('0'));
  return `${before}${isPadded ? `%0${width}d` : '%d'}${after}`;
}

/**
 * The series that pictures lie in side by side, as `step0.camera.png` and
 * `step0.camera.semantic segmentation.png` do. Names of other shapes that go on where the first end, or
 * that stand alone, make no series.
 * @returns none, or at least two
 */
export function seriesSideBySide(names: readonly string[]): Series[] {
  const byShape = new Map<string, string[]>();
  for (const name of names) {
    const shape = name.replaceAll(/\d+/g, '#');
    const those = byShape.get(shape);
    if (those) those.push(name);
    else byShape.set(shape, [name]);
  }
  const all = [...byShape.values()].filter((own) => own.length >= LEAST_SERIES).map(seriesOf);
  const beside = all.filter((one) =>
    all.some((other) => {
      if (other === one) return false;
      const there = new Set(other.keys);
      const shared = one.keys.filter((key) => there.has(key)).length;
      return shared >= SHARED * Math.min(one.keys.length, other.keys.length);
    }),
  );
  return beside.length < 2 ? [] : beside;
}

/**
 * Refuses a folder in which pictures of several series lie, which would be played through one another:
 * a photograph, its labels, the next photograph.
 * @throws FrameloomError bad-data that names what to write for each series
 */
export async function assertOneSeries(path: string): Promise<void> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts?.isDirectory()) return;
  const series = seriesSideBySide((await filesOf(path)).map((file) => basename(file)));
  if (series.length === 0) return;
  const named = series.map(({ pattern, names }) => `${pattern} (${names.length} pictures)`);
  const [{ pattern }] = series as [Series];
  throw new FrameloomError(
    'bad-data',
    `the folder ${path} holds ${series.length} series of pictures: ${named.join(', ')}`,
    {
      hint: `name the one that is meant: ${join(path, pattern)}; of many such folders: ${join('*', pattern)}`,
      path,
    },
  );
}
