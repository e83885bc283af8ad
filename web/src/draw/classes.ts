/**
 * The class that somebody new begins to draw with: one that is seen, neither nearly everywhere nor
 * hardly at all, so that the picture answers. Of those the one whose share is nearest to a twelfth.
 * @param map ids of the first map; null where there is none
 */
export function firstClass(map: Uint8Array | null, classes: number): number {
  if (!map || map.length === 0) return Math.min(1, classes - 1);
  const counts = new Float64Array(256);
  for (const id of map) counts[id]! += 1;
  const target = Math.log(1 / 12);
  let best = 0;
  let nearest = Infinity;
  for (let id = 0; id < classes; id += 1) {
    if (counts[id] === 0) continue;
    const off = Math.abs(Math.log(counts[id]! / map.length) - target);
    if (off < nearest) [best, nearest] = [id, off];
  }
  return best;
}

/** The class that takes most of a map: what lies below everything where no map plays. */
export function commonestClass(map: Uint8Array | null): number {
  if (!map) return 0;
  const counts = new Float64Array(256);
  for (const id of map) counts[id]! += 1;
  return counts.indexOf(Math.max(...counts));
}

/**
 * Classes whose names hold all words of a search, in their own order; those that begin with it first.
 * @returns ids
 */
export function searchClasses(names: readonly string[], search: string): number[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = names.flatMap((name, id) =>
    words.every((word) => name.toLowerCase().includes(word)) ? [id] : [],
  );
  if (words.length === 0) return found;
  const first = (id: number): number => (names[id]!.toLowerCase().startsWith(words[0]!) ? 0 : 1);
  return found.sort((a, b) => first(a) - first(b) || a - b);
}
