import { assertComparable, type Image } from './image.js';

/**
 * Mean |Δt|: the mean absolute difference of two neighbouring frames, in [-1, 1] units. Beside that
 * of the real frames it tells a picture that froze (lower) from one that flickers (higher).
 * @throws FrameloomError bad-shape
 */
export function temporalDifference(previous: Image, current: Image): number {
  assertComparable(previous, current);
  let sum = 0;
  for (let i = 0; i < current.data.length; i += 1) {
    sum += Math.abs(current.data[i]! - previous.data[i]!);
  }
  return sum / current.data.length;
}
