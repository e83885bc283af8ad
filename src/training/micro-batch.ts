import * as tf from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../autodiff/index.js';
import {
  numbered,
  ordered,
  prefixed,
  withoutPrefix,
  type NamedTensors,
  type Runner,
} from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import { sumOf, type LossTerms } from './generator-loss.js';

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

/** A batch's part of a loss: a pure function of tensors, with the tensors. */
export interface LossPart {
  /** Parts of one kind compute the same from equal tensors. */
  readonly kind: string;
  /** The tensors that a gradient is wanted in. */
  readonly xs: readonly tf.Tensor[];
  /** What else it reads. */
  readonly given: NamedTensors;
  /**
   * Called off the tape, for what needs no gradient; what it returns is called once, on a tape. Nothing
   * but the tensors that it gets, which stand for `xs` and `given`, and constants may enter. Means
   * carry the batch's share, so that the parts' terms add up.
   */
  open(xs: readonly tf.Tensor[], given: NamedTensors): () => LossTerms;
}

/** Loss terms and the gradients of their sum. */
export interface TermGradients {
  readonly terms: LossTerms;
  /** In the order of the x that were asked for; zeros where no term depends on one. */
  readonly gradients: tf.Tensor[];
}

/** The part's terms and the gradients of their sum, by a runner, on a tape of its own. */
function partGradients(part: LossPart, runner: Runner): TermGradients {
  const inputs = { ...numbered('x', part.xs), ...prefixed('given.', part.given) };
  const made = runner.call(part.kind, inputs, (tensors): NamedTensors => {
    const own = ordered('x', tensors);
    const make = part.open(own, withoutPrefix('given.', tensors));
    const kept: LossTerms = {};
    const { gradients } = valueAndGradients(() => {
      const terms = make();
      for (const [name, term] of Object.entries(terms)) kept[name] = tf.keep(tf.clone(term));
      return sumOf(terms);
    }, own);
    const terms = Object.entries(kept).map(([name, term]) => {
      const copy = tf.clone(term);
      term.dispose();
      return [`term.${name}`, copy] as const;
    });
    return { ...Object.fromEntries(terms), ...numbered('gradient', gradients) };
  });
  return {
    terms: withoutPrefix('term.', made) as LossTerms,
    gradients: ordered('gradient', made),
  };
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
  runner: Runner,
): TermGradients {
  return scoped(() => {
    const at = new Map(xs.map((x, i) => [x, i]));
    const sums: (tf.Tensor | undefined)[] = xs.map(() => undefined);
    const terms: LossTerms = {};
    for (const make of parts) {
      const own = scoped(() => {
        const part = make();
        return { xs: part.xs, ...partGradients(part, runner) };
      });
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
