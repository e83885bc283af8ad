import * as tf from '@tensorflow/tfjs-core';
import {
  foldTime,
  frameRuns,
  type Discriminators,
  type Judgement,
  type Parameters,
} from '../networks/index.js';
import {
  doubled,
  generatedWindow,
  logitsOf,
  realWindow,
  type LossTerms,
  type RealSide,
} from './generator-loss.js';
import { adversarialLoss, meanOf, type AdversarialLoss } from './losses/adversarial.js';
import type { LossOptions } from './options.js';
import type { RolledOut } from './rollout.js';

/** Real and generated input apart: in one graph, both were judged for the generator already. */
function twoSided(
  loss: AdversarialLoss,
  onReal: readonly Judgement[],
  onFake: readonly Judgement[],
): { real: tf.Scalar; fake: tf.Scalar } {
  return {
    real: meanOf(logitsOf(onReal).map(loss.real)),
    fake: meanOf(logitsOf(onFake).map(loss.fake)),
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
    const composed = foldTime(tf.stack([...out.frames], 1) as tf.Tensor5D);
    const raw = foldTime(tf.stack([...out.raws], 1) as tf.Tensor5D);
    const { real: onReal, fake } = twoSided(
      loss,
      discriminators.judgeFrames(judges, real.frames, real.condition),
      discriminators.judgeFrames(
        judges,
        judgeRaw ? tf.concat([composed, raw]) : composed,
        real.condition && doubled(real.condition, judgeRaw),
      ),
    );
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
      return [
        twoSided(
          loss,
          discriminator.judge(judges, realRuns),
          discriminator.judge(judges, fakeRuns),
        ),
      ];
    });
    if (sides.length > 0) {
      terms.sequence_real = tf.mul(meanOf(sides.map((side) => side.real)), 0.5);
      terms.sequence_fake = tf.mul(meanOf(sides.map((side) => side.fake)), 0.5);
    }
  }
  return terms;
}
