import { z } from 'zod';
import { silentLogger } from '../base/log.js';
import type { EvaluationFigures } from './evaluation.js';
import { cutVerdict, explosion, isExploding } from './explosions.js';
import {
  followingOf,
  pullOf,
  pullSignal,
  wholePullOf,
  withoutOtherPull,
  withoutPull,
} from './pull.js';
import { grownScores, scoresSchema } from './score-anchors.js';
import {
  CARRIED,
  cutShort,
  GRADIENT_NORMS,
  grown,
  isJump,
  remembrance,
  runningSchema,
  type Following,
  type Signals,
} from './signals.js';
import type { StabilityLimits } from './stability-limits.js';
import { FRAMES_BETWEEN_CUTS } from './step-plan.js';

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
  /** Step after which gradients were cut; null while they pass through all of the rollout. */
  gradientsCutAt: z.int().nullable().default(null),
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

/** What is known where nothing is done about it any more: nobody waits, and the pull is that of all of the weight. */
export const uncontrolled = (state: StabilityState): StabilityState => ({
  ...state,
  judgesWait: false,
  signals: withoutPull(state.signals),
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
export const weightOf = ({
  adversarialWeight,
  caution,
}: Pick<StabilityState, 'adversarialWeight' | 'caution'>): number => adversarialWeight * caution;

/** What a step's signals add to what is remembered; nothing is changed by it. */
export function remembered(
  { explodesAbove }: StabilityLimits,
  before: StabilityState,
  signals: Signals,
): StabilityState {
  const known: [name: string, value: number][] = Object.entries(signals).flatMap(([name, value]) =>
    typeof value === 'number' && Number.isFinite(value) && REMEMBERED.includes(name)
      ? [[name, valueOf(name, value)]]
      : [],
  );
  const jumping = known
    .filter(([name, value]) => isNorm(name) && isJump(before.signals[name], value, JUMP, FOLLOWING))
    .map(([name]) => name);
  known.push([JUMPS, jumping.length > 0 ? 1 : 0], ...explosion(signals, explodesAbove));
  const pulled = pullSignal(signals);
  if (pulled !== null) known.push(pulled);
  const kept = withoutOtherPull(before.signals, signals);
  const next = Object.fromEntries(
    known.map(([name, value]) => {
      const { [name]: own } = kept;
      const usual = jumping.includes(name) ? cutShort(own, value, JUMP, FOLLOWING) : value;
      return [name, grown(own, usual, followingOf(name) ?? FOLLOWING)];
    }),
  );
  const scores = grownScores(before.scores, signals);
  return { ...before, jumping, scores, signals: { ...kept, ...next } };
}

const roundedTo = (digits: number, value: number): number => Number(value.toFixed(digits));

/** What changes, and the line that says so; null where nothing does. */
type Change = { readonly to: Partial<StabilityState> } & Omit<Act, 'step'>;

function weighed({ pullAbove }: StabilityLimits, state: StabilityState): Change | null {
  const { adversarialWeight: weight } = state;
  const known = pullOf(state.signals, weightOf(state));
  if (known === null) return null;
  const { pull, beside } = known;
  // After dots, or a return, less is allowed, and not made up for.
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
  if (typeof signals[CARRIED] !== 'number') return null;
  const verdict = cutVerdict(state.signals, state.gradientsCutAt, step);
  if (verdict === null) return null;
  const { often, change } = verdict;
  const said = `gradients explode in ${(100 * often).toFixed(0)} % of the steps`;
  return change === 'cut'
    ? {
        act: 'gradients are cut',
        why: `${said}: they end after ${FRAMES_BETWEEN_CUTS} frames`,
        to: { gradientsCutAt: step },
      }
    : {
        act: 'gradients pass',
        why: `${said}: through all of the rollout`,
        to: { gradientsCutAt: null },
      };
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
  const state = remembered(limits, before, signals);
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
  if (isExploding(signals)) return 'gradients explode';
  if (jumping.length > 0) return 'gradients jump';
  if (judgesWait || (pairsOf(signals) ?? 0) > judgesWaitAbove) return 'judges win';
  const known = pullOf(signals, weightOf(state));
  if (known !== null)
    return known.pull > pullAbove * state.caution ? 'judges pull hard' : 'healthy';
  // Without control nobody knows which part of it is feature matching's.
  return (wholePullOf(signals) ?? 0) > 2 * pullAbove ? 'judges pull hard' : 'healthy';
}
