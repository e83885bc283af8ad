import * as tf from '@tensorflow/tfjs-core';
import { numbered, ordered, type NamedTensors } from '../backend/graph/index.js';
import { warpConstant } from '../kernels/index.js';
import { foldFrames, foldTime, type Judgement, type Parameters } from '../networks/index.js';
import { addFaithful } from './faithful.js';
import {
  adder,
  believed,
  featuresOf,
  lecamTensors,
  tellingApart,
  twoSides,
  judgesFrames,
  judgingKey,
  realWindow,
  repeated,
  timesOf,
  weightsOf,
  type JudgedPart,
  type JudgedStep,
  type Judges,
  type Judging,
  type RealSide,
} from './judged-parts.js';
import { featureMatching, flowSmoothness, l1 } from './losses/reconstruction.js';
import { taughtFlow } from './losses/taught-flow.js';
import type { LossTerms, MicroBatch, PartLoss } from './micro-batch.js';
import { pixelWeights, previousFrames } from './moving.js';
import type { RolledOut } from './rollout.js';
import { seen, seenCondition } from './sight.js';

/**
 * What the losses say of frames by themselves, of some of a rollout: adversarial and feature matching
 * (composed, and raw when `judgeRaw`), how near they are to the real ones, warp, flow smoothness
 * and what teaches flow.
 */
export function framesPart(step: JudgedStep, judges: Judges, batch: MicroBatch): JudgedPart {
  const { real, out, losses, judgesWait } = step;
  const { from, to, share } = batch;
  const samples = real.window.shape[0];
  const flows = out.flows.filter(({ t }) => t >= from && t < to);
  const flowShare = flows.length / out.flows.length;
  const judged = judgesFrames(losses);
  const taught = taughtFlows(step, flows);
  const made = {
    ...numbered('frame', out.frames.slice(from, to)),
    ...numbered('raw', out.raws.slice(from, to)),
    ...numbered(
      'flow',
      flows.map(({ flow }) => flow),
    ),
  };
  return {
    kind: `frames by ${share}, flows by ${flowShare}, taught by ${taught.share}${judgingKey(step)}`,
    tensors: {
      ...made,
      ...judges,
      ...step.sight,
      adversarialWeight: step.dials.adversarialWeight,
      matchingWeight: step.dials.matchingWeight,
      target: timesOf(real.frames, samples, from, to),
      ...previousOf(step, from, to),
      ...(judged && !judgesWait && lecamTensors(step.dials, 'frame')),
      ...(real.condition && { condition: timesOf(real.condition, samples, from, to) }),
      ...(flows.length > 0 && losses.warp > 0 && aroundFlows(real, flows)),
      ...taught.tensors,
    },
    losses: {
      generator: generatorPart(step, Object.keys(made), judged, {
        share,
        flowShare,
        taughtShare: taught.share,
      }),
      ...(judged && !judgesWait && { discriminators: discriminatorsPart(step, share) }),
    },
  };
}

/** Generated frames and hallucinated images, folded into the batch. */
export interface Made {
  readonly made: tf.Tensor4D;
  readonly raw: tf.Tensor4D;
}

export const madeOf = (tensors: NamedTensors): Made => ({
  made: foldFrames(ordered('frame', tensors) as tf.Tensor4D[]),
  raw: foldFrames(ordered('raw', tensors) as tf.Tensor4D[]),
});

const conditionOf = (tensors: NamedTensors): tf.Tensor4D | null =>
  tensors.condition ? seenCondition(tensors.condition as tf.Tensor4D, tensors) : null;

/** What is judged as generated: the composed frames, then the hallucinated ones where those are too. */
export const shown = ({ judgeRaw }: Judging, { made, raw }: Made): tf.Tensor4D =>
  judgeRaw ? tf.concat([made, raw]) : made;

/** The frame discriminator's judgement of one or several pictures for each of the part's conditions. */
export function judgeFrames(
  { discriminators }: Judging,
  weights: Parameters,
  x: tf.Tensor4D,
  tensors: NamedTensors,
): Judgement[] {
  const condition = conditionOf(tensors);
  const times = condition ? x.shape[0] / condition.shape[0] : 1;
  const each = condition && times > 1 ? repeated(condition, times) : condition;
  return discriminators.judgeFrames(weights, seen(x, tensors), each);
}

const judgeReal = (step: Judging, weights: Parameters, tensors: NamedTensors) =>
  judgeFrames(step, weights, tensors.target as tf.Tensor4D, tensors);

const judgeMade = (step: Judging, weights: Parameters, made: Made, tensors: NamedTensors) =>
  judgeFrames(step, weights, shown(step, made), tensors);

/** What a part's means weigh: of frames, of flows, and of flows that are taught, each among all of its kind. */
interface Shares {
  readonly share: number;
  readonly flowShare: number;
  readonly taughtShare: number;
}

