import { evenSegments } from '../autodiff/index.js';
import { drawIndex, randomStream } from '../base/random.js';
import type { Share } from '../base/share.js';
import type { WindowRequest } from '../clips/index.js';
import { stepMemory, type Checkpointing, type StepMemory } from '../planning/index.js';
import { isThereAndBack, thereAndBack } from './ping-pong.js';
import type { LossOptions, StabilityOptions, StepsOrShare, TrainingOptions } from './options.js';
import type { KeptHistory, Picked } from './histories.js';
import { throughTime } from './through-time.js';
import { drawSight, type Sight, type SightOptions } from './sight.js';
import { limitsOf } from './stability-limits.js';
import type { StepPlan } from './step-plan.js';
import {
  isPast,
  mostSoFar,
  stepsOf,
  totalAt,
  type StepCounts,
  type TotalSteps,
} from './step-counts.js';

/** Of a pipeline, what decides what a step does. */
export interface ScheduleOptions {
  readonly seed: number;
  /** How many times training went back: each takes another random path at half the rates. */
  readonly attempt?: number;
  /** Which of a step's windows are this process's; all unless given. */
  readonly share?: Share | undefined;
  readonly training: TrainingOptions;
  readonly losses: LossOptions;
  readonly frameDiscriminator: { readonly judgeRaw: boolean };
}

/** Both rates after a training went back, as a share of those before. */
const RATES_OF_THE_NEXT = 0.5;

/** Everything about a step besides its data. */
export interface PlannedStep {
  /** The windows that it asks for. */
  readonly request: WindowRequest;
  /** Whether its rollout begins with no history. */
  readonly coldStart: boolean;
  /** For each frame of its rollout: does it see real history? */
  readonly teacherForced: readonly boolean[];
  readonly plan: StepPlan & StepMemory & SightOptions;
  /** What its windows go on from, where they do; those of all processes. */
  readonly from?: readonly KeptHistory[];
}

/** Steps between two times of what is done again and again. */
const intervalOf = (value: StepsOrShare, total: TotalSteps): number =>
  Math.max(1, stepsOf(value, total));

/** Frames rolled out at a step: the curriculum grows by one frame at a time up to `frames`, and never falls. */
export function rolloutFrames(options: TrainingOptions, step: number, counts: StepCounts): number {
  const { startFrames, growEverySteps } = options.rollout;
  const grown = mostSoFar(counts, step, (total, at) =>
    Math.floor(at / intervalOf(growEverySteps, total)),
  );
  return Math.min(options.frames, startFrames + grown);
}

/**
 * Frames that a step's rollout is warmed up by, where its windows have the room: all of them in some of
 * the steps, none in others.
 */
export function warmUpFrames(
  options: TrainingOptions,
  { seed, attempt }: Pick<ScheduleOptions, 'seed' | 'attempt'>,
  step: number,
  counts: StepCounts,
): number {
  const { frames, fraction, fromStep } = options.warmUp;
  if (fraction === 0 || !isPast(fromStep, step, counts)) return 0;
  const random = randomStream(seed, 'warm-up', drawIndex(step, attempt));
  return random.uniform() < fraction ? frames : 0;
}

/**
 * By what both sides of a step's frames are divided; once they have grown they stay so. Whether a training is long
 * enough goes by its first count, so that a later one turns nothing back.
 */
export function divideByAt({ growing }: TrainingOptions, step: number, counts: StepCounts): number {
  if (typeof growing === 'string' || isPast(growing.untilSteps, step, counts)) return 1;
  const [first] = counts;
  const known = first && first.fromStep <= step ? first.steps : 0;
  return known >= growing.leastSteps ? growing.divideBy : 1;
}

/**
 * 1 until `decayFromFraction` of the steps, then linear to 0 at the end. Where steps are counted again meanwhile it
 * stays what it is until that share of the new number, if that is yet to come, and falls from there to 0.
 */
