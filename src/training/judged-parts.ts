import * as tf from '@tensorflow/tfjs-core';
import { warpConstant } from '../kernels/index.js';
import {
  foldTime,
  frameAt,
  frameRuns,
  unfoldTime,
  type Discriminators,
  type Judgement,
  type Parameters,
} from '../networks/index.js';
import {
  featuresOf,
  logitsOf,
  realWindow,
  type LossTerms,
  type RealSide,
} from './generator-loss.js';
import { adversarialLoss, meanOf, type AdversarialLoss } from './losses/adversarial.js';
import { featureMatching, flowSmoothness, l1 } from './losses/reconstruction.js';
import { microBatches, type LossPart } from './micro-batch.js';
import type { LossOptions } from './options.js';
import type { RolledOut } from './rollout.js';

/** What a step's losses are made of, the same for all parts. */
export interface JudgedStep {
  readonly discriminators: Discriminators;
  readonly real: RealSide;
  readonly out: RolledOut;
  readonly losses: LossOptions;
  readonly judgeRaw: boolean;
}

/** Times `from` … `to` − 1 of frames that are folded into the batch, [N·(to − from), H, W, C]. */
function timesOf(folded: tf.Tensor4D, samples: number, from: number, to: number): tf.Tensor4D {
  const window = unfoldTime(folded, samples);
  return foldTime(tf.slice(window, [0, from, 0, 0, 0], [-1, to - from, -1, -1, -1]));
}

const folded = (frames: readonly tf.Tensor4D[]): tf.Tensor4D =>
  foldTime(tf.stack([...frames], 1) as tf.Tensor5D);

const repeated = (x: tf.Tensor4D, times: number): tf.Tensor4D =>
  tf.concat(Array.from({ length: times }, () => x));

/** The runs of frames that one sequence discriminator judges, in batches. */
interface RunBatch {
  readonly stride: number;
  /** Its place among the sequence discriminators. */
  readonly judge: number;
  /** First frame of the window that it reads, and how many. */
  readonly start: number;
  readonly count: number;
  /** Its runs by all of this discriminator's, by the discriminators that have any. */
  readonly share: number;
}

/** All runs of a rollout of `frames` after `lead` frames, at most `size` of a sample in a batch. */
function runBatches({ discriminators, real, out }: JudgedStep, size: number): RunBatch[] {
  const total = real.lead + out.frames.length;
  const judges = discriminators.sequences.flatMap(({ stride }, judge) => {
    const span = (discriminators.sequenceFrames - 1) * stride;
    const first = Math.max(0, real.lead - span);
    const runs = total - span - first;
    return runs < 1 ? [] : [{ stride, judge, span, first, runs }];
  });
  return judges.flatMap(({ stride, judge, span, first, runs }) =>
    microBatches(runs, size).map(({ from, to, share }) => ({
      ...{ stride, judge, start: first + from, count: to - from + span },
      share: share / judges.length,
    })),
  );
}

/** The real and the generated runs of a batch, and the frames of the rollout among them. */
function runsOf({ discriminators, real, out }: JudgedStep, batch: RunBatch) {
  const { stride, start, count } = batch;
  const times = Array.from({ length: count }, (_, i) => start + i - real.lead);
  const reads = times.filter((t) => t >= 0).map((t) => out.frames[t]!);
  const span = (discriminators.sequenceFrames - 1) * stride;
  const inRuns = (window: tf.Tensor5D): tf.Tensor4D =>
    frameRuns(window, discriminators.sequenceFrames, stride, span)!;
  return {
    reads,
    real: () => inRuns(tf.slice(realWindow(real), [0, start, 0, 0, 0], [-1, count, -1, -1, -1])),
    generated: () => {
      const frames = times.map((t) =>
        t < 0 ? frameAt(real.front!, t + real.lead) : out.frames[t]!,
      );
      return inRuns(tf.stack(frames, 1) as tf.Tensor5D);
    },
  };
}

/** Adds a term that has a weight, times its share. */
const adder =
  (terms: LossTerms) =>
  (name: string, weight: number, share: number, term: () => tf.Scalar): void => {
    if (weight > 0) terms[name] = tf.mul(tf.tidy(term), weight * share);
  };

/**
 * The generator's loss in parts of at most `size` frames, then of at most `size` runs of frames: the
 * terms of `generatorLoss`, summed over the parts. Its x are the rollout's outputs.
 *
 * @param judges the discriminators' weights, normalized; constants
 */
