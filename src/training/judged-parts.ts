import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../backend/graph/index.js';
import {
  foldTime,
  unfoldTime,
  type Discriminators,
  type Judgement,
  type Parameters,
} from '../networks/index.js';
import { adversarialLoss, lecam, meanOf } from './losses/adversarial.js';
import type { LossPart, LossTerms, PartTerms } from './micro-batch.js';
import type { LossOptions } from './options.js';
import type { RolledOut } from './rollout.js';
import type { Judged } from './score-anchors.js';
import type { Dials } from './step-plan.js';

/** The real side of a training step; all constants. */
export interface RealSide {
  /** [N, lead + T, H, W, 3]. */
  readonly window: tf.Tensor5D;
  /** The T frames that the rollout has to match, [N·T, H, W, 3]. */
  readonly frames: tf.Tensor4D;
  /** Their conditions [N·T, H, W, C], or null. */
  readonly condition: tf.Tensor4D | null;
  /** Frames before the rollout that it saw as history; 0 after a cold start. */
  readonly lead: number;
  /** Those frames as the rollout saw them, [N, lead, H, W, 3]; null when there are none. */
  readonly front: tf.Tensor5D | null;
  /** What frames are moved by where slopes are approximated, as many as the window's last; else null. */
  readonly nudge: tf.Tensor5D | null;
  /** What flow is held to, [N, T, H, W, 3], of the rollout's first T frames; left out where it is held to nothing. */
  readonly motion?: tf.Tensor5D;
  /**
   * What was done in each frame of the window, [N, lead + T, 1, 1, columns + 1], and what could have been, null where
   * nobody is to look at that; left out where nothing is told.
   */
  readonly done?: { readonly actions: tf.Tensor5D; readonly others: tf.Tensor5D | null };
}

/** T, the frames of the rollout. */
export const framesOf = ({ frames, window }: RealSide): number => frames.shape[0] / window.shape[0];

/** Of something for each frame of a window by time: the frames seen as history, then those to match. */
export function seenAndMade(real: RealSide, x: tf.Tensor5D): tf.Tensor5D {
  const total = x.shape[1];
  const start = total - framesOf(real) - real.lead;
  return tf.slice(x, [0, start, 0, 0, 0], [-1, total - start, -1, -1, -1]);
}

/** The real frames by time: those that the rollout saw as history, then those it has to match. */
export const realWindow = (real: RealSide): tf.Tensor5D => seenAndMade(real, real.window);

/** A discriminator is trained where its logits or its features serve the generator. */
export const judgesFrames = (losses: LossOptions): boolean =>
  losses.frameAdversarial > 0 || losses.featureMatching > 0;
export const judgesRuns = (losses: LossOptions): boolean =>
  losses.sequenceAdversarial > 0 || losses.featureMatching > 0;

/** Who judges what, before anything is generated. */
export interface Judging {
  readonly discriminators: Discriminators;
  readonly real: RealSide;
  readonly losses: LossOptions;
  readonly judgeRaw: boolean;
  /** The discriminators judge and do not learn. */
  readonly judgesWait: boolean;
  readonly dials: Dials;
  /** How the discriminators see everything in this step, `sight.…`; nothing where they see it as it is. */
  readonly sight: NamedTensors;
}

/** What decides which graph a part is, besides what it is a part of. */
export const judgingKey = ({ judgesWait, sight }: Judging): string =>
  `${judgesWait ? ', judges wait' : ''}, ${Object.keys(sight).join(' ')}`;

/** What a step's losses are made of, the same for all parts. */
export interface JudgedStep extends Judging {
  readonly out: RolledOut;
}

/** The discriminators' weights and singular vectors, as the parts are given them. */
export interface Judges {
  /** [discriminators.layout.size]. */
  readonly flat: tf.Tensor1D;
  /** [discriminators.spectralNorm.layout.size]. */
  readonly vectors: tf.Tensor1D;
}

/** A part of the generator's loss, in the rollout's outputs, and of the discriminators', in `flat`. */
export type JudgedPart = LossPart<'generator' | 'discriminators'>;

/** The discriminators' weights from a part's tensors. */
export const weightsOf = (discriminators: Discriminators, tensors: NamedTensors): Parameters =>
  discriminators.weights(tensors.flat as tf.Tensor1D, tensors.vectors as tf.Tensor1D);

export const featuresOf = (judgements: readonly Judgement[]): (readonly tf.Tensor4D[])[] =>
  judgements.map(({ features }) => features);

export const logitsOf = (judgements: readonly Judgement[]): tf.Tensor4D[] =>
  judgements.map(({ logits }) => logits);

/** Times `from` … `to` − 1 of frames that are folded into the batch, [N·(to − from), H, W, C]. */
export function timesOf(
  folded: tf.Tensor4D,
  samples: number,
  from: number,
  to: number,
): tf.Tensor4D {
  const window = unfoldTime(folded, samples);
  return foldTime(tf.slice(window, [0, from, 0, 0, 0], [-1, to - from, -1, -1, -1]));
}

export const repeated = (x: tf.Tensor4D, times: number): tf.Tensor4D =>
  tf.concat(Array.from({ length: times }, () => x));

