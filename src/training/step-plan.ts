import * as tf from '@tensorflow/tfjs-core';
import type { Schedule } from '../autodiff/index.js';
import { withoutPrefix, type NamedTensors } from '../backend/graph/index.js';
import { adamRate } from '../autodiff/adam.js';
import { flattenState, type TrainingState } from './model.js';
import type { LossOptions } from './options.js';
import type { RolloutInput } from './rollout.js';
import { JUDGED, type Judged, type ScoreAnchors } from './score-anchors.js';
import { packSight, sightKey, type Sight } from './sight.js';
import type { WarmedUp } from './warm-up.js';

/** What one step does besides its data; a pure function of the step's number. */
export interface StepPlan {
  /** Steps done before this one. */
  readonly step: number;
  readonly generatorLearningRate: number;
  readonly discriminatorLearningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  /** The generator's gradient is shortened from so many times its loss on; null leaves it as it is. */
  readonly explodesAbove: number | null;
  /** How much of the generator enters its average, in (0, 1]. */
  readonly averageShare: number;
  /** What gradient checkpointing recomputes; null keeps all on one tape. */
  readonly segments: Schedule | null;
  /** Factor on the gradient that passes from four frames to those before, where there are segments. */
  readonly gradientCarried: number;
  /** Frames after which the gradient ends, whatever is carried; none unless given. */
  readonly endsEvery?: number;
  /** Blocks in each stretch of a frame that is a segment by itself; all in one unless given. */
  readonly stretches?: readonly number[] | null;
  /** Frames that the discriminators judge at once when there are segments; all unless given. */
  readonly judgedFrames?: number;
  /** The gammas of the slope penalties at real and at generated input in this step; 0 leaves one out. */
  readonly r1: number;
  readonly r2: number;
  /** LeCam's weight, and its anchors where there are any yet; null without it. */
  readonly lecam: { readonly weight: number; readonly anchors: ScoreAnchors } | null;
  readonly judgeRaw: boolean;
  /** Factor on the adversarial terms of the generator's loss. */
  readonly adversarialWeight: number;
  /** Factor on the feature matching terms of the generator's loss. */
  readonly matchingWeight: number;
  /** The discriminators judge and do not learn: their weights and moments stay, and their half is not computed. */
  readonly judgesWait: boolean;
  /** How the discriminators see in this step; null where they see all as it is. */
  readonly sight: Sight | null;
  /** Whether its window goes there and back, and frames made both ways have to agree. Not unless given. */
  readonly thereAndBack?: boolean;
  /**
   * Whether it goes on from what was made at another place of the clips: its losses are then those without truth, and no
   * sequence is judged across the seam of two conditions. Not unless given.
   */
  readonly elsewhere?: boolean;
  /** Whether its last frames are handed out, for another step to go on from. Not unless given. */
  readonly leaves?: boolean;
}

/** Whether a step approximates slopes, for which it needs noise. */
export const needsNudge = (
  { penalty }: LossOptions,
  { r1, r2, judgesWait }: Pick<StepPlan, 'r1' | 'r2' | 'judgesWait'>,
): boolean => penalty === 'approximate' && !judgesWait && (r1 > 0 || r2 > 0);

/** Times its loss that no gradient is long. */
const NEVER = 1e30;

/** Gradients end at a multiple of so many frames before the last, where they are cut. */
export const FRAMES_BETWEEN_CUTS = 4;

/** The numbers of a step that change from step to step. */
function rates(plan: StepPlan) {
  const generator = adamRate(plan.generatorLearningRate, plan, plan.step);
  const discriminators = adamRate(plan.discriminatorLearningRate, plan, plan.step);
  return {
    'rate.generator': generator.rate,
    'rate.discriminators': discriminators.rate,
    'rate.epsilon': generator.epsilon,
    'rate.average': plan.averageShare,
    'rate.explodes': plan.explodesAbove ?? NEVER,
  };
}
export type RateName = keyof ReturnType<typeof rates>;

/** Factors on terms of the losses: scalars that enter a step, so that another value needs no other graph. */
export interface Dials {
  readonly adversarialWeight: tf.Scalar;
  readonly matchingWeight: tf.Scalar;
  /** There in steps in segments. */
  readonly gradientCarried?: tf.Scalar;
  /** There in steps that have the penalty. */
  readonly r1?: tf.Scalar;
  readonly r2?: tf.Scalar;
  /** There with LeCam; a weight of 0 while there are no anchors. */
  readonly lecam?: Readonly<Record<Judged, LecamDials>>;
}

interface LecamDials {
  readonly weight: tf.Scalar;
  readonly real: tf.Scalar;
  readonly fake: tf.Scalar;
}

const DIAL = 'dial.';
const LECAM = ['weight', 'real', 'fake'] as const;
const lecamDial = (name: Judged, what: (typeof LECAM)[number]): string =>
  `${DIAL}lecam.${name}.${what}`;

