import * as tf from '@tensorflow/tfjs-core';

export type AdversarialKind = 'lsgan' | 'hinge' | 'non-saturating' | 'relativistic';

/**
 * An adversarial loss on the patch logits of one scale, real [N, …] and generated [k·N, …]: k batches of
 * generated input that are each compared with the same real one. Means over all patches.
 */
export interface AdversarialLoss {
  /** What the discriminators minimize, as terms by name that add up. */
  readonly judges: (real: tf.Tensor, fake: tf.Tensor) => Readonly<Record<string, tf.Scalar>>;
  /**
   * What the discriminators minimize besides of real input beside actions that are not its own, [N, …] both, which they
   * have to take for generated.
   */
  readonly others: (real: tf.Tensor, beside: tf.Tensor) => tf.Tensor;
  /** What the generator minimizes; what is real is a constant to it. */
  readonly generator: (real: tf.Tensor, fake: tf.Tensor) => tf.Scalar;
  /** The score between what counts as generated and what as real; null where scores have no zero. */
  readonly border: number | null;
}

/** Half for each side, as LSGAN's authors and pix2pixHD weigh them. */
const half = (value: tf.Tensor): tf.Scalar => tf.mul(tf.mean(value), 0.5);

/** D(x) − D(G) of the same place and time, [N, …] or [k, N, …]. */
const ahead = (real: tf.Tensor, fake: tf.Tensor): tf.Tensor =>
  tf.sub(real, fake.size === real.size ? fake : tf.reshape(fake, [-1, ...real.shape]));

const LOSSES: Readonly<Record<AdversarialKind, AdversarialLoss>> = {
  /** Least squares with targets 1 and 0 (Mao et al. 2017): ½(D(x) − 1)² + ½D(G)², (D(G) − 1)². */
  lsgan: {
    judges: (real, fake) => ({
      real: half(tf.square(tf.sub(real, 1))),
      fake: half(tf.square(fake)),
    }),
    others: (_, beside) => tf.mul(tf.square(beside), 0.5),
    generator: (_, fake) => tf.mean(tf.square(tf.sub(fake, 1))),
    border: 0.5,
  },
  /** Lim & Ye 2017: ½max(0, 1 − D(x)) + ½max(0, 1 + D(G)), −D(G). */
  hinge: {
    judges: (real, fake) => ({
      real: half(tf.relu(tf.sub(1, real))),
      fake: half(tf.relu(tf.add(1, fake))),
    }),
    others: (_, beside) => tf.mul(tf.relu(tf.add(1, beside)), 0.5),
    generator: (_, fake) => tf.neg(tf.mean(fake)),
    border: 0,
  },
  /** Logistic (Goodfellow et al. 2014), by softplus so that no logit overflows. */
  'non-saturating': {
    judges: (real, fake) => ({
      real: half(tf.softplus(tf.neg(real))),
      fake: half(tf.softplus(fake)),
    }),
    others: (_, beside) => tf.mul(tf.softplus(beside), 0.5),
    generator: (_, fake) => tf.mean(tf.softplus(tf.neg(fake))),
    border: 0,
  },
  /**
   * Relativistic pairing (Jolicoeur-Martineau 2019; R3GAN, Huang et al. 2024, arXiv 2501.05441):
   * softplus(−(D(x) − D(G))), softplus(−(D(G) − D(x))). A generated patch is asked to be believed no less than
   * the real one, not to reach a fixed score. Only differences of scores mean anything: they may all drift.
   */
  relativistic: {
    judges: (real, fake) => ({ relative: tf.mean(tf.softplus(tf.neg(ahead(real, fake)))) }),
    others: (real, beside) => tf.softplus(tf.neg(tf.sub(real, beside))),
    generator: (real, fake) => tf.mean(tf.softplus(ahead(real, fake))),
    border: null,
  },
};

export const adversarialLoss = (kind: AdversarialKind): AdversarialLoss => LOSSES[kind];

/** The mean of scalars, such as one for each scale of a discriminator. */
export const meanOf = (scalars: readonly tf.Scalar[]): tf.Scalar =>
  scalars.length === 1 ? scalars[0]! : tf.div(tf.addN([...scalars]), scalars.length);

/** Running means of the scores of real and of generated input; constants. */
export interface Anchors {
  readonly real: tf.Scalar;
  readonly fake: tf.Scalar;
}

/**
 * LeCam's regularizer (Tseng et al. 2021, arXiv 2104.03310): E max(0, D(x) − a_fake)² + E max(0, a_real − D(G))².
 * It draws the scores of each side towards what the other has had, so that discriminators of little data do not
 * grow surer without end.
 *
 * @param real logits of one scale
 * @param fake logits of the same scale
 */
export const lecam = (real: tf.Tensor, fake: tf.Tensor, anchors: Anchors): tf.Scalar =>
  tf.add(
    tf.mean(tf.square(tf.relu(tf.sub(real, anchors.fake)))),
    tf.mean(tf.square(tf.relu(tf.sub(anchors.real, fake)))),
  );
