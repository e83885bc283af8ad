import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../backend/graph/index.js';
import type { Judgement, Parameters } from '../networks/index.js';
import {
  framesOf,
  judgesFrames,
  judgesRuns,
  judgingKey,
  logitsOf,
  timesOf,
  weightsOf,
  type JudgedPart,
  type Judges,
  type Judging,
} from './judged-parts.js';
import { slopePenalty } from './losses/r1.js';
import { microBatches } from './micro-batch.js';
import { seen, seenCondition } from './sight.js';
import { inRuns, realRuns, runBatches } from './runs-part.js';

/** A judge's penalty at some input. */
interface SlopePart {
  /** Names the term and, with the share, the part's kind. */
  readonly term: string;
  /** Its part of all that this penalty is a mean of. */
  readonly share: number;
  readonly tensors: NamedTensors;
  /** The input, from the part's tensors. */
  readonly input: (tensors: NamedTensors) => tf.Tensor4D;
  readonly judge: (weights: Parameters, x: tf.Tensor4D, tensors: NamedTensors) => Judgement[];
}

function slopePart(
  judging: Judging,
  judges: Judges,
  { term, share, tensors: own, input, judge }: SlopePart,
  kind: string,
): JudgedPart {
  const { discriminators, dials, sight } = judging;
  return {
    kind: `${kind} by ${share}${judgingKey(judging)}`,
    tensors: { ...own, ...judges, ...sight, gamma: dials.r1! },
    losses: {
      discriminators: {
        xs: ['flat'],
        phase: 'train',
        open(tensors) {
          const x = input(tensors);
          return () => {
            const weights = weightsOf(discriminators, tensors);
            const logits = (own: tf.Tensor4D) => logitsOf(judge(weights, own, tensors));
            const penalty = slopePenalty(logits, x, share);
            return { terms: { [term]: tf.mul(penalty, tensors.gamma as tf.Scalar) } };
          };
        },
      },
    },
  };
}

/**
 * R1 on every judge that is trained: on the frame discriminator at real frames, and on the sequence
 * discriminators at real runs of frames, the mean of theirs as of their losses. In parts of at most
 * `size` frames, then runs, of a sample.
 */
export function r1Parts(judging: Judging, judges: Judges, size: number): (() => JudgedPart)[] {
  const { discriminators, real, losses } = judging;
  const samples = real.window.shape[0];
  const frames = microBatches(framesOf(real), size).map(({ from, to, share }) => (): JudgedPart => {
    const { condition } = real;
    const part: SlopePart = {
      term: 'frame_r1',
      share,
      tensors: {
        x: timesOf(real.frames, samples, from, to),
        ...(condition && { condition: timesOf(condition, samples, from, to) }),
      },
      input: ({ x }) => x as tf.Tensor4D,
      judge: (weights, x, tensors) =>
        discriminators.judgeFrames(
          weights,
          seen(x, tensors),
          tensors.condition ? seenCondition(tensors.condition as tf.Tensor4D, tensors) : null,
        ),
    };
    return slopePart(judging, judges, part, 'r1 of frames');
  });
  const runs = runBatches(judging, size).map((batch) => (): JudgedPart => {
    const { discriminator } = discriminators.sequences[batch.judge]!;
    const part: SlopePart = {
      term: 'sequence_r1',
      share: batch.share,
      tensors: { window: realRuns(real, batch) },
      input: ({ window }) => inRuns(discriminators, batch, window as tf.Tensor5D),
      judge: (weights, x, tensors) => discriminator.judge(weights, seen(x, tensors)),
    };
    return slopePart(judging, judges, part, `r1 of judge ${batch.judge}`);
  });
  return [...(judgesFrames(losses) ? frames : []), ...(judgesRuns(losses) ? runs : [])];
}