function dials(plan: StepPlan): Record<string, number> {
  const { adversarialWeight, matchingWeight, segments, r1, r2, lecam } = plan;
  const { gradientCarried, endsEvery } = plan;
  const drawn = JUDGED.flatMap((name) => {
    const anchors = lecam?.anchors[name];
    const numbers = { weight: anchors ? lecam.weight : 0, real: 0, fake: 0, ...anchors };
    return lecam ? LECAM.map((what) => [lecamDial(name, what), numbers[what]] as const) : [];
  });
  return {
    [`${DIAL}adversarialWeight`]: adversarialWeight,
    [`${DIAL}matchingWeight`]: matchingWeight,
    ...(segments && { [`${DIAL}gradientCarried`]: endsEvery === undefined ? gradientCarried : 0 }),
    ...(r1 > 0 && { [`${DIAL}r1`]: r1 }),
    ...(r2 > 0 && { [`${DIAL}r2`]: r2 }),
    ...Object.fromEntries(drawn),
  };
}

/** The dials among a step's inputs. */
export function dialsOf(tensors: NamedTensors): Dials {
  const own = withoutPrefix(DIAL, tensors) as Record<string, tf.Scalar>;
  const { adversarialWeight, matchingWeight, gradientCarried, r1, r2 } = own;
  const lecamOf = (name: Judged): LecamDials =>
    Object.fromEntries(
      LECAM.map((what) => [what, tensors[lecamDial(name, what)]]),
    ) as unknown as LecamDials;
  return {
    adversarialWeight: adversarialWeight!,
    matchingWeight: matchingWeight!,
    ...(gradientCarried && { gradientCarried }),
    ...(r1 && { r1 }),
    ...(r2 && { r2 }),
    ...(tensors[lecamDial('frame', 'weight')] && {
      lecam: { frame: lecamOf('frame'), sequence: lecamOf('sequence') },
    }),
  };
}

/** All that a step computes from once its window is warmed up, by name. */
export function packInputs(
  state: TrainingState,
  { input, front }: WarmedUp,
  plan: StepPlan,
): NamedTensors {
  const { frames, condition, actions, otherActions, noise, places, looks, history, nudge, motion } =
    input;
  const numbers = { ...rates(plan), ...dials(plan) };
  const scalars = Object.entries(numbers).map(([name, value]) => [name, tf.scalar(value)]);
  return {
    ...flattenState(state),
    ...(Object.fromEntries(scalars) as NamedTensors),
    frames,
    ...(condition && { condition }),
    ...(actions && { actions }),
    ...(otherActions && { otherActions }),
    ...(noise && { noise }),
    ...(places && { places }),
    ...(looks && { looks }),
    ...(history && { history }),
    ...(nudge && { nudge }),
    ...(motion && { motion }),
    ...(front && { front }),
    ...packSight(plan.sight, { height: frames.shape[2], width: frames.shape[3] }),
  };
}

/** The window of a step as `packInputs` packed it. */
export const unpackWindow = (input: RolloutInput, tensors: NamedTensors): WarmedUp => ({
  input: {
    ...input,
    frames: tensors.frames as tf.Tensor5D,
    condition: (tensors.condition as tf.Tensor5D | undefined) ?? null,
    noise: (tensors.noise as tf.Tensor5D | undefined) ?? null,
    ...(tensors.actions && { actions: tensors.actions as tf.Tensor3D }),
    ...(tensors.otherActions && { otherActions: tensors.otherActions as tf.Tensor3D }),
    ...(tensors.places && { places: tensors.places as tf.Tensor2D }),
    ...(tensors.looks && { looks: tensors.looks as tf.Tensor4D }),
    ...(tensors.history && { history: tensors.history as tf.Tensor4D }),
    ...(tensors.nudge && { nudge: tensors.nudge as tf.Tensor5D }),
    ...(tensors.motion && { motion: tensors.motion as tf.Tensor5D }),
  },
  front: (tensors.front as tf.Tensor5D | undefined) ?? null,
});

/** What decides a step's computation besides its tensors: steps with one key are one function. */
export function keyOf(input: RolloutInput, losses: LossOptions, plan: StepPlan): string {
  const { lead, coldStart, visibleFrom, teacherForced } = input;
  const { segments, stretches = null, judgedFrames = null, r1, r2, judgesWait, sight } = plan;
  const { leaves = false, endsEvery = null, thereAndBack = false, elsewhere = false } = plan;
  const parts = segments && { segments, stretches, judgedFrames, endsEvery };
  const own = JSON.stringify([
    lead,
    coldStart,
    visibleFrom,
    teacherForced,
    r1 > 0,
    r2 > 0,
    judgesWait,
    sightKey(sight),
    leaves,
    thereAndBack,
    elsewhere,
    parts,
  ]);
  return `${piecesKey(losses, plan)} ${own}`;
}

/** What decides all pieces of a step in segments; each adds its own. */
export function piecesKey(
  losses: LossOptions,
  { beta1, beta2, judgeRaw, lecam }: StepPlan,
): string {
  return JSON.stringify([beta1, beta2, judgeRaw, lecam !== null, losses]);
}
