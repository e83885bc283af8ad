import * as tf from '@tensorflow/tfjs-core';
import { inPhase, sumInPlace, valueAndGradients, type Phase } from '../autodiff/index.js';
import {
  numbered,
  ordered,
  prefixed,
  withoutPrefix,
  type NamedTensors,
  type Runner,
} from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';

/** Weighted terms by name, as the log shows them. */
export type LossTerms = Record<string, tf.Scalar>;

/** What a part's loss is made of, and numbers about it that are in no loss. */
export interface PartTerms {
  readonly terms: LossTerms;
  /** Carry the batch's share as terms do, so that the parts' add up. */
  readonly signals?: LossTerms;
}

/** 0 when every weight of a side is 0: that side then learns nothing. */
export function sumOf(terms: LossTerms): tf.Scalar {
  const values = Object.values(terms);
  return values.length === 0 ? tf.scalar(0) : tf.addN(values);
}

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

/** One of the losses that a batch has a part in. */
export interface PartLoss {
  /** Names of the tensors that a gradient is wanted in. */
  readonly xs: readonly string[];
  /** Metered as this phase of the step, where it is not the caller's. */
  readonly phase?: Phase;
  /**
   * Called off the tape, for what needs no gradient; what it returns is called once, on a tape. Nothing
   * but the tensors that it gets, which stand for the part's, and constants may enter. Means carry the
   * batch's share, so that the parts' terms add up.
   */
  open(tensors: NamedTensors): () => PartTerms;
}

/**
 * A batch's part of one or several losses, all pure functions of the same tensors: what they have in
 * common, such as a discriminator's forward pass, one recorded graph computes once.
 */
export interface LossPart<K extends string> {
  /** Parts of one kind compute the same from equal tensors. */
  readonly kind: string;
  readonly tensors: NamedTensors;
  readonly losses: Readonly<Partial<Record<K, PartLoss>>>;
}

/** Loss terms and the gradients of their sum. */
export interface TermGradients {
  readonly terms: LossTerms;
  readonly signals: LossTerms;
  /** In the order of the x that were asked for; zeros where no term depends on one. */
  readonly gradients: tf.Tensor[];
}

/** The loss's terms and the gradients of their sum, on a tape of its own. */
function gradientsOf(loss: PartLoss, tensors: NamedTensors): NamedTensors {
  const make = loss.open(tensors);
  const kept: LossTerms = {};
  const xs = loss.xs.map((name) => tensors[name]!);
  const { gradients } = valueAndGradients(() => {
    const { terms, signals = {} } = make();
    const numbers = { ...prefixed('term.', terms), ...prefixed('signal.', signals) };
    for (const [name, number] of Object.entries(numbers)) {
      kept[name] = tf.keep(tf.clone(number as tf.Scalar));
    }
    return sumOf(terms);
  }, xs);
  const numbers = Object.entries(kept).map(([name, number]) => {
    const copy = tf.clone(number);
    number.dispose();
    return [name, copy] as const;
  });
  return { ...Object.fromEntries(numbers), ...numbered('gradient', gradients) };
}

const gradientsInPhase = (loss: PartLoss, tensors: NamedTensors): NamedTensors =>
  loss.phase ? inPhase(loss.phase, () => gradientsOf(loss, tensors)) : gradientsOf(loss, tensors);

const lossesOf = <K extends string>(part: LossPart<K>): [K, PartLoss][] =>
  Object.entries(part.losses) as [K, PartLoss][];

/** Those of a part's losses that are wanted, by a runner. */
function partGradients<K extends string>(
  part: LossPart<K>,
  wanted: Readonly<Record<string, unknown>>,
  runner: Runner,
): (readonly [K, TermGradients])[] {
  const losses = lossesOf(part).filter(([name]) => wanted[name] !== undefined);
  const key = `${part.kind}: ${losses.map(([name]) => name).join(', ')}`;
  const made = runner.call(key, part.tensors, (tensors): NamedTensors => {
    const own = losses.map(([name, loss]) =>
      prefixed(
        `${name}.`,
        scoped(() => gradientsInPhase(loss, tensors)),
      ),
    );
    return Object.assign({}, ...own) as NamedTensors;
  });
  return losses.map(([name]) => {
    const own = withoutPrefix(`${name}.`, made);
    const terms = withoutPrefix('term.', own) as LossTerms;
    const signals = withoutPrefix('signal.', own) as LossTerms;
    return [name, { terms, signals, gradients: ordered('gradient', own) }] as const;
  });
}

/**
 * Losses that are sums over parts, and their gradients, one part's activations at a time. The gradient
 * of a mean over N items is the sum over batches of each batch's share times the gradient of its own
 * mean; so this equals the gradient of the whole but for rounding, in the memory of one part.
 *
 * @param wanted for each loss the tensors that gradients are wanted in, of which each part names those
 *   that it reads; losses that are not named are left out
 * @param parts called in order, each when the one before is done and let go
 */
export function gradientsOfParts<K extends string>(
  wanted: Readonly<Record<K, readonly tf.Tensor[]>>,
  parts: readonly (() => LossPart<K>)[],
  runner: Runner,
): Record<K, TermGradients> {
  return scoped(() => {
    const names = Object.keys(wanted) as K[];
    const totals = Object.fromEntries(
      names.map((name) => [name, new Total(wanted[name])]),
    ) as unknown as Record<K, Total>;
    for (const make of parts) {
      // Out of the part's scope go its gradients and what they are in, which was there before.
      const own = scoped(() => {
        const part = make();
        const made = partGradients(part, wanted, runner);
        return made.map(([name, found]) => ({
          ...{ name, found },
          xs: part.losses[name]!.xs.map((x) => part.tensors[x]!),
        }));
      });
      for (const { name, xs, found } of own) totals[name].add(xs, found);
    }
    return Object.fromEntries(names.map((name) => [name, totals[name].sum()])) as Record<
      K,
      TermGradients
    >;
  });
}

/** One loss's terms and gradients so far. */
class Total {
  readonly #xs: readonly tf.Tensor[];
  readonly #at: ReadonlyMap<tf.Tensor, number>;
  readonly #gradients: (tf.Tensor | undefined)[];
  readonly #terms: LossTerms = {};
  readonly #signals: LossTerms = {};

  constructor(xs: readonly tf.Tensor[]) {
    this.#xs = xs;
    this.#at = new Map(xs.map((x, i) => [x, i]));
    this.#gradients = xs.map(() => undefined);
  }

  /** Takes the tensors of `own`. */
  add(xs: readonly tf.Tensor[], own: TermGradients): void {
    xs.forEach((x, i) => {
      const position = this.#at.get(x);
      if (position === undefined) throw new Error('a part reads what no gradient is wanted in');
      this.#gradients[position] = sumInPlace(this.#gradients[position], own.gradients[i]!);
    });
    for (const [sums, numbers] of [
      [this.#terms, own.terms],
      [this.#signals, own.signals],
    ] as const) {
      for (const [name, number] of Object.entries(numbers)) {
        sums[name] = sumInPlace(sums[name], number);
      }
    }
  }

  sum(): TermGradients {
    const gradients = this.#gradients.map((sum, i) => sum ?? tf.zerosLike(this.#xs[i]!));
    return { terms: this.#terms, signals: this.#signals, gradients };
  }
}
