import { z } from 'zod';
import { evenSegments, type Schedule } from '../autodiff/index.js';
import { silentLogger } from '../base/log.js';
import type { EvaluationFigures } from './evaluation.js';
import {
  ADVERSARIAL_WEIGHT,
  followingOf,
  leftOut,
  MATCHING_WEIGHT,
  pullOf,
  pullSignal,
  wholePullOf,
} from './pull.js';
import { grownScores, scoresSchema } from './score-anchors.js';
import {
  cutShort,
  CLIPPED,
  GRADIENT_NORMS,
  grown,
  isJump,
  remembrance,
  runningSchema,
  type Following,
  type Signals,
} from './signals.js';
import type { StabilityLimits } from './stability-limits.js';

const stateSchema = z.strictObject({
  /** Means of the signals of the last steps, by name. */
  signals: z.record(z.string(), runningSchema),
  judgesWait: z.boolean(),
  /** Factor on the adversarial terms, by how hard the discriminators pull. */
  adversarialWeight: z.number().default(1),
  /** The same by what came of it: another factor, which only falls. */
  caution: z.number().default(1),
  /** Factor on the discriminators' learning rate. */
  judgesRate: z.number().default(1),
  /** Whether gradients pass from a segment of the rollout to the one before. */
  gradientsPass: z.boolean().default(true),
  /** Probability of each augmentation of what the discriminators see. */
  augmentation: z.number().default(0),
  /** Step after which something was changed last; null before the first time. */
  actedAt: z.int().nullable(),
  /** Signals that jumped in the last step. */
  jumping: z.array(z.string()),
  /** Means of the discriminators' scores, by signal: LeCam's anchors. */
  scores: scoresSchema.default({}),
});
/** What the controller knows; small, and a part of each snapshot, so that resuming goes on exactly. */
export type StabilityState = z.output<typeof stateSchema>;

/** Something that the controller changed, as a line of the log. */
export interface Act {
  readonly step: number;
  readonly act:
    | 'judges wait'
    | 'judges go on'
    | 'judges weigh less'
    | 'judges weigh more'
    | 'gradients are cut'
    | 'gradients pass'
    | 'judges learn slower'
    | 'judges learn faster'
    | 'judges see more through augmentation'
    | 'judges see less through augmentation';
  /** Why, with the numbers. */
  readonly why: string;
}

/** One change has to show what it does before the next. */
const STEPS_BETWEEN_ACTS = 25;
/** Of a gradient's logarithm, in standard deviations from its mean. */
const JUMP = 4;
/** Of a gradient's logarithm; e^0.1 is a tenth more. */
const FOLLOWING: Following = { halfLifeSteps: 20, fewestSteps: 40, leastDeviation: 0.1 };
const { fewestSteps: FEWEST_STEPS } = FOLLOWING;

/** How many of the real patches score above the generated ones at the same place and time. */
const PAIR_SIGNALS = ['discriminator/frame_pairs', 'discriminator/sequence_pairs'] as const;
/** Whether a gradient jumped in a step: its mean is how often. */
const JUMPS = 'jumps';
/** Whether a gradient was shortened in a step: its mean is how often. */
const CLIPS = 'clips';
/** What is remembered of a step's own signals; the others are for people. */
const REMEMBERED: readonly string[] = [...PAIR_SIGNALS, ...GRADIENT_NORMS];
/** Least that the adversarial terms may weigh: without any they teach nothing. */
const LEAST_WEIGHT = 0.02;
/** Least that their weight is multiplied by at once, and what it grows by. */
const [MOST_DOWN, UP] = [1 / 4, 1.5];
/** They weigh more again where the pull is less than this share of what it may be. */
const MUCH_LESS = 0.5;
/** Of their weight, after an evaluation that found dots. */
const CAUTION = 1 / 4;
/** A gradient that jumps in more than this share of the steps is no accident of one window. */
const OFTEN = 0.1;
const SELDOM = 0.01;
/** Steps without a jump after which the judges may learn faster again. */
const STEPS_OF_CALM = 200;
const LEAST_RATE = 1 / 8;
/** Steps after which it is known whether gradients explode: from the first one on they do, or later. */
const FEWEST_OF_CLIPS = 16;
/** Frames of the segments at which gradients end, in a rollout that is on one tape. */
const FRAMES_OF_A_SEGMENT = 4;
/** Whether the gradient went from segment to segment in a step, where there are several or may be. */
const CARRIED = 'control/gradient_carried';
/** Each evaluation that finds overfitting adds so much; one that finds little of it takes half of that away. */
const MORE_AUGMENTATION = 0.2;

