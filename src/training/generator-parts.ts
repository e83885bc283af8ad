import * as tf from '@tensorflow/tfjs-core';
import { numbered, ordered, type NamedTensors } from '../backend/graph/index.js';
import { warpConstant } from '../kernels/index.js';
import { frameAt, type Discriminators, type Parameters } from '../networks/index.js';
import { featuresOf, logitsOf, realWindow, type LossTerms } from './generator-loss.js';
import {
  folded,
  repeated,
  runBatches,
  runsOf,
  timesOf,
  type JudgedStep,
  type Judges,
} from './judged-parts.js';
import { adversarialLoss, meanOf } from './losses/adversarial.js';
import { featureMatching, flowSmoothness, l1 } from './losses/reconstruction.js';
import { microBatches, type LossPart, type MicroBatch } from './micro-batch.js';

/** Adds a term that has a weight, times its share. */
const adder =
  (terms: LossTerms) =>
  (name: string, weight: number, share: number, term: () => tf.Scalar): void => {
    if (weight > 0) terms[name] = tf.mul(tf.tidy(term), weight * share);
  };

/**
 * The generator's loss in parts of at most `size` frames, then of at most `size` runs of frames: the
 * terms of `generatorLoss`, summed over the parts. Its x are the rollout's outputs.
 */
export function generatorParts(step: JudgedStep, judges: Judges, size: number): (() => LossPart)[] {
  const { discriminators, out, losses } = step;
  const adversarial = adversarialLoss(losses.adversarial);
  const frames = microBatches(out.frames.length, size).map(
    (batch) => () => framesPart(step, judges, batch),
  );
  if (losses.sequenceAdversarial === 0) return frames;
  const runs = runBatches(step, size).map((batch) => (): LossPart => {
    const { discriminator } = discriminators.sequences[batch.judge]!;
    const own = runsOf(step, batch);
    return {
      kind: `generator, ${own.kind}`,
      xs: own.reads,
      given: { ...own.given, ...judges },
      open(reads, given) {
        const weights = weightsOf(discriminators, given);
        const features = featuresOf(discriminator.judge(weights, own.real(given)));
        return () => {
          const terms: LossTerms = {};
          const add = adder(terms);
          const judgements = discriminator.judge(weights, own.generated(reads, given));
          add('sequence_adversarial', losses.sequenceAdversarial, batch.share, () =>
            meanOf(logitsOf(judgements).map(adversarial.generator)),
          );
          add('sequence_matching', losses.featureMatching, batch.share, () =>
            featureMatching(featuresOf(judgements), features),
          );
          return terms;
        };
      },
    };
  });
  return [...frames, ...runs];
}

const weightsOf = (discriminators: Discriminators, { flat, vectors }: NamedTensors): Parameters =>
  discriminators.weights(flat as tf.Tensor1D, vectors as tf.Tensor1D);

/** What the generator's loss says of frames by themselves, of some of a rollout. */
function framesPart(
  { discriminators, real, out, losses, judgeRaw }: JudgedStep,
  judges: Judges,
  { from, to, share }: MicroBatch,
): LossPart {
  const samples = real.window.shape[0];
  const adversarial = adversarialLoss(losses.adversarial);
  const count = to - from;
  const flows = out.flows.filter(({ t }) => t >= from && t < to);
  const flowShare = flows.length / out.flows.length;
  const window = realWindow(real);
  const realAt = (t: number): tf.Tensor4D => frameAt(window, real.lead + t);
  const judged = losses.frameAdversarial > 0 || losses.featureMatching > 0;
  return {
    kind: `generator, frames by ${share}, flows by ${flowShare}`,
    xs: [
      ...out.frames.slice(from, to),
      ...out.raws.slice(from, to),
      ...flows.map(({ flow }) => flow),
    ],
    given: {
      ...judges,
      target: timesOf(real.frames, samples, from, to),
      ...(real.condition && { condition: timesOf(real.condition, samples, from, to) }),
      ...numbered(
        'before',
        flows.map(({ t }) => realAt(t - 1)),
      ),
      ...numbered(
        'now',
        flows.map(({ t }) => realAt(t)),
      ),
    },
    open(xs, given) {
      const weights = weightsOf(discriminators, given);
      const target = given.target as tf.Tensor4D;
      const condition = (given.condition as tf.Tensor4D | undefined) ?? null;
      const features = judged
        ? featuresOf(discriminators.judgeFrames(weights, target, condition))
        : [];
      return () => {
        const terms: LossTerms = {};
        const add = adder(terms);
        const all = xs as readonly tf.Tensor4D[];
        const made = folded(all.slice(0, count));
        const raw = folded(all.slice(count, 2 * count));
        if (judged) {
          const judgements = discriminators.judgeFrames(
            weights,
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
        const ownFlows = all.slice(2 * count);
        if (ownFlows.length > 0) {
          const before = ordered('before', given) as tf.Tensor4D[];
          const now = ordered('now', given) as tf.Tensor4D[];
          add('warp', losses.warp, flowShare, () =>
            meanOf(ownFlows.map((flow, i) => l1(warpConstant(before[i]!, flow), now[i]!))),
          );
          add('flow_smoothness', losses.flowSmoothness, flowShare, () =>
            meanOf(ownFlows.map((flow) => flowSmoothness(flow))),
          );
        }
        return terms;
      };
    },
  };
}
