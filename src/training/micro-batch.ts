import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../backend/scope.js';
import { valueAndGradients } from '../autodiff/index.js';
import type { LossTerms } from './generator-loss.js';

/** Items `from` … `to` − 1 of all. */
export interface MicroBatch {
  readonly from: number;
  readonly to: number;
  /** Its items by all items: what its mean weighs in the mean of all. */
  readonly share: number;
}

/** `count` items in batches of at most `size`. */
export function microBatches(count: number, size: number): MicroBatch[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, i) => {
    const from = i * size;
    const to = Math.min(count, from + size);
    return { from, to, share: (to - from) / count };
  });
}

/** A batch's part of a loss: what it is computed from, and its terms. */
export interface LossPart {
  /** The tensors that a gradient is wanted in. */
  readonly xs: readonly tf.Tensor[];
  /** Run once, on a tape. Means carry the batch's share, so that the parts' terms add up. */
  readonly terms: () => LossTerms;
}

/** Loss terms and the gradients of their sum. */
export interface TermGradients {
  readonly terms: LossTerms;
  /** In the order of the x that were asked for; zeros where no term depends on one. */
  readonly gradients: tf.Tensor[];
}

/** The part's terms and the gradients of their sum, on a tape of its own. */
function partGradients(part: () => LossPart): TermGradients & { xs: readonly tf.Tensor[] } {
  return scoped(() => {
    const { xs, terms: make } = part();
    const kept: LossTerms = {};
    const { gradients } = valueAndGradients(() => {
      const terms = make();
      for (const [name, term] of Object.entries(terms)) kept[name] = tf.keep(tf.clone(term));
      const values = Object.values(terms);
      return values.length === 0 ? tf.scalar(0) : tf.addN(values);
    }, xs);
    const terms: LossTerms = {};
    for (const [name, term] of Object.entries(kept)) {
      terms[name] = tf.clone(term);
      term.dispose();
    }
    return { terms, gradients, xs };
  });
}

/** `sum + term` in place of both; `term` where there is no sum yet. */
function addInto<T extends tf.Tensor>(sum: T | undefined, term: T): T {
  if (!sum) return term;
  const total: T = tf.add(sum, term);
  tf.dispose([sum, term]);
  return total;
}

/**
 * A loss that is a sum over parts, and its gradients, one part's activations at a time. The gradient
 * of a mean over N items is the sum over batches of each batch's share times the gradient of its own
 * mean; so this equals the gradient of the whole but for rounding, in the memory of one part.
 *
 * @param xs what gradients are wanted in; each part names those of them that it reads
 * @param parts called in order, each when the one before is done and let go
 */
export function gradientsOfParts(
  xs: readonly tf.Tensor[],
  parts: readonly (() => LossPart)[],
): TermGradients {
  return scoped(() => {
    const at = new Map(xs.map((x, i) => [x, i]));
    const sums: (tf.Tensor | undefined)[] = xs.map(() => undefined);
    const terms: LossTerms = {};
    for (const part of parts) {
      const own = partGradients(part);
      own.xs.forEach((x, i) => {
        const position = at.get(x);
        if (position === undefined) throw new Error('a part reads what no gradient is wanted in');
        sums[position] = addInto(sums[position], own.gradients[i]!);
      });
      for (const [name, term] of Object.entries(own.terms)) {
        terms[name] = addInto(terms[name], term);
      }
    }
    return { terms, gradients: sums.map((sum, i) => sum ?? tf.zerosLike(xs[i]!)) };
  });
}