/** @param saved what a snapshot kept, if anything */
export const stabilityState = (saved?: unknown, log = silentLogger): StabilityState =>
  remembrance(stateSchema, saved, 'memory of how training goes (stability)', log) ??
  stateSchema.parse({ signals: {}, judgesWait: false, actedAt: null, jumping: [] });

/** Of the adversarial terms' weight, each time that a training goes back. */
const CAUTION_OF_THE_NEXT = 1 / 2;

/** What the controller knows when a training has gone back to a snapshot so many times more than it knew. */
export const returned = (state: StabilityState, times: number): StabilityState => ({
  ...state,
  caution: Math.max(LEAST_WEIGHT, state.caution * CAUTION_OF_THE_NEXT ** times),
});

const isNorm = (name: string): boolean => (GRADIENT_NORMS as readonly string[]).includes(name);

/** Norms vary by factors: their logarithms are compared. */
const valueOf = (name: string, value: number): number =>
  isNorm(name) ? Math.log(Math.max(value, 1e-12)) : value;

/** The mean over the judges that have one. */
function pairsOf(signals: StabilityState['signals']): number | null {
  const known = PAIR_SIGNALS.flatMap((name) => signals[name] ?? []);
  if (known.length === 0 || known.some(({ count }) => count < FEWEST_STEPS)) return null;
  return known.reduce((sum, { mean }) => sum + mean, 0) / known.length;
}

/** Factor on the adversarial terms. */
const weightOf = ({
  adversarialWeight,
  caution,
}: Pick<StabilityState, 'adversarialWeight' | 'caution'>): number => adversarialWeight * caution;

/** What a step's signals add to what is remembered; nothing is changed by it. */
export function remembered(before: StabilityState, signals: Signals): StabilityState {
  const known: [name: string, value: number][] = Object.entries(signals).flatMap(([name, value]) =>
    typeof value === 'number' && Number.isFinite(value) && REMEMBERED.includes(name)
      ? [[name, valueOf(name, value)]]
      : [],
  );
  const jumping = known
    .filter(([name, value]) => isNorm(name) && isJump(before.signals[name], value, JUMP, FOLLOWING))
    .map(([name]) => name);
  known.push([JUMPS, jumping.length > 0 ? 1 : 0], [CLIPS, signals[CLIPPED] ?? 0]);
  const pulled = pullSignal(signals);
  if (pulled !== null) known.push(pulled);
  const next = Object.fromEntries(
    known.map(([name, value]) => {
      const own = before.signals[name];
      const usual = jumping.includes(name) ? cutShort(own, value, JUMP, FOLLOWING) : value;
      return [name, grown(own, usual, followingOf(name) ?? FOLLOWING)];
    }),
  );
  const scores = grownScores(before.scores, signals);
  return { ...before, jumping, scores, signals: { ...before.signals, ...next } };
}

const roundedTo = (digits: number, value: number): number => Number(value.toFixed(digits));

/** What changes, and the line that says so; null where nothing does. */
type Change = { readonly to: Partial<StabilityState> } & Omit<Act, 'step'>;

function weighed({ pullAbove }: StabilityLimits, state: StabilityState): Change | null {
  const { adversarialWeight: weight } = state;
  const known = pullOf(state.signals, weightOf(state));
  if (known === null) return null;
  const { pull, beside } = known;
  // After dots less is allowed, and not made up for.
  const most = pullAbove * state.caution;
  const isLow = pull < MUCH_LESS * most;
  const factor = pull > most ? Math.max(MOST_DOWN, most / pull) : isLow ? UP : 1;
  const adversarialWeight = Math.min(1, Math.max(LEAST_WEIGHT, weight * factor));
  if (adversarialWeight === weight) return null;
  return {
    act: factor < 1 ? 'judges weigh less' : 'judges weigh more',
    why: `the adversarial terms pull ${pull.toFixed(2)} times as hard as ${beside}, and may ${roundedTo(2, most)} times: weight × ${adversarialWeight.toFixed(2)}`,
    to: { adversarialWeight },
  };
}