export function rateFactor(options: TrainingOptions, step: number, counts: StepCounts): number {
  const share = options.optimizer.decayFromFraction;
  return counts.reduce((factor, { steps, fromStep }, i) => {
    if (fromStep > step) return factor;
    const start = i === 0 ? share * steps : Math.max(share * steps, fromStep);
    const at = Math.min(step, counts[i + 1]?.fromStep ?? step);
    if (at < start || steps <= start) return factor;
    return factor * Math.max(0, (steps - at) / (steps - start));
  }, 1);
}

/** How much of the new generator enters the average (StyleGAN2's ramped half-life). */
export function averageShare(options: TrainingOptions, step: number, counts: StepCounts): number {
  const { halfLifeSteps, rampUpFraction } = options.ema;
  const total = totalAt(counts, step);
  const halfLife = Math.min(stepsOf(halfLifeSteps, total), (step + 1) * rampUpFraction);
  return halfLife === 0 ? 1 : 1 - 0.5 ** (1 / halfLife);
}

/** What is left behind once so many steps are done. */
export interface Due {
  readonly save: boolean;
  readonly sample: boolean;
  readonly evaluate: boolean;
}

/** @param done steps, the one that was just done included */
export function dueAfter(options: TrainingOptions, done: number, total: TotalSteps): Due {
  const isDue = (every: StepsOrShare): boolean => done % intervalOf(every, total) === 0;
  return {
    save: isDue(options.snapshotEverySteps),
    sample: isDue(options.sampleEverySteps),
    evaluate: isDue(options.evaluateEverySteps),
  };
}

/** Augmentation of a training that went back: what the judges know by heart may be what tipped it. */
const AUGMENTATION_OF_THE_NEXT = 0.1;
/** A blur of less changes no pixel by much, and each step with one takes longer. */
const LEAST_BLUR = 0.3;

/** Probability of each augmentation that stays, whatever is found. */
export const leastAugmentation = (stability: StabilityOptions, attempt: number): number =>
  attempt === 0 || stability === 'off'
    ? 0
    : Math.min(limitsOf(stability).mostAugmentation, AUGMENTATION_OF_THE_NEXT);

/** Steps that the ramp is taken for until all steps are known. */
const STEPS_OF_A_RAMP = 100;

/**
 * What a training without trouble has of what is controlled: how far the discriminators' weight has grown from 0 to
 * 1, and the blur of what they see, which falls meanwhile.
 */
function judging(
  { stability }: Pick<TrainingOptions, 'stability'>,
  attempt: number,
  step: number,
  counts: StepCounts,
): Pick<StepPlan, 'adversarialWeight' | 'matchingWeight' | 'explodesAbove' | 'gradientCarried'> &
  SightOptions {
  if (stability === 'off') {
    return {
      adversarialWeight: 1,
      matchingWeight: 1,
      explodesAbove: null,
      gradientCarried: 1,
      blurPixels: 0,
      augmentation: 0,
    };
  }
  const { rampUp, blurPixels, explodesAbove } = limitsOf(stability);
  const share = mostSoFar(counts, step, (total, at) => {
    const ramp = total === null ? STEPS_OF_A_RAMP : stepsOf(rampUp, total);
    return ramp === 0 ? 1 : Math.min(1, (at + 1) / ramp);
  });
  // By the time that rollouts grow, so that steps of the new length are recorded once. Until all steps are known,
  // blur lasts: steps without it would be another kind for a moment.
  const sharpened = totalAt(counts, step) === null ? share : Math.min(1, 2 * share);
  const blur = blurPixels * (1 - sharpened);
  return {
    adversarialWeight: share,
    matchingWeight: 1,
    gradientCarried: 1,
    explodesAbove: explodesAbove === 0 ? null : explodesAbove,
    blurPixels: blur < LEAST_BLUR ? 0 : blur,
    augmentation: leastAugmentation(stability, attempt),
  };
}

/** How the discriminators see in a step. */
export const sightOf = (
  { seed, attempt }: Pick<ScheduleOptions, 'seed' | 'attempt'>,
  plan: Pick<StepPlan, 'step'> & SightOptions,
  size: { readonly height: number; readonly width: number },
): Sight | null =>
  drawSight(randomStream(seed, 'sight', drawIndex(plan.step, attempt)), plan, size);

