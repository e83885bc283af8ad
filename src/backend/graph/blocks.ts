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
 * @param first stays the caller's, what a block passes on of it too
 */
export function runInOrder<Input>(
  blocks: readonly Block<Input>[],
  parameters: NamedTensors,
  first: NamedTensors,
  input: Input,
): NamedTensors {
  const given = new Set(Object.values(first));
  return blocks.reduce((before, block) => {
    const after = tf.tidy(() => block.run(parameters, before, input));
    const passedOn = new Set(Object.values(after));
    tf.dispose(Object.values(before).filter((one) => !passedOn.has(one) && !given.has(one)));
    return after;
  }, first);
}

/** What blocks have left, each a tensor of its own: what they passed on of what was before is copied. */
export function ownTensors(left: NamedTensors, before: NamedTensors): NamedTensors {
  const given = new Set(Object.values(before));
  return Object.fromEntries(
    Object.entries(left).map(([name, one]) => [name, given.has(one) ? tf.clone(one) : one]),
  );
}
