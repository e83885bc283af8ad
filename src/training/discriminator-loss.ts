import * as tf from '@tensorflow/tfjs-core';
import {
  foldTime,
  frameRuns,
  type Discriminators,
  type Judgement,
  type Parameters,
} from '../networks/index.js';
import { generatedWindow, realWindow, type LossTerms, type RealSide } from './generator-loss.js';
import { adversarialLoss, meanOf, type AdversarialLoss } from './losses/adversarial.js';
import type { LossOptions } from './options.js';
import type { RolledOut } from './rollout.js';

/** Real in front, generated behind, judged in one pass. */
function twoSided(
  loss: AdversarialLoss,
  judgements: readonly Judgement[],
  realCount: number,
): { real: tf.Scalar; fake: tf.Scalar } {
  const part = (logits: tf.Tensor4D, from: number, count: number): tf.Tensor4D =>
    tf.slice(logits, [from, 0, 0, 0], [count, -1, -1, -1]);
  return {
    real: meanOf(judgements.map(({ logits }) => loss.real(part(logits, 0, realCount)))),
    fake: meanOf(
      judgements.map(({ logits }) =>
        loss.fake(part(logits, realCount, logits.shape[0] - realCount)),
      ),
    ),
  };
}

/**
 * The discriminators' loss terms, half for real and half for generated input, as LSGAN's authors
 * and pix2pixHD weigh them.
 *
 * @param out the rollout, off the generator's tape
 */
export function discriminatorLoss(
  discriminators: Discriminators,
  judges: Parameters,
  real: RealSide,
  out: RolledOut,
  options: LossOptions,
  judgeRaw: boolean,
): LossTerms {
  const loss = adversarialLoss(options.adversarial);
  const terms: LossTerms = {};
  if (options.frameAdversarial > 0 || options.featureMatching > 0) {
    const fakes = [out.frames, ...(judgeRaw ? [out.raws] : [])].map((frames) =>
      foldTime(tf.stack([...frames], 1) as tf.Tensor5D),
    );
    const { condition } = real;
    const judged = discriminators.judgeFrames(
      judges,
      tf.concat([real.frames, ...fakes]),
      condition && tf.concat([condition, ...fakes.map(() => condition)]),
    );
    const { real: onReal, fake } = twoSided(loss, judged, real.frames.shape[0]);
    terms.frame_real = tf.mul(onReal, 0.5);
    terms.frame_fake = tf.mul(fake, 0.5);
  }
  if (options.sequenceAdversarial > 0) {
    const windows = [realWindow(real), generatedWindow(real, out.frames)];
    const sides = discriminators.sequences.flatMap(({ stride, discriminator }) => {
      const runs = windows.map((window) =>
        frameRuns(window, discriminators.sequenceFrames, stride, real.lead),
      );
      const [realRuns, fakeRuns] = runs;
      if (!realRuns || !fakeRuns) return [];
      const judged = discriminator.judge(judges, tf.concat([realRuns, fakeRuns]));
      return [twoSided(loss, judged, realRuns.shape[0])];
    });
    if (sides.length > 0) {
      terms.sequence_real = tf.mul(meanOf(sides.map((side) => side.real)), 0.5);
      terms.sequence_fake = tf.mul(meanOf(sides.map((side) => side.fake)), 0.5);
    }
  }
  return terms;
}