/** Of all ways in which the discriminators may come to see, the one that takes the most; null where none is drawn. */
export function widestSight(
  training: Pick<TrainingOptions, 'stability'>,
  size: { readonly height: number; readonly width: number },
): Sight | null {
  const { stability } = training;
  const { blurPixels } = judging(training, 0, 0, []);
  const isAugmented = stability !== 'off' && limitsOf(stability).mostAugmentation > 0;
  const options = { blurPixels, augmentation: isAugmented ? 1 : 0 };
  return drawSight(randomStream(0, 'sight', 0), options, size);
}

/**
 * Everything of a step that is no data: a pure function of its number, of how many there are in all as far as it
 * knows, and of the pipeline.
 * @param step steps done before it
 * @param counts those that begin after it change nothing
 * @throws FrameloomError budget
 */
export function planStep(
  options: ScheduleOptions,
  checkpointing: Checkpointing,
  step: number,
  counts: StepCounts,
): PlannedStep {
  const { training, losses, seed, attempt = 0 } = options;
  const { optimizer, batch, teacherForcing } = training;
  const factor = rateFactor(training, step, counts) * RATES_OF_THE_NEXT ** attempt;
  const frames = rolloutFrames(training, step, counts);
  const random = randomStream(seed, 'noise', drawIndex(step, attempt));
  const coldStart = random.uniform() < training.coldStartFraction;
  const passed = mostSoFar(counts, step, (total, at) => {
    const until = stepsOf(teacherForcing.untilSteps, total);
    return at < until ? at / until : 1;
  });
  const share = teacherForcing.probability * (1 - passed);
  const isBack = isThereAndBack(losses, step, frames);
  const rolledOut = isBack ? thereAndBack(frames) : frames;
  const teacherForced = Array.from(
    { length: rolledOut },
    (_, t) => random.uniform() < share && t > 0,
  );
  const memory = stepMemory(checkpointing, rolledOut);
  const divideBy = divideByAt(training, step, counts);
  const judged = judging(training, attempt, step, counts);
  // A graph of a whole step with teacher forcing would be recorded for each pattern of forced frames, to
  // run once; a frame's graph repeats.
  const through = throughTime(training, memory, rolledOut);
  const isInFrames = training.compile && teacherForced.includes(true) && through.segments === null;
  return {
    request: {
      frames: isBack ? (rolledOut + 1) / 2 : frames,
      batch,
      roomFrames: training.frames,
      warmUpFrames: warmUpFrames(training, options, step, counts),
      attempt,
      divideBy,
      ...(options.share && { share: options.share }),
    },
    coldStart,
    teacherForced,
    plan: {
      step,
      judgeRaw: options.frameDiscriminator.judgeRaw,
      generatorLearningRate: optimizer.generatorLearningRate * factor,
      discriminatorLearningRate: optimizer.discriminatorLearningRate * factor,
      beta1: optimizer.beta1,
      beta2: optimizer.beta2,
      averageShare: averageShare(training, step, counts),
      ...memory,
      ...through,
      ...(isInFrames && { segments: evenSegments(rolledOut, 1) }),
      ...judged,
      // In pixels of data.size.
      blurPixels: judged.blurPixels / divideBy,
      judgesWait: false,
      sight: null,
      r1: step % losses.r1EverySteps === 0 ? losses.r1 * losses.r1EverySteps : 0,
      r2: step % losses.r2EverySteps === 0 ? losses.r2 * losses.r2EverySteps : 0,
      lecam: losses.lecam > 0 ? { weight: losses.lecam, anchors: {} } : null,
      // What has gone back is no beginning of a way on.
      leaves: training.histories.fraction > 0 && !isBack,
      thereAndBack: isBack,
    },
  };
}

/**
 * A planned step that goes on from kept histories, which have drifted as far as a warm-up would: where they were left, or
 * elsewhere, where its windows are drawn as any other's.
 */
export const goingOn = (planned: PlannedStep, { from, elsewhere }: Picked): PlannedStep => ({
  ...planned,
  from,
  request: {
    ...planned.request,
    warmUpFrames: 0,
    ...(!elsewhere && { origin: from.map(({ origin }) => origin) }),
  },
  plan: elsewhere ? { ...planned.plan, elsewhere } : planned.plan,
});