function generatorPart(
  step: JudgedStep,
  xs: readonly string[],
  judged: boolean,
  { share, flowShare, taughtShare }: Shares,
): PartLoss {
  const { losses } = step;
  return {
    xs,
    open(tensors) {
      const weights = judged ? weightsOf(step.discriminators, tensors) : {};
      const reals = judged ? judgeReal(step, weights, tensors) : [];
      const { adversarialWeight, matchingWeight } = tensors as Record<string, tf.Scalar>;
      const target = tensors.target as tf.Tensor4D;
      return () => {
        const terms: LossTerms = {};
        const signals: LossTerms = {};
        const add = adder(terms);
        const frames = madeOf(tensors);
        const { made, raw } = frames;
        if (judged) {
          const judgements = judgeMade(step, weights, frames, tensors);
          const matched = (): tf.Scalar =>
            featureMatching(featuresOf(judgements), featuresOf(reals));
          const believable = (): tf.Scalar => believed(losses, reals, judgements);
          add('frame_adversarial', losses.frameAdversarial, share, believable, adversarialWeight);
          add('frame_matching', losses.featureMatching, share, matched, matchingWeight);
          // Their own half says so, where they have one.
          if (step.judgesWait) {
            Object.assign(signals, tellingApart('frame', losses, reals, judgements, share));
          }
        }
        const previous = tensors.previous as tf.Tensor4D | undefined;
        const pixels = pixelWeights(losses, target, previous);
        addFaithful(add, losses, share, made, target, pixels);
        add('raw_reconstruction', losses.rawReconstruction, share, () => l1(raw, target, pixels));
        const flows = ordered('flow', tensors) as tf.Tensor4D[];
        if (flows.length > 0) {
          const flow = foldFrames(flows);
          const { before, now } = tensors as Record<'before' | 'now', tf.Tensor4D>;
          const moved = pixelWeights(losses, now, before);
          add('warp', losses.warp, flowShare, () => l1(warpConstant(before, flow), now, moved));
          add('flow_smoothness', losses.flowSmoothness, flowShare, () => flowSmoothness(flow));
          const motion = tensors.motion as tf.Tensor4D | undefined;
          if (motion) {
            // Of a rollout there and back the way there comes first.
            const own = foldFrames(flows.slice(0, motion.shape[0] / flows[0]!.shape[0]));
            add('flow_teacher', losses.flowTeacher, taughtShare, () => taughtFlow(own, motion));
          }
        }
        return { terms, signals };
      };
    },
  };
}

function discriminatorsPart(step: JudgedStep, share: number): PartLoss {
  return {
    xs: ['flat'],
    phase: 'train',
    open: (tensors) => () => {
      const weights = weightsOf(step.discriminators, tensors);
      return twoSides(
        'frame',
        step.losses,
        tensors,
        judgeReal(step, weights, tensors),
        judgeMade(step, weights, madeOf(tensors), tensors),
        share,
      );
    },
  };
}

/** The real frames before those of a part, where what moves counts more. */
function previousOf({ losses, real }: JudgedStep, from: number, to: number): NamedTensors {
  if (losses.moving === 0) return {};
  const own = tf.slice(previousFrames(real), [0, from, 0, 0, 0], [-1, to - from, -1, -1, -1]);
  return { previous: foldTime(own) };
}

/**
 * What a part's flows are held to, by as many of the first of them as the real motion is known of.
 * @throws Error where flow is held to a motion that the window came without
 */
function taughtFlows(
  { losses, out, real: { motion } }: JudgedStep,
  flows: RolledOut['flows'],
): { readonly tensors: NamedTensors; readonly share: number } {
  if (losses.flowTeacher === 0 || flows.length === 0) return { tensors: {}, share: 0 };
  if (!motion) throw new Error('flow is held to a motion that its window came without');
  const isTaught = ({ t }: { readonly t: number }): boolean => t < motion.shape[1];
  const own = flows.filter(isTaught);
  if (own.length === 0) return { tensors: {}, share: 0 };
  const held = tf.slice(motion, [0, own[0]!.t, 0, 0, 0], [-1, own.length, -1, -1, -1]);
  return {
    tensors: { motion: foldTime(held) },
    share: own.length / out.flows.filter(isTaught).length,
  };
}

/**
 * The real frames that flows of consecutive frames lead from and to, folded into the batch as the
 * flows are: one op for all of them, where a recorded step would have one for each frame.
 */
function aroundFlows(
  real: RealSide,
  flows: RolledOut['flows'],
): { before: tf.Tensor4D; now: tf.Tensor4D } {
  const window = realWindow(real);
  const first = real.lead + flows[0]!.t;
  const from = (t: number): tf.Tensor4D =>
    foldTime(tf.slice(window, [0, t, 0, 0, 0], [-1, flows.length, -1, -1, -1]));
  return { before: from(first - 1), now: from(first) };
}
