import type { ConditionLayout, DataOptions } from '../clips/index.js';
import type { TrainedGenerator } from './trained.js';

/** All that generating needs of a training: the generator, its size, and the rule for conditions. */
export interface SynthesisModel extends TrainedGenerator {
  readonly data: DataOptions;
  readonly layout: ConditionLayout;
  /** Steps the weights were trained. */
  readonly step: number;
}
