import * as tf from '@tensorflow/tfjs-core';

export type AdversarialKind = 'lsgan' | 'hinge' | 'non-saturating';

/**
 * The two sides of an adversarial loss on patch logits of any shape; means over all patches.
 * lsgan: least squares with targets 1 and 0 (Mao et al. 2017). hinge: Lim & Ye 2017.
 * non-saturating: logistic (Goodfellow et al. 2014), by softplus so that no logit overflows.
 */
export interface AdversarialLoss {
  /** What the discriminator minimizes for real patches. */
  readonly real: (logits: tf.Tensor) => tf.Scalar;
  /** What the discriminator minimizes for generated patches. */
  readonly fake: (logits: tf.Tensor) => tf.Scalar;
  /** What the generator minimizes. */
  readonly generator: (logits: tf.Tensor) => tf.Scalar;
  /** The score between what counts as generated and what as real. */
  readonly border: number;
}

const LOSSES: Readonly<Record<AdversarialKind, AdversarialLoss>> = {
  lsgan: {
    real: (logits) => tf.mean(tf.square(tf.sub(logits, 1))),
    fake: (logits) => tf.mean(tf.square(logits)),
    generator: (logits) => tf.mean(tf.square(tf.sub(logits, 1))),
    border: 0.5,
  },
  hinge: {
    real: (logits) => tf.mean(tf.relu(tf.sub(1, logits))),
    fake: (logits) => tf.mean(tf.relu(tf.add(1, logits))),
    generator: (logits) => tf.neg(tf.mean(logits)),
    border: 0,
  },
  'non-saturating': {
    real: (logits) => tf.mean(tf.softplus(tf.neg(logits))),
    fake: (logits) => tf.mean(tf.softplus(logits)),
    generator: (logits) => tf.mean(tf.softplus(tf.neg(logits))),
    border: 0,
  },
};

export const adversarialLoss = (kind: AdversarialKind): AdversarialLoss => LOSSES[kind];

/** The mean of scalars, such as one for each scale of a discriminator. */
export const meanOf = (scalars: readonly tf.Scalar[]): tf.Scalar =>
  scalars.length === 1 ? scalars[0]! : tf.div(tf.addN([...scalars]), scalars.length);
