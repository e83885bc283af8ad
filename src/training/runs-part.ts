import * as tf from '@tensorflow/tfjs-core';
import { numbered, ordered, type NamedTensors } from '../backend/graph/index.js';
import { frameAt, frameRuns, type Parameters } from '../networks/index.js';
import {
  adder,
  featuresOf,
  halves,
  logitsOf,
  realWindow,
  weightsOf,
  type JudgedPart,
  type JudgedStep,
  type Judges,
} from './judged-parts.js';
import { adversarialLoss, meanOf } from './losses/adversarial.js';
import { featureMatching } from './losses/reconstruction.js';
import { microBatches, type LossTerms } from './micro-batch.js';

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
export function runBatches({ discriminators, real, out }: JudgedStep, size: number): RunBatch[] {
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

/** What the losses say of some runs of frames. */
export function runsPart(step: JudgedStep, judges: Judges, batch: RunBatch): JudgedPart {
  const { discriminators, real, out, losses } = step;
  const { stride, judge, start, count, share } = batch;
  const { discriminator } = discriminators.sequences[judge]!;
  const loss = adversarialLoss(losses.adversarial);
  const times = Array.from({ length: count }, (_, i) => start + i - real.lead);
  const front = times.filter((t) => t < 0).map((t) => frameAt(real.front!, t + real.lead));
  const made = numbered(
    'frame',
    times.filter((t) => t >= 0).map((t) => out.frames[t]!),
  );
  const span = (discriminators.sequenceFrames - 1) * stride;
  const inRuns = (window: tf.Tensor5D): tf.Tensor4D =>
    frameRuns(window, discriminators.sequenceFrames, stride, span)!;
  const judgeReal = (weights: Parameters, tensors: NamedTensors) =>
    discriminator.judge(weights, inRuns(tensors.window as tf.Tensor5D));
  const judgeMade = (weights: Parameters, tensors: NamedTensors) =>
    discriminator.judge(
      weights,
      inRuns(
        tf.stack([...ordered('front', tensors), ...ordered('frame', tensors)], 1) as tf.Tensor5D,
      ),
    );
  return {
    kind: `runs of judge ${judge} by ${share}`,
    tensors: {
      ...{ ...made, ...judges },
      window: tf.slice(realWindow(real), [0, start, 0, 0, 0], [-1, count, -1, -1, -1]),
      ...numbered('front', front),
    },
    losses: {
      generator: {
        xs: Object.keys(made),
        open(tensors) {
          const weights = weightsOf(discriminators, tensors);
          const features = featuresOf(judgeReal(weights, tensors));
          return () => {
            const terms: LossTerms = {};
            const add = adder(terms);
            const judgements = judgeMade(weights, tensors);
            add('sequence_adversarial', losses.sequenceAdversarial, share, () =>
              meanOf(logitsOf(judgements).map(loss.generator)),
            );
            add('sequence_matching', losses.featureMatching, share, () =>
              featureMatching(featuresOf(judgements), features),
            );
            return terms;
          };
        },
      },
      discriminators: {
        xs: ['flat'],
        phase: 'train',
        open: (tensors) => () => {
          const weights = weightsOf(discriminators, tensors);
          const sides = halves(
            loss,
            judgeReal(weights, tensors),
            judgeMade(weights, tensors),
            share,
          );
          return { sequence_real: sides.real, sequence_fake: sides.fake };
        },
      },
    },
  };
}
