import type { ConditionLayout } from '../clips/types.js';
import type { Synthesizer } from '../synthesis/engines/synthesizer.js';

/**
 * A generator that can be played: what `openModel` gives, here and in Node of an exported file. Several
 * synthesizers may share it.
 */
export interface PlayableModel {
  /** What the bytes of a condition are. */
  readonly layout: ConditionLayout;
  /** The training's, of the noise. */
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /**
   * One more history of it.
   * @param seed of the noise; the training's unless given
   * @param style another look than the model's, styleChannels numbers in [−1, 1]
   */
  open(seed?: number, style?: Float32Array): Synthesizer;
}