export function generatorParts(
  step: JudgedStep,
  judges: Parameters,
  size: number,
): (() => LossPart)[] {
  const { discriminators, real, out, losses, judgeRaw } = step;
  const samples = real.window.shape[0];
  const adversarial = adversarialLoss(losses.adversarial);

  const frames = microBatches(out.frames.length, size).map(
    ({ from, to, share }) =>
      (): LossPart => {
        const composed = out.frames.slice(from, to);
        const raws = out.raws.slice(from, to);
        const flows = out.flows.filter(({ t }) => t >= from && t < to);
        const target = timesOf(real.frames, samples, from, to);
        const condition = real.condition && timesOf(real.condition, samples, from, to);
        const judged = losses.frameAdversarial > 0 || losses.featureMatching > 0;
        const features = judged
          ? featuresOf(discriminators.judgeFrames(judges, target, condition))
          : [];
        return {
          xs: [...composed, ...raws, ...flows.map(({ flow }) => flow)],
          terms: () => {
            const terms: LossTerms = {};
            const add = adder(terms);
            const [made, raw] = [folded(composed), folded(raws)];
            if (judged) {
              const judgements = discriminators.judgeFrames(
                judges,
                judgeRaw ? tf.concat([made, raw]) : made,
                condition && repeated(condition, judgeRaw ? 2 : 1),
              );
              add('frame_adversarial', losses.frameAdversarial, share, () =>
                meanOf(logitsOf(judgements).map(adversarial.generator)),
              );
              add('frame_matching', losses.featureMatching, share, () =>
                featureMatching(featuresOf(judgements), features),
              );
            }
            add('reconstruction', losses.reconstruction, share, () => l1(made, target));
            add('raw_reconstruction', losses.rawReconstruction, share, () => l1(raw, target));
            if (flows.length > 0) {
              const flowShare = flows.length / out.flows.length;
              const window = realWindow(real);
              const realAt = (t: number): tf.Tensor4D => frameAt(window, real.lead + t);
              add('warp', losses.warp, flowShare, () =>
                meanOf(
                  flows.map(({ t, flow }) => l1(warpConstant(realAt(t - 1), flow), realAt(t))),
                ),
              );
              add('flow_smoothness', losses.flowSmoothness, flowShare, () =>
                meanOf(flows.map(({ flow }) => flowSmoothness(flow))),
              );
            }
            return terms;
          },
        };
      },
  );
  if (losses.sequenceAdversarial === 0) return frames;
  const runs = runBatches(step, size).map((batch) => (): LossPart => {
    const { discriminator } = discriminators.sequences[batch.judge]!;
    const own = runsOf(step, batch);
    const features = featuresOf(discriminator.judge(judges, own.real()));
    return {
      xs: own.reads,
      terms: () => {
        const terms: LossTerms = {};
        const add = adder(terms);
        const judgements = discriminator.judge(judges, own.generated());
        add('sequence_adversarial', losses.sequenceAdversarial, batch.share, () =>
          meanOf(logitsOf(judgements).map(adversarial.generator)),
        );
        add('sequence_matching', losses.featureMatching, batch.share, () =>
          featureMatching(featuresOf(judgements), features),
        );
        return terms;
      },
    };
  });
  return [...frames, ...runs];
}

/** Half of what the discriminator minimizes for real and for generated input, real in front. */
function sides(
  loss: AdversarialLoss,
  judgements: readonly Judgement[],
  realCount: number,
  share: number,
): { real: tf.Scalar; fake: tf.Scalar } {
  const part = (logits: tf.Tensor4D, from: number, count: number): tf.Tensor4D =>
    tf.slice(logits, [from, 0, 0, 0], [count, -1, -1, -1]);
  const half = (values: tf.Scalar[]): tf.Scalar => tf.mul(meanOf(values), 0.5 * share);
  return {
    real: half(judgements.map(({ logits }) => loss.real(part(logits, 0, realCount)))),
    fake: half(
      judgements.map(({ logits }) =>
        loss.fake(part(logits, realCount, logits.shape[0] - realCount)),
      ),
    ),
  };
}

/**
 * The discriminators' loss in parts of at most `size` frames, then of at most `size` runs of frames:
 * the terms of `discriminatorLoss`, summed over the parts.
 *
 * @param flat the discriminators' weights, the only x
 * @param judgesOf the weights by name, normalized; differentiable
 */
export function discriminatorParts(
  step: JudgedStep,
  flat: tf.Tensor1D,
  judgesOf: (flat: tf.Tensor1D) => Parameters,
  size: number,
): (() => LossPart)[] {
  const { discriminators, real, out, losses, judgeRaw } = step;
  const samples = real.window.shape[0];
  const loss = adversarialLoss(losses.adversarial);
  const parts: (() => LossPart)[] = [];
  if (losses.frameAdversarial > 0 || losses.featureMatching > 0) {
    for (const { from, to, share } of microBatches(out.frames.length, size)) {
      parts.push(() => {
        const target = timesOf(real.frames, samples, from, to);
        const condition = real.condition && timesOf(real.condition, samples, from, to);
        const fakes = [out.frames, ...(judgeRaw ? [out.raws] : [])];
        const all = [target, ...fakes.map((frames) => folded(frames.slice(from, to)))];
        return {
          xs: [flat],
          terms: () => {
            const judgements = discriminators.judgeFrames(
              judgesOf(flat),
              tf.concat(all),
              condition && repeated(condition, all.length),
            );
            const side = sides(loss, judgements, target.shape[0], share);
            return { frame_real: side.real, frame_fake: side.fake };
          },
        };
      });
    }
  }
  if (losses.sequenceAdversarial > 0) {
    for (const batch of runBatches(step, size)) {
      parts.push(() => {
        const { discriminator } = discriminators.sequences[batch.judge]!;
        const own = runsOf(step, batch);
        const [realRuns, fakeRuns] = [own.real(), own.generated()];
        return {
          xs: [flat],
          terms: () => {
            const judgements = discriminator.judge(judgesOf(flat), tf.concat([realRuns, fakeRuns]));
            const side = sides(loss, judgements, realRuns.shape[0], batch.share);
            return { sequence_real: side.real, sequence_fake: side.fake };
          },
        };
      });
    }
  }
  return parts;
}
