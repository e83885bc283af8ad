import * as tf from '@tensorflow/tfjs-core';
import type { Group } from '../../backend/group/index.js';
import type { NamedTensors } from '../../backend/graph/index.js';
import type { Exchange } from '../step.js';

/**
 * The means over all processes of what a step has learnt. All tensors go in one vector: what a meeting costs beside its
 * bytes is the same for a number and for a network.
 */
export const exchangeOf = (group: Group): Exchange => ({
  size: group.size,
  means(own) {
    const names = Object.keys(own);
    return tf.tidy((): NamedTensors => {
      const tensors = names.map((name) => own[name]!);
      const all = group.mean(tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1]))));
      const parts = tf.split(
        all,
        tensors.map(({ size }) => size),
      );
      return Object.fromEntries(
        names.map((name, i) => [name, tf.reshape(parts[i]!, tensors[i]!.shape)]),
      );
    });
  },
});