function heldBack(
  { judgesWaitAbove, judgesGoOnBelow }: StabilityLimits,
  { signals, judgesWait }: StabilityState,
): Change | null {
  const pairs = pairsOf(signals);
  if (pairs === null) return null;
  const told = `the discriminators tell ${(100 * pairs).toFixed(1)} % of the pairs apart`;
  if (!judgesWait && pairs > judgesWaitAbove) {
    const why = `${told}, above ${judgesWaitAbove}`;
    return { act: 'judges wait', why, to: { judgesWait: true } };
  }
  if (judgesWait && pairs < judgesGoOnBelow) {
    const why = `${told}, below ${judgesGoOnBelow}`;
    return { act: 'judges go on', why, to: { judgesWait: false } };
  }
  return null;
}

function cut(state: StabilityState, signals: Signals, step: number): Change | null {
  const { gradientsPass, actedAt } = state;
  const { [CLIPS]: often } = state.signals;
  // A rollout of a few frames is one segment.
  if (typeof signals[CARRIED] !== 'number') return null;
  if (!often || often.count < FEWEST_OF_CLIPS) return null;
  const said = `gradients explode in ${(100 * often.mean).toFixed(0)} % of the steps`;
  if (gradientsPass && often.mean > OFTEN) {
    return {
      act: 'gradients are cut',
      why: `${said}: they end at the segments of the rollout`,
      to: { gradientsPass: false },
    };
  }
  if (!gradientsPass && often.mean < SELDOM && step - (actedAt ?? 0) >= STEPS_OF_CALM) {
    return {
      act: 'gradients pass',
      why: `${said}: through all of the rollout`,
      to: { gradientsPass: true },
    };
  }
  return null;
}

function slowed(state: StabilityState, step: number): Change | null {
  const often = state.signals[JUMPS];
  if (!often || often.count < FEWEST_STEPS) return null;
  const { judgesRate: rate, actedAt } = state;
  const said = `gradients jump in ${(100 * often.mean).toFixed(0)} % of the steps`;
  if (often.mean > OFTEN && rate > LEAST_RATE) {
    const judgesRate = rate / 2;
    return {
      act: 'judges learn slower',
      why: `${said}: at ${judgesRate} of their rate`,
      to: { judgesRate },
    };
  }
  if (often.mean < SELDOM && rate < 1 && step - (actedAt ?? 0) >= STEPS_OF_CALM) {
    const judgesRate = rate * 2;
    return {
      act: 'judges learn faster',
      why: `${said}: at ${judgesRate} of their rate`,
      to: { judgesRate },
    };
  }
  return null;
}

/**
 * What a step's signals change: the mildest of what helps, and one thing at a time.
 * @param step steps done, this one included
 */
export function afterStep(
  limits: StabilityLimits,
  before: StabilityState,
  signals: Signals,
  step: number,
): { state: StabilityState; acts: readonly Act[] } {
  const state = remembered(before, signals);
  const mayAct = state.actedAt === null || step - state.actedAt >= STEPS_BETWEEN_ACTS;
  const change = mayAct
    ? (cut(state, signals, step) ??
      weighed(limits, state) ??
      heldBack(limits, state) ??
      slowed(state, step))
    : null;
  if (!change) return { state, acts: [] };
  const { to, act, why } = change;
  return { state: { ...state, ...to, actedAt: step }, acts: [{ step, act, why }] };
}

/**
 * What an evaluation changes. Evaluations are rare, and none of this waits for its turn.
 * @param least augmentation that stays, whatever is found
 * @param step steps done
 */
