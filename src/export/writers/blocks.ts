import * as tf from '@tensorflow/tfjs-core';
import type { Dimension } from '../trace/dimension.js';
import type { SymbolicCall, SymbolicValue } from '../trace/symbolic.js';
import { inputOf, madeBy } from '../writer.js';

const ORDER = [0, 1, 3, 2, 4, 5];

/** Pixels into channels or back, which TensorFlow.js does by reshapes around a transpose. */
export interface Block {
  readonly folds: 'pixels' | 'channels';
  readonly x: SymbolicValue;
  readonly size: number;
}

const isShape = (value: SymbolicValue, shape: readonly Dimension[]): boolean =>
  value.shape.length === shape.length && value.shape.every((size, i) => size.equals(shape[i]!));

const isOrder = ({ attributes }: SymbolicCall): boolean => {
  const perm = attributes.perm as readonly Dimension[];
  return perm.length === ORDER.length && perm.every((axis, i) => axis.equals(ORDER[i]!));
};

const readBy = (call: SymbolicCall | undefined): SymbolicValue | undefined =>
  call && inputOf(call, 'x');

/**
 * Recognizes reshape, transpose, reshape as one rearrangement: [N, H/b, b, W/b, b, C] to
 * [N, H/b, W/b, b·b·C], which folds pixels into channels, and back.
 */
export function blockOf(output: SymbolicValue): Block | null {
  const transpose = madeBy(readBy(madeBy(output, tf.Reshape)), tf.Transpose);
  if (!transpose || output.shape.length !== 4 || !isOrder(transpose)) return null;
  const middle = inputOf(transpose, 'x');
  const x = readBy(madeBy(middle, tf.Reshape));
  if (x?.shape.length !== 4) return null;
  const [samples, a, b, c, d, channels] = middle.shape as Dimension[] & { length: 6 };
  // Folded: b is the block between rows. Spread: c is.
  const folded = b!.constant;
  if (folded !== undefined && d!.equals(folded)) {
    const into = isShape(x, [samples!, a!.times(folded), c!.times(folded), channels!]);
    const deep = channels!.times(folded * folded);
    if (into && isShape(output, [samples!, a!, c!, deep])) {
      return { folds: 'pixels', x, size: folded };
    }
  }
  const spread = c!.constant;
  if (spread !== undefined && d!.equals(spread)) {
    const deep = channels!.times(spread * spread);
    const outOf = isShape(x, [samples!, a!, b!, deep]);
    if (outOf && isShape(output, [samples!, a!.times(spread), b!.times(spread), channels!])) {
      return { folds: 'channels', x, size: spread };
    }
  }
  return null;
}
