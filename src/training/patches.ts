import * as tf from '@tensorflow/tfjs-core';
import type { Logger } from '../base/log.js';
import type { DataOptions, Window } from '../clips/index.js';
import { placesOf, type Generator } from '../networks/index.js';

/**
 * Where patches lie in their frames, as a generator with positions is shown it: numbers that enter the step, so that its
 * graph is the same wherever they lie.
 * @returns [N, 4], the caller's; null of whole frames, and for generators without positions
 */
export function windowPlaces(
  { hasPositions }: Pick<Generator, 'hasPositions'>,
  { frames, origin }: Pick<Window, 'frames' | 'origin'>,
): tf.Tensor2D | null {
  if (!hasPositions) return null;
  const [, , height, width] = frames.shape;
  const places = origin.flatMap(({ patch }) => (patch ? [placesOf(patch, { width, height })] : []));
  return places.length === 0 ? null : tf.tensor2d(places);
}

/** Says what patches are bad for. */
export function sayPatches(
  { isNormalizedByPicture }: Pick<Generator, 'isNormalizedByPicture'>,
  { patch, size }: Pick<DataOptions, 'patch' | 'size'>,
  log: Logger,
): void {
  if (!patch || !isNormalizedByPicture) return;
  log.warn(
    `this generator normalizes features by all of the picture that it sees, which is ${patch.width}x${patch.height} in training and ${size.width}x${size.height} afterwards: colours and contrast may come out otherwise (generator.normalization: weights does not)`,
  );
}
