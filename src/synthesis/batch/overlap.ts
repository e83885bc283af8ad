import { dirname, resolve } from 'node:path';
import { numberParts } from '../../video/sequence.js';

/** One place for all names that some disk takes for the same: of another case, composed otherwise. */
export const placeKey = (output: string): string => resolve(output).normalize('NFC').toLowerCase();

/**
 * Two sequences of pictures whose names cannot be told apart: `a%03d.png` and `a1%03d.png` both have
 * an a1001.png. Whoever reads, replaces or clears away one would take the other for a part of it.
 */
export function findOverlap<T extends { readonly output: string }>(
  jobs: readonly T[],
): [T, T] | undefined {
  const sequences = jobs.flatMap((job) => {
    const parts = numberParts(job.output);
    if (!parts) return [];
    const folder = dirname(resolve(job.output));
    const fold = (text: string): string => text.normalize('NFC').toLowerCase();
    return [{ job, folder, before: fold(parts.before), after: fold(parts.after) }];
  });
  // Digits of a name before the number, or behind it, read backwards, are what may be mistaken.
  const backwards = (text: string): string => Array.from(text).reverse().join('');
  return (
    findPrefix(
      sequences.map(({ job, folder, before, after }) => ({
        ...{ job, text: before },
        group: JSON.stringify([folder, before.replace(/\d+$/, ''), after]),
      })),
    ) ??
    findPrefix(
      sequences.map(({ job, folder, before, after }) => ({
        ...{ job, text: backwards(after) },
        group: JSON.stringify([folder, before, after.replace(/^\d+/, '')]),
      })),
    )
  );
}

interface Entry<T> {
  readonly job: T;
  readonly text: string;
  readonly group: string;
}

/** Two of a group of which one's text begins the other's: when sorted, they are neighbours. */
function findPrefix<T>(entries: readonly Entry<T>[]): [T, T] | undefined {
  const groups = new Map<string, Entry<T>[]>();
  for (const entry of entries) {
    const group = groups.get(entry.group) ?? [];
    groups.set(entry.group, group);
    group.push(entry);
  }
  for (const group of groups.values()) {
    group.sort((a, b) => (a.text < b.text ? -1 : 1));
    for (const [i, { job, text }] of group.entries()) {
      const next = group[i + 1];
      if (next?.text.startsWith(text)) return [job, next.job];
    }
  }
  return undefined;
}