/** Adds a term that has a weight, times its share, and times a dial if it has one. */
export const adder =
  (terms: LossTerms) =>
  (
    name: string,
    weight: number,
    share: number,
    term: () => tf.Scalar,
    factor?: tf.Scalar,
  ): void => {
    if (weight === 0) return;
    const own = tf.mul<tf.Scalar>(tf.tidy(term), weight * share);
    terms[name] = factor ? tf.mul(own, factor) : own;
  };

/**
 * How well the discriminators tell real from generated, by patch: `pairs`, the share of patches in which the
 * real one scores above the generated one of the same place and time (0.5 is chance, 1 leaves the generator
 * nothing to learn from); `real_score` and `fake_score`, the mean scores; `real_sign` and `fake_sign`, the mean
 * sign of the score from where the loss puts the border (ADA's r_t, Karras et al. 2020), where it has one.
 */
export function tellingApart(
  name: Judged,
  { adversarial }: LossOptions,
  onReal: readonly Judgement[],
  onFake: readonly Judgement[],
  share: number,
): LossTerms {
  const [reals, fakes] = [logitsOf(onReal), logitsOf(onFake)];
  const { border } = adversarialLoss(adversarial);
  const shared = (values: tf.Tensor[]): tf.Scalar => tf.mul(meanOf(values as tf.Scalar[]), share);
  const score = (logits: tf.Tensor4D[]): tf.Scalar => shared(logits.map((own) => tf.mean(own)));
  const signs = (logits: tf.Tensor4D[], from: number): tf.Scalar =>
    shared(logits.map((own) => tf.mean(tf.sign(tf.sub(own, from)))));
  const pairs = reals.map((real, scale) => {
    // Raw pictures that are judged too come after all frames.
    const fake = tf.slice(fakes[scale]!, [0, 0, 0, 0], real.shape);
    return tf.mean(tf.cast(tf.greater(real, fake), 'float32'));
  });
  return {
    [`${name}_pairs`]: shared(pairs),
    [`${name}_real_score`]: score(reals),
    [`${name}_fake_score`]: score(fakes),
    ...(border !== null && {
      [`${name}_real_sign`]: signs(reals, border),
      [`${name}_fake_sign`]: signs(fakes, border),
    }),
  };
}

/** LeCam's dials as a part's tensors; none in steps without. */
export const lecamTensors = ({ lecam }: Dials, name: Judged): NamedTensors =>
  lecam
    ? {
        lecamWeight: lecam[name].weight,
        realAnchor: lecam[name].real,
        fakeAnchor: lecam[name].fake,
      }
    : {};

/**
 * What the discriminators minimize of their judgements of real and of generated input, each judged by itself as
 * the generator's loss has them judged; with LeCam where the part's tensors have its anchors. And how well they
 * tell the two apart.
 */
export function twoSides(
  name: Judged,
  losses: LossOptions,
  tensors: NamedTensors,
  onReal: readonly Judgement[],
  onFake: readonly Judgement[],
  share: number,
): PartTerms {
  const [reals, fakes] = [logitsOf(onReal), logitsOf(onFake)];
  const { judges } = adversarialLoss(losses.adversarial);
  const scales = reals.map((real, scale) => judges(real, fakes[scale]!));
  const terms: LossTerms = {};
  for (const term of Object.keys(scales[0]!)) {
    terms[`${name}_${term}`] = tf.mul(meanOf(scales.map((own) => own[term]!)), share);
  }
  const { lecamWeight: weight, realAnchor, fakeAnchor } = tensors as Record<string, tf.Scalar>;
  if (weight && realAnchor && fakeAnchor) {
    const anchors = { real: realAnchor, fake: fakeAnchor };
    const drawn = meanOf(reals.map((real, scale) => lecam(real, fakes[scale]!, anchors)));
    terms[`${name}_lecam`] = tf.mul(tf.mul(drawn, share), weight);
  }
  const mismatched = beside(losses, onReal, tensors.isOther);
  if (mismatched) {
    terms[`${name}_mismatched`] = tf.mul(mismatched, losses.mismatchedActions * share);
  }
  return { terms, signals: tellingApart(name, losses, onReal, onFake, share) };
}

/**
 * What the discriminators minimize of real input beside what was done at another time; null where they have not judged it.
 * @param isOther [N, 1, 1, 1], 1 where something else was done, and 0 where it is the same by chance
 */
function beside(
  { adversarial }: LossOptions,
  onReal: readonly Judgement[],
  isOther: tf.Tensor | undefined,
): tf.Scalar | null {
  if (!isOther) return null;
  const { others } = adversarialLoss(adversarial);
  return meanOf(
    onReal.map(({ logits, otherLogits }) =>
      tf.mean<tf.Scalar>(tf.mul(others(logits, otherLogits!), isOther)),
    ),
  );
}

/** What the generator minimizes of the scores of its input beside those of real input, which are constants. */
export function believed(
  { adversarial }: LossOptions,
  onReal: readonly Judgement[],
  onFake: readonly Judgement[],
): tf.Scalar {
  const { generator } = adversarialLoss(adversarial);
  const fakes = logitsOf(onFake);
  return meanOf(logitsOf(onReal).map((real, scale) => generator(real, fakes[scale]!)));
}
