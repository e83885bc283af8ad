import { distance } from 'fastest-levenshtein';

/** The candidate that was probably meant, if any is near: case, dashes and plurals aside. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replace(/[-_ ]/g, '');
  const scored = candidates
    .map((candidate) => ({ candidate, far: distance(plain(word), plain(candidate)) }))
    .sort((a, b) => a.far - b.far);
  const best = scored[0];
  if (!best) return undefined;
  const allowed = Math.max(1, Math.ceil(0.4 * Math.min(word.length, best.candidate.length)));
  return best.far <= allowed ? best.candidate : undefined;
}