export function afterEvaluation(
  { overfittingAbove, checkerAbove, mostAugmentation }: StabilityLimits,
  before: StabilityState,
  { overfitting, checkerRatio }: Pick<EvaluationFigures, 'overfitting' | 'checkerRatio'>,
  { step, least }: { readonly step: number; readonly least: number },
): { state: StabilityState; acts: readonly Act[] } {
  const acts: Act[] = [];
  let state = before;
  if (overfitting !== null) {
    const isMuch = overfitting > overfittingAbove;
    const isLittle = overfitting < overfittingAbove * (2 / 3);
    const by = isMuch ? MORE_AUGMENTATION : isLittle ? -MORE_AUGMENTATION / 2 : 0;
    const now = Math.max(least, state.augmentation);
    const bounded = Math.min(mostAugmentation, Math.max(least, now + by));
    const augmentation = Math.round(100 * bounded) / 100;
    if (augmentation !== now) {
      const how = augmentation > now ? 'more' : 'less';
      const why = `overfitting ${overfitting.toFixed(2)}: each with a probability of ${augmentation}`;
      acts.push({ step, act: `judges see ${how} through augmentation`, why });
      state = { ...state, augmentation };
    }
  }
  if (checkerRatio !== null && checkerRatio > checkerAbove && state.caution > LEAST_WEIGHT) {
    const caution = Math.max(LEAST_WEIGHT, state.caution * CAUTION);
    const why = `checker ${checkerRatio.toFixed(2)}, above ${checkerAbove}: weight of the adversarial terms × ${weightOf({ ...state, caution }).toFixed(2)}`;
    acts.push({ step, act: 'judges weigh less', why });
    state = { ...state, caution };
  }
  return { state, acts };
}

/** One word, or what tips: for the progress line, the log and lists of runs. */
export function healthWord(
  state: StabilityState,
  { judgesWaitAbove, pullAbove }: StabilityLimits,
): string {
  const { signals, judgesWait, jumping } = state;
  const { [CLIPS]: clips } = signals;
  if (clips && clips.count >= FEWEST_STEPS && clips.mean > OFTEN) return 'gradients explode';
  if (jumping.length > 0) return 'gradients jump';
  if (judgesWait || (pairsOf(signals) ?? 0) > judgesWaitAbove) return 'judges win';
  const known = pullOf(signals, weightOf(state));
  if (known !== null) return known.pull > pullAbove ? 'judges pull hard' : 'healthy';
  // Without control nobody knows which part of it is feature matching's.
  return (wholePullOf(signals) ?? 0) > 2 * pullAbove ? 'judges pull hard' : 'healthy';
}

/** Of a step's plan, what the controller changes. */
interface Steadied {
  readonly step: number;
  readonly discriminatorLearningRate: number;
  readonly adversarialWeight: number;
  readonly matchingWeight: number;
  readonly gradientCarried: number;
  readonly segments: Schedule | null;
  readonly judgesWait: boolean;
  readonly augmentation: number;
}

/** What the controller did to a step, for the log and for what it remembers. */
export const controlSignals = ({
  adversarialWeight,
  matchingWeight,
  gradientCarried,
  segments,
  blurPixels,
  augmentation,
  frames,
}: Omit<Steadied, 'step' | 'discriminatorLearningRate' | 'judgesWait'> & {
  readonly blurPixels: number;
  readonly frames: number;
}): Signals => ({
  [ADVERSARIAL_WEIGHT]: adversarialWeight,
  [MATCHING_WEIGHT]: matchingWeight,
  'control/blur_pixels': blurPixels,
  'control/augmentation': augmentation,
  ...((segments ?? segmentsOf(frames)).length > 1 && { [CARRIED]: gradientCarried }),
});

const segmentsOf = (frames: number): Schedule => evenSegments(frames, FRAMES_OF_A_SEGMENT);

/**
 * A step's plan as the controller has it.
 * @param frames that it rolls out
 */
export function steadied<P extends Steadied>(plan: P, state: StabilityState, frames: number): P {
  const without = leftOut(plan.step, state.signals);
  return {
    ...plan,
    discriminatorLearningRate: plan.discriminatorLearningRate * state.judgesRate,
    adversarialWeight: without === 'adversarial' ? 0 : plan.adversarialWeight * weightOf(state),
    matchingWeight: without === 'matching' ? 0 : plan.matchingWeight,
    ...(!state.gradientsPass && {
      gradientCarried: 0,
      segments: plan.segments ?? segmentsOf(frames),
    }),
    judgesWait: state.judgesWait,
    augmentation: Math.max(plan.augmentation, state.augmentation),
  };
}
