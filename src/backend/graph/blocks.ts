import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from './named.js';

/**
 * A piece of a computation that can be run by itself, from what the piece before left, nothing for the
 * first, to what the next one reads. Gradient checkpointing may keep no more than what is between two
 * blocks, and compute the rest again.
 */
export interface Block<Input> {
  /** Names of the parameters that it reads. */
  readonly parameters: readonly string[];
  /** Differentiable, a pure function of its tensors; input is what all blocks may read. */
  run(parameters: NamedTensors, before: NamedTensors, input: Input): NamedTensors;
}

/**
 * Blocks one after the other. What is between two of them is let go as soon as nothing needs it.
 *
 * @param first stays the caller's
 */
export function runInOrder<Input>(
  blocks: readonly Block<Input>[],
  parameters: NamedTensors,
  first: NamedTensors,
  input: Input,
): NamedTensors {
  return blocks.reduce((before, block) => {
    const after = tf.tidy(() => block.run(parameters, before, input));
    if (before !== first) {
      const passedOn = new Set(Object.values(after));
      tf.dispose(Object.values(before).filter((tensor) => !passedOn.has(tensor)));
    }
    return after;
  }, first);
}
