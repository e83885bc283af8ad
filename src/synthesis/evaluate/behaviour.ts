import type { Dataset, HeldOutSegment } from '../../clips/index.js';
import type { TrainedGenerator } from '../models/model.js';
import type { Rollout } from './choose-rollouts.js';
import { measureInfluence, type Influence } from './influence.js';
import {
  mayDrift,
  measureDrift,
  type DriftSlopes,
  type LongRolloutOptions,
} from './long-rollout.js';

/** How a generator behaves, beside how near its frames are to the real ones. */
export interface Behaviour extends Influence {
  /** Null of a generator without memory, of which no long rollout is made. */
  readonly drift: DriftSlopes | null;
}

/** The longest held-out segment, all of it; null when nothing is held out. */
export function longestRollout(dataset: Pick<Dataset, 'heldOut'>): Rollout | null {
  const segment = dataset
    .heldOut()
    .reduce<HeldOutSegment | undefined>(
      (longest, one) => (longest && longest.scoredFrames >= one.scoredFrames ? longest : one),
      undefined,
    );
  return segment ? { segment, frames: segment.scoredFrames } : null;
}

/**
 * Measures what decides a generator's frames, and what becomes of them in a long rollout, over the longest
 * held-out segment. The long rollout, of a generator with memory, is scored against the real frames too.
 * @param options of the long rollout; `onFrame` is told of each of its frames
 * @returns null when nothing is held out
 * @throws FrameloomError cancelled; as reading and generating do
 */
export async function measureBehaviour(
  dataset: Dataset,
  trained: TrainedGenerator,
  options: Omit<LongRolloutOptions, 'isScored'> = {},
): Promise<Behaviour | null> {
  const rollout = longestRollout(dataset);
  if (rollout === null) return null;
  const influence = await measureInfluence(dataset, trained, rollout, options.signal);
  return {
    ...influence,
    drift: mayDrift(trained.generator.options)
      ? await measureDrift(dataset, trained, rollout, { ...options, isScored: true })
      : null,
  };
}
