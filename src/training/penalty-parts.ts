import * as tf from '@tensorflow/tfjs-core';
import { numbered, type NamedTensors } from '../backend/graph/index.js';
import { foldTime, type Judgement, type Parameters } from '../networks/index.js';
import { judgeFrames, madeOf, shown } from './frames-part.js';
import {
  framesOf,
  judgesFrames,
  judgesRuns,
  judgingKey,
  logitsOf,
  repeated,
  timesOf,
  weightsOf,
  type JudgedPart,
  type Judges,
  type Judging,
} from './judged-parts.js';
import { approximateSlopePenalty, slopePenalty } from './losses/slope.js';
import { microBatches, type MicroBatch } from './micro-batch.js';
import type { RolledOut } from './rollout.js';
import type { Judged } from './score-anchors.js';
import { seen } from './sight.js';
import {
  doneAmong,
  doneInRuns,
  framesOfRuns,
  generatedRuns,
  inRuns,
  runBatches,
  stackedRuns,
  type RunBatch,
} from './runs-part.js';

/** R1 is a judge's slope at real input, R2 at generated. */
const PENALTIES = ['r1', 'r2'] as const;
type Penalty = (typeof PENALTIES)[number];

/** What the generator made, constants here. */
export type Generated = Pick<RolledOut, 'frames' | 'raws'>;

/** What a judge's slope is taken at, all from a part's tensors. */
interface Slope {
  readonly tensors: NamedTensors;
  readonly input: (tensors: NamedTensors) => tf.Tensor4D;
  /** Noise of the input's shape, from `nudge` among the tensors. */
  readonly noise: (nudge: tf.Tensor, input: tf.Tensor4D) => tf.Tensor4D;
  readonly judge: (weights: Parameters, x: tf.Tensor4D, tensors: NamedTensors) => Judgement[];
}

/**
 * @param kind of parts that compute the same
 * @param gamma weighs the penalty, of which this is the part `share`
 */
function slopePart(
  judging: Judging,
  judges: Judges,
  { tensors: own, input, noise, judge }: Slope,
  { term, kind, gamma, share }: { term: string; kind: string; gamma: tf.Scalar; share: number },
): JudgedPart {
  const { discriminators, losses, sight } = judging;
  return {
    kind: `${kind} by ${share}${judgingKey(judging)}`,
    tensors: { ...own, ...judges, ...sight, gamma },
    losses: {
      discriminators: {
        xs: ['flat'],
        phase: 'train',
        open(tensors) {
          const x = input(tensors);
          const nudge =
            losses.penalty === 'exact'
              ? null
              : { noise: noise(tensors.nudge!, x), sigma: losses.penaltySigma };
          return () => {
            const weights = weightsOf(discriminators, tensors);
            const logits = (at: tf.Tensor4D) => logitsOf(judge(weights, at, tensors));
            const penalty = nudge
              ? approximateSlopePenalty(logits, x, share, nudge)
              : slopePenalty(logits, x, share);
            return { terms: { [term]: tf.mul(penalty, tensors.gamma as tf.Scalar) } };
          };
        },
      },
    },
  };
}

/** The frame discriminator's slope at some real frames, or at the generated ones as it is shown them. */
function atFrames(judging: Judging, generated: Generated | null, { from, to }: MicroBatch): Slope {
  const { condition, nudge, frames, window } = judging.real;
  const ofTimes = (x: tf.Tensor4D): tf.Tensor4D => timesOf(x, window.shape[0], from, to);
  const last = framesOf(judging.real);
  const made = (x: tf.Tensor5D): tf.Tensor4D =>
    foldTime(tf.slice(x, [0, x.shape[1] - last, 0, 0, 0], [-1, -1, -1, -1, -1]));
  return {
    tensors: {
      ...(generated
        ? {
            ...numbered('frame', generated.frames.slice(from, to)),
            ...numbered('raw', generated.raws.slice(from, to)),
          }
        : { x: ofTimes(frames) }),
      ...(condition && { condition: ofTimes(condition) }),
      ...(nudge && { nudge: ofTimes(made(nudge)) }),
    },
    input: (tensors) => (generated ? shown(judging, madeOf(tensors)) : (tensors.x as tf.Tensor4D)),
    noise: (nudge, x) => repeated(nudge as tf.Tensor4D, x.shape[0] / nudge.shape[0]),
    judge: (weights, x, tensors) => judgeFrames(judging, weights, x, tensors),
  };
}

/** A sequence discriminator's slope at some real runs of frames, or at the generated ones. */
function atRuns(judging: Judging, generated: Generated | null, batch: RunBatch): Slope {
  const { discriminators, real } = judging;
  const { discriminator } = discriminators.sequences[batch.judge]!;
  const { front, made } = generated
    ? generatedRuns(real, generated.frames, batch)
    : { front: {}, made: { window: framesOfRuns(real, real.window, batch) } };
  const runs = (window: tf.Tensor): tf.Tensor4D =>
    inRuns(discriminators, batch, window as tf.Tensor5D);
  return {
    tensors: {
      ...front,
      ...made,
      ...(real.nudge && { nudge: framesOfRuns(real, real.nudge, batch) }),
      ...doneInRuns(judging, batch),
    },
    input: (tensors) => runs(generated ? stackedRuns(tensors) : tensors.window!),
    noise: runs,
    judge: (weights, x, tensors) => {
      const done = doneAmong(tensors);
      return discriminator.judge(weights, seen(x, tensors), done && { actions: done.actions });
    },
  };
}

/**
 * The penalties that a step's dials have, on every judge that is trained: on the frame discriminator at frames,
 * and on the sequence discriminators at runs of them, the mean of theirs as of their losses. By the gradient,
 * or where the step has noise for it by what that changes. In parts of at most `size` frames, then runs, of a
 * sample.
 *
 * @param generated is read for R2 only
 */
export function penaltyParts(
  judging: Judging,
  generated: Generated,
  judges: Judges,
  size: number,
): (() => JudgedPart)[] {
  const { real, losses, dials } = judging;
  if (losses.penalty === 'approximate' && !real.nudge) {
    throw new Error('slopes are approximated by noise, and the step has none');
  }
  const part = (
    [which, gamma]: readonly [Penalty, tf.Scalar],
    name: Judged,
    judge: string,
    { share }: { readonly share: number },
    slope: (generated: Generated | null) => Slope,
  ): JudgedPart =>
    slopePart(judging, judges, slope(which === 'r2' ? generated : null), {
      term: `${name}_${which}`,
      kind: `${which} of ${judge}`,
      gamma,
      share,
    });
  return PENALTIES.flatMap((which) => {
    const gamma = dials[which];
    if (!gamma) return [];
    const own = [which, gamma] as const;
    const frames = microBatches(framesOf(real), size).map(
      (batch) => () =>
        part(own, 'frame', 'frames', batch, (made) => atFrames(judging, made, batch)),
    );
    const runs = runBatches(judging, size).map(
      (batch) => () =>
        part(own, 'sequence', `judge ${batch.judge}`, batch, (made) =>
          atRuns(judging, made, batch),
        ),
    );
    return [...(judgesFrames(losses) ? frames : []), ...(judgesRuns(losses) ? runs : [])];
  });
}
