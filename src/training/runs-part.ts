import * as tf from '@tensorflow/tfjs-core';
import { numbered, ordered, type NamedTensors } from '../backend/graph/index.js';
import {
  frameAt,
  frameRuns,
  runSpan,
  type Discriminators,
  type JudgedActions,
  type Parameters,
} from '../networks/index.js';
import {
  adder,
  believed,
  featuresOf,
  framesOf,
  lecamTensors,
  judgingKey,
  tellingApart,
  twoSides,
  seenAndMade,
  weightsOf,
  type JudgedPart,
  type JudgedStep,
  type Judges,
  type Judging,
  type RealSide,
} from './judged-parts.js';
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

/**
 * Of something for each frame of a window, such as the frames themselves, what some runs are made of,
 * [N, count, H, W, 3].
 */
export const framesOfRuns = (
  real: RealSide,
  window: tf.Tensor5D,
  { start, count }: RunBatch,
): tf.Tensor5D => tf.slice(seenAndMade(real, window), [0, start, 0, 0, 0], [-1, count, -1, -1, -1]);

/** The generated frames that some runs are made of, by name: those before the rollout, and those of it. */
export function generatedRuns(
  real: RealSide,
  frames: readonly tf.Tensor4D[],
  { start, count }: RunBatch,
): { front: NamedTensors; made: NamedTensors } {
  const times = Array.from({ length: count }, (_, i) => start + i - real.lead);
  const before = times.filter((t) => t < 0).map((t) => frameAt(real.front!, t + real.lead));
  const made = times.filter((t) => t >= 0).map((t) => frames[t]!);
  return { front: numbered('front', before), made: numbered('frame', made) };
}

/** Those frames as one window, [N, count, H, W, 3]. */
export const stackedRuns = (tensors: NamedTensors): tf.Tensor5D =>
  tf.stack([...ordered('front', tensors), ...ordered('frame', tensors)], 1) as tf.Tensor5D;

/** Runs of such frames as a sequence discriminator reads them, [N·runs, H, W, 3·frames]. */
export function inRuns(
  { sequenceFrames }: Discriminators,
  { stride }: RunBatch,
  window: tf.Tensor5D,
): tf.Tensor4D {
  return frameRuns(window, sequenceFrames, stride, (sequenceFrames - 1) * stride)!;
}

/**
 * What was done in all frames of some runs, and what could have been, as a sequence discriminator is told it; `isOther` is 1
 * for the runs in which that is something else.
 */
export function doneInRuns(
  { discriminators, real }: Pick<Judging, 'discriminators' | 'real'>,
  batch: RunBatch,
): NamedTensors {
  const { done } = real;
  if (!done) return {};
  const span = runSpan(discriminators.sequenceFrames, batch.stride);
  const told = (window: tf.Tensor5D): tf.Tensor4D =>
    frameRuns(framesOfRuns(real, window, batch), span, 1, span - 1)!;
  const actions = told(done.actions);
  if (!done.others) return { actions };
  const others = told(done.others);
  const apart = tf.max(tf.abs(tf.sub(actions, others)), 3, true);
  return { actions, others, isOther: tf.cast(tf.greater(apart, LEAST_OTHER), 'float32') };
}

/** Columns that differ by less are the same. */
const LEAST_OTHER = 1e-3;

/** That as a discriminator takes it, among a part's tensors; null where nothing is told. */
export const doneAmong = (tensors: NamedTensors): JudgedActions | null =>
  tensors.actions
    ? {
        actions: tensors.actions as tf.Tensor4D,
        others: tensors.others as tf.Tensor4D | undefined,
      }
    : null;

/** Without what could have been done: of what is generated nobody asks. */
const onlyDone = (tensors: NamedTensors): JudgedActions | null => {
  const done = doneAmong(tensors);
  return done && { actions: done.actions };
};

/** What the losses say of some runs of frames. */
export function runsPart(step: JudgedStep, judges: Judges, batch: RunBatch): JudgedPart {
  const { discriminators, real, out, losses, judgesWait } = step;
  const { judge, share } = batch;
  const { discriminator } = discriminators.sequences[judge]!;
  const { front, made } = generatedRuns(real, out.frames, batch);
  const judgeRuns = (
    weights: Parameters,
    window: tf.Tensor5D,
    tensors: NamedTensors,
    done: JudgedActions | null,
  ) =>
    discriminator.judge(weights, inRuns(discriminators, batch, seenWindow(window, tensors)), done);
  const judgeReal = (weights: Parameters, tensors: NamedTensors, done = onlyDone(tensors)) =>
    judgeRuns(weights, tensors.window as tf.Tensor5D, tensors, done);
  const judgeMade = (weights: Parameters, tensors: NamedTensors) =>
    judgeRuns(weights, stackedRuns(tensors), tensors, onlyDone(tensors));
  return {
    kind: `runs of judge ${judge} by ${share}${judgingKey(step)}`,
    tensors: {
      ...made,
      ...judges,
      ...step.sight,
      adversarialWeight: step.dials.adversarialWeight,
      matchingWeight: step.dials.matchingWeight,
      window: framesOfRuns(real, real.window, batch),
      ...front,
      ...doneInRuns(step, batch),
      ...(!judgesWait && lecamTensors(step.dials, 'sequence')),
    },
    losses: {
      generator: {
        xs: Object.keys(made),
        open(tensors) {
          const weights = weightsOf(discriminators, tensors);
          const reals = judgeReal(weights, tensors);
          const { adversarialWeight, matchingWeight } = tensors as Record<string, tf.Scalar>;
          return () => {
            const terms: LossTerms = {};
            const add = adder(terms);
            const judgements = judgeMade(weights, tensors);
            const believable = (): tf.Scalar => believed(losses, reals, judgements);
            const matched = (): tf.Scalar =>
              featureMatching(featuresOf(judgements), featuresOf(reals));
            add(
              'sequence_adversarial',
              losses.sequenceAdversarial,
              share,
              believable,
              adversarialWeight,
            );
            add('sequence_matching', losses.featureMatching, share, matched, matchingWeight);
            if (!judgesWait) return { terms };
            return { terms, signals: tellingApart('sequence', losses, reals, judgements, share) };
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
              losses,
              tensors,
              judgeReal(weights, tensors, doneAmong(tensors)),
              judgeMade(weights, tensors),
              share,
            );
          },
        } satisfies PartLoss,
      }),
    },
  };
}
