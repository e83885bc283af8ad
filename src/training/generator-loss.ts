import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../backend/scope.js';
import { warpConstant } from '../kernels/index.js';
import {
  foldFrames,
  foldTime,
  frameRuns,
  type Discriminators,
  type Judgement,
  type Parameters,
} from '../networks/index.js';
import { adversarialLoss, meanOf } from './losses/adversarial.js';
import { featureMatching, flowSmoothness, l1 } from './losses/reconstruction.js';
import type { LossOptions } from './options.js';
import type { RolledOut } from './rollout.js';

/** Weighted terms by name, as the log shows them. */
export type LossTerms = Record<string, tf.Scalar>;

/** 0 when every weight of a side is 0: that side then learns nothing. */
export function sumOf(terms: LossTerms): tf.Scalar {
  const values = Object.values(terms);
  return values.length === 0 ? tf.scalar(0) : tf.addN(values);
}

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
}

export const featuresOf = (judgements: readonly Judgement[]): (readonly tf.Tensor4D[])[] =>
  judgements.map(({ features }) => features);

export const logitsOf = (judgements: readonly Judgement[]): tf.Tensor4D[] =>
  judgements.map(({ logits }) => logits);

/** Twice the batch, for composed and raw frames. */
export const doubled = (x: tf.Tensor4D, twice: boolean): tf.Tensor4D =>
  twice ? tf.concat([x, x]) : x;

/** Generated frames as one window, with the frames that they go on from in front. */
export function generatedWindow(real: RealSide, frames: readonly tf.Tensor4D[]): tf.Tensor5D {
  const generated = tf.stack([...frames], 1) as tf.Tensor5D;
  return real.front === null ? generated : tf.concat([real.front, generated], 1);
}

/** The real counterpart of `generatedWindow`. */
export function realWindow(real: RealSide): tf.Tensor5D {
  const total = real.window.shape[1];
  const frames = real.frames.shape[0] / real.window.shape[0];
  const start = total - frames - real.lead;
  return tf.slice(real.window, [0, start, 0, 0, 0], [-1, total - start, -1, -1, -1]);
}

/** What the discriminators make of real frames, for feature matching. */
export interface RealFeatures {
  readonly frame: (readonly tf.Tensor4D[])[];
  /** One for each temporal stride; null where the window is too short. */
  readonly sequence: readonly ((readonly tf.Tensor4D[])[] | null)[];
}

export function realFeatures(
  discriminators: Discriminators,
  judges: Parameters,
  real: RealSide,
): RealFeatures {
  return scoped(() => {
    const frame = featuresOf(discriminators.judgeFrames(judges, real.frames, real.condition));
    const window = realWindow(real);
    const sequence = discriminators.sequences.map(({ stride, discriminator }) => {
      const runs = frameRuns(window, discriminators.sequenceFrames, stride, real.lead);
      return runs && featuresOf(discriminator.judge(judges, runs));
    });
    return { frame, sequence };
  });
}

/**
 * The generator's weighted loss terms for a rollout: adversarial and feature matching on frames
 * (composed, and raw when `judgeRaw`) and on sequences, reconstruction, warp and flow smoothness.
 */
export function generatorLoss(
  discriminators: Discriminators,
  judges: Parameters,
  real: RealSide,
  features: RealFeatures,
  out: RolledOut,
  options: LossOptions,
  judgeRaw: boolean,
): LossTerms {
  const terms: LossTerms = {};
  const add = (name: string, weight: number, term: () => tf.Scalar): void => {
    if (weight > 0) terms[name] = tf.mul(tf.tidy(term), weight);
  };
  const adversarial = adversarialLoss(options.adversarial);
  const composed = foldFrames(out.frames);
  const raw = foldFrames(out.raws);

  if (options.frameAdversarial > 0 || options.featureMatching > 0) {
    const judged = discriminators.judgeFrames(
      judges,
      judgeRaw ? tf.concat([composed, raw]) : composed,
      real.condition && doubled(real.condition, judgeRaw),
    );
    add('frame_adversarial', options.frameAdversarial, () =>
      meanOf(logitsOf(judged).map(adversarial.generator)),
    );
    add('frame_matching', options.featureMatching, () =>
      featureMatching(featuresOf(judged), features.frame),
    );
  }

  if (options.sequenceAdversarial > 0) {
    const window = generatedWindow(real, out.frames);
    const judged = discriminators.sequences.flatMap(({ stride, discriminator }, i) => {
      const target = features.sequence[i];
      const runs = frameRuns(window, discriminators.sequenceFrames, stride, real.lead);
      return runs && target ? [{ judgements: discriminator.judge(judges, runs), target }] : [];
    });
    if (judged.length > 0) {
      add('sequence_adversarial', options.sequenceAdversarial, () =>
        meanOf(judged.flatMap((x) => logitsOf(x.judgements).map(adversarial.generator))),
      );
      add('sequence_matching', options.featureMatching, () =>
        meanOf(judged.map((x) => featureMatching(featuresOf(x.judgements), x.target))),
      );
    }
  }

  add('reconstruction', options.reconstruction, () => l1(composed, real.frames));
  add('raw_reconstruction', options.rawReconstruction, () => l1(raw, real.frames));
  if (out.flows.length > 0) {
    const flow = foldFrames(out.flows.map((own) => own.flow));
    const { before, now } = aroundFlows(real, out.flows);
    add('warp', options.warp, () => l1(warpConstant(before, flow), now));
    add('flow_smoothness', options.flowSmoothness, () => flowSmoothness(flow));
  }
  return terms;
}

/**
 * The real frames that flows of consecutive frames lead from and to, folded into the batch as the
 * flows are: one op for all of them, where a recorded step would have one for each frame.
 */
export function aroundFlows(
  real: RealSide,
  flows: RolledOut['flows'],
): { before: tf.Tensor4D; now: tf.Tensor4D } {
  const window = realWindow(real);
  const first = real.lead + flows[0]!.t;
  const from = (t: number): tf.Tensor4D =>
    foldTime(tf.slice(window, [0, t, 0, 0, 0], [-1, flows.length, -1, -1, -1]));
  return { before: from(first - 1), now: from(first) };
}
