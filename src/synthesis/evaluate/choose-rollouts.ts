import type { HeldOutSegment } from '../../clips/index.js';

/** Shorter rollouts say little of what a generator makes of its own frames. */
const SHORTEST_FRAMES = 8;

/** A held-out segment, and how many frames of it are rolled out. */
export interface Rollout {
  readonly segment: HeldOutSegment;
  readonly frames: number;
}

/**
 * What of the held-out segments is rolled out where all would be too much: shorter rollouts first, down
 * to eight frames, then segments evenly spread over all of them, which stand in the order of the clips.
 * The same segments and bounds give the same rollouts.
 * @param framesPerSegment the longest rollout
 * @param mostFrames of all rollouts together
 */
export function chooseRollouts(
  segments: readonly HeldOutSegment[],
  { framesPerSegment = Infinity, mostFrames = Infinity },
): Rollout[] {
  const upTo = (most: number): Rollout[] =>
    segments.map((segment) => ({ segment, frames: Math.min(segment.scoredFrames, most) }));
  const sum = (rollouts: readonly Rollout[]): number =>
    rollouts.reduce((total, { frames }) => total + frames, 0);
  const whole = upTo(framesPerSegment);
  if (sum(whole) <= mostFrames) return whole;
  // Some segments are short, which leaves the others more than an even share.
  const shortest = Math.min(SHORTEST_FRAMES, framesPerSegment, mostFrames);
  let [low, high] = [shortest, Math.min(framesPerSegment, mostFrames)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (sum(upTo(middle)) <= mostFrames) low = middle;
    else high = middle - 1;
  }
  const all = upTo(low);
  if (sum(all) <= mostFrames) return all;
  const count = Math.max(1, Math.floor((mostFrames * all.length) / sum(all)));
  const spread = Array.from(
    { length: count },
    (_, i) => all[Math.floor(((i + 0.5) * all.length) / count)]!,
  );
  // Segments are of unequal length: those that were drawn may still be too much.
  while (spread.length > 1 && sum(spread) > mostFrames) spread.pop();
  return spread;
}
