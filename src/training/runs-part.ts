import * as tf from '@tensorflow/tfjs-core';
import { numbered, ordered, type NamedTensors } from '../backend/graph/index.js';
import { frameAt, frameRuns, type Discriminators, type Parameters } from '../networks/index.js';
import {
  adder,
  featuresOf,
  framesOf,
  judgingKey,
  tellingApart,
  twoSides,
  logitsOf,
  realWindow,
  weightsOf,
  type JudgedPart,
  type JudgedStep,
  type Judges,
  type Judging,
  type RealSide,
} from './judged-parts.js';
import { adversarialLoss, meanOf } from './losses/adversarial.js';
import { featureMatching } from './losses/reconstruction.js';
import { seenWindow } from './sight.js';
import { microBatches, type LossTerms, type PartLoss } from './micro-batch.js';

/** Some of the runs of frames that one sequence discriminator judges. */
export interface RunBatch {
  readonly stride: number;
  /** Its place among the sequence discriminators. */
  readonly judge: number;
  /** First frame of the window that it reads, and how many. */
  readonly start: number;
  readonly count: number;
  /** Its runs by all of this discriminator's, by the discriminators that have any. */
  readonly share: number;
}

/** All runs of a rollout's frames and of those before it, at most `size` of a sample in a batch. */
export function runBatches({ discriminators, real }: Judging, size: number): RunBatch[] {
  const total = real.lead + framesOf(real);
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

/** The real frames that some runs are made of, [N, count, H, W, 3]. */
export const realRuns = (real: RealSide, { start, count }: RunBatch): tf.Tensor5D =>
  tf.slice(realWindow(real), [0, start, 0, 0, 0], [-1, count, -1, -1, -1]);

/** Runs of such frames as a sequence discriminator reads them, [N·runs, H, W, 3·frames]. */
export function inRuns(
  { sequenceFrames }: Discriminators,
  { stride }: RunBatch,
  window: tf.Tensor5D,
): tf.Tensor4D {
  return frameRuns(window, sequenceFrames, stride, (sequenceFrames - 1) * stride)!;
}

/** What the losses say of some runs of frames. */
export function runsPart(step: JudgedStep, judges: Judges, batch: RunBatch): JudgedPart {
  const { discriminators, real, out, losses, judgesWait } = step;
  const { judge, start, count, share } = batch;
  const { discriminator } = discriminators.sequences[judge]!;
  const loss = adversarialLoss(losses.adversarial);
  const times = Array.from({ length: count }, (_, i) => start + i - real.lead);
  const front = times.filter((t) => t < 0).map((t) => frameAt(real.front!, t + real.lead));
  const made = numbered(
    'frame',
    times.filter((t) => t >= 0).map((t) => out.frames[t]!),
  );
  const judgeRuns = (weights: Parameters, window: tf.Tensor5D, tensors: NamedTensors) =>
    discriminator.judge(weights, inRuns(discriminators, batch, seenWindow(window, tensors)));
  const judgeReal = (weights: Parameters, tensors: NamedTensors) =>
    judgeRuns(weights, tensors.window as tf.Tensor5D, tensors);
  const judgeMade = (weights: Parameters, tensors: NamedTensors) => {
    const made = [...ordered('front', tensors), ...ordered('frame', tensors)];
    return judgeRuns(weights, tf.stack(made, 1) as tf.Tensor5D, tensors);
  };
  return {
    kind: `runs of judge ${judge} by ${share}${judgingKey(step)}`,
    tensors: {
      ...{ ...made, ...judges, ...step.sight, judgesWeight: step.dials.judgesWeight },
      window: realRuns(real, batch),
      ...numbered('front', front),
    },
    losses: {
      generator: {
        xs: Object.keys(made),
        open(tensors) {
          const weights = weightsOf(discriminators, tensors);
          const reals = judgeReal(weights, tensors);
          const factor = tensors.judgesWeight as tf.Scalar;
          return () => {
            const terms: LossTerms = {};
            const add = adder(terms);
            const judgements = judgeMade(weights, tensors);
            const believed = (): tf.Scalar => meanOf(logitsOf(judgements).map(loss.generator));
            const matched = (): tf.Scalar =>
              featureMatching(featuresOf(judgements), featuresOf(reals));
            add('sequence_adversarial', losses.sequenceAdversarial, share, believed, factor);
            add('sequence_matching', losses.featureMatching, share, matched, factor);
            if (!judgesWait) return { terms };
            return { terms, signals: tellingApart('sequence', loss, reals, judgements, share) };
          };
        },
      },
      ...(!judgesWait && {
        discriminators: {
          xs: ['flat'],
          phase: 'train',
          open: (tensors) => () => {
            const weights = weightsOf(discriminators, tensors);
            return twoSides(
              'sequence',
              loss,
              judgeReal(weights, tensors),
              judgeMade(weights, tensors),
              share,
            );
          },
        } satisfies PartLoss,
      }),
    },
  };
}
