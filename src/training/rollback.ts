import { z } from 'zod';
import { silentLogger } from '../base/log.js';
import type { Evaluation, EvaluationFigures } from './evaluation.js';
import { stepsOf, type TotalSteps } from './step-counts.js';
import {
  cutShort,
  GRADIENT_NORMS,
  grown,
  isJump,
  remembrance,
  runningSchema,
  type Following,
  type Signals,
} from './signals.js';

/** Why a training cannot go on as it does. */
export interface Trip {
  /** What tipped: an alarm's word, `gradients jump`, or `diverged`. */
  readonly word: string;
  /** With the numbers. */
  readonly why: string;
}

/** When it is believed that a training has tipped. */
export interface RollbackLimits {
  /** Before so many steps, and this share of all, an evaluation shows how young a training is. */
  readonly fromStep: number;
  readonly fromShare: `${number}%`;
  /** A ratio that has fallen below this share of the best that it was is worse, not only low. */
  readonly lossBelow: number;
  /** A gradient norm so many deviations above its mean is far off; its logarithm is meant. */
  readonly farDeviations: number;
  /** So many steps far off, less those between that are not, are no accident. */
  readonly farSteps: number;
}

export const ROLLBACK_LIMITS: RollbackLimits = {
  fromStep: 50,
  fromShare: '20%',
  lossBelow: 0.7,
  farDeviations: 8,
  farSteps: 16,
};

/**
 * Alarms that hardly any young generator has, its first pictures being neither dotted nor restless, and the
 * figure behind each, which is higher the worse it is.
 */
const NEVER_YOUNG: Readonly<Record<string, keyof EvaluationFigures>> = {
  dots: 'checkerRatio',
  boiling: 'motionRatio',
};
/** A figure that fell below this share of what it was is on its way: milder means have their turn. */
const GETS_BETTER = 0.8;
/** One that rose to this share of the least that it was gets worse. */
const GETS_WORSE = 1.1;
type StateFigures = Readonly<Record<string, number>>;

/**
 * Alarms that every young generator may have, and of a clip that cannot be predicted an old one too: it paints
 * the mean of what may come. They are believed where the figure behind them was much better before.
 * `noise ignored` is none of them: who has to meet real frames makes less of the noise while the rest gets better,
 * and would again.
 */
const OF_A_LOSS: Readonly<Record<string, keyof EvaluationFigures>> = {
  frozen: 'motionRatio',
  'condition ignored': 'conditionUse',
};

const stateSchema = z.strictObject({
  /** The snapshot to go back to; null while that is the beginning. */
  healthyStep: z.int().nullable(),
  /** Evaluations that counted. */
  evaluations: z.int(),
  /** The best of each figure of {@link OF_A_LOSS} in them; 1, as real, at the most. */
  best: z.record(z.string(), z.number()),
  /** What the last of them was believed to show. */
  standing: z.array(z.string()),
  /** The figures behind {@link NEVER_YOUNG} in it. */
  last: z.record(z.string(), z.number()).default({}),
  /** The least of each of those since its alarm stands. */
  least: z.record(z.string(), z.number()).default({}),
  /** Logarithms of gradient norms, what is far off cut short. */
  norms: z.record(z.string(), runningSchema),
  /** Steps with both norms far off, less the others since. */
  far: z.int(),
});
/** What is remembered to know whether a training has tipped, and where it had not; a part of each snapshot. */
export type RollbackState = z.output<typeof stateSchema>;

const UNTRAINED: RollbackState = {
  healthyStep: null,
  evaluations: 0,
  best: {},
  standing: [],
  last: {},
  least: {},
  norms: {},
  far: 0,
};

/** @param saved what a snapshot kept, if anything */
export const rollbackState = (saved?: unknown, log = silentLogger): RollbackState =>
  remembrance(stateSchema, saved, 'memory of what to go back to (rollback)', log) ?? UNTRAINED;

/** What is remembered now, and whether training has tipped. */
export interface TripVerdict {
  readonly state: RollbackState;
  /** Null where training may go on. */
  readonly trip: Trip | null;
}

/** Whether an evaluation says something about a training and not about its age. */
const isOfAge = (limits: RollbackLimits, step: number, total: TotalSteps): boolean =>
  step >= limits.fromStep && total !== null && step >= stepsOf(limits.fromShare, total);

/** The alarms of an evaluation that are believed. */
function believed(
  { lossBelow }: RollbackLimits,
  { best }: RollbackState,
  { figures, alarms }: Evaluation,
): string[] {
  return Object.keys(alarms).filter((word) => {
    const figure = OF_A_LOSS[word];
    if (figure === undefined) return word in NEVER_YOUNG;
    const [before, now] = [best[figure], figures[figure]];
    return before !== undefined && now !== null && now < lossBelow * before;
  });
}

/**
 * What an evaluation changes. A training has tipped where the same alarm is believed at two in a row and what is
 * behind it has not become much better; what never was well is young, and may have dots from its first weights: it
 * has tipped where they get worse. An evaluation where none is believed makes its snapshot healthy.
 * @param step steps done
 * @param total all steps, as far as they are known
 */
export function tripOfEvaluation(
  limits: RollbackLimits,
  before: RollbackState,
  evaluation: Evaluation,
  { step, total }: { step: number; total: TotalSteps },
): TripVerdict {
  if (!isOfAge(limits, step, total)) return { state: before, trip: null };
  const standing = believed(limits, before, evaluation);
  const best = { ...before.best };
  for (const figure of Object.values(OF_A_LOSS)) {
    const value = evaluation.figures[figure];
    if (value !== null) best[figure] = Math.max(best[figure] ?? 0, Math.min(1, value));
  }
  const last = Object.fromEntries(
    Object.values(NEVER_YOUNG).flatMap((figure) => {
      const value = evaluation.figures[figure];
      return value === null ? [] : [[figure, value]];
    }),
  );
  const least = Object.fromEntries(
    Object.entries(NEVER_YOUNG).flatMap(([word, figure]) => {
      const [value, lowest] = [last[figure], before.least[figure]];
      if (value === undefined || !standing.includes(word)) return [];
      return [[figure, before.standing.includes(word) ? Math.min(value, lowest ?? value) : value]];
    }),
  );
  // Snapshots from before the first evaluation were trusted by their steps alone.
  const trusted = before.evaluations === 0 ? null : before.healthyStep;
  const state = {
    ...before,
    best,
    standing,
    last,
    least,
    evaluations: before.evaluations + 1,
    healthyStep: standing.length === 0 ? step : trusted,
  };
  const now = (word: string): number | undefined => last[NEVER_YOUNG[word] ?? ''];
  const rose = (word: string, from: StateFigures, share: number): boolean => {
    const [then, value] = [from[NEVER_YOUNG[word] ?? ''], now(word)];
    return then === undefined || value === undefined || value >= share * then;
  };
  const word = standing.find(
    (one) =>
      before.standing.includes(one) &&
      rose(one, before.last, GETS_BETTER) &&
      (trusted !== null || rose(one, before.least, GETS_WORSE)),
  );
  const trip = word === undefined ? null : { word, why: evaluation.alarms[word]! };
  return { state, trip };
}

/**
 * What saving a snapshot because of its step changes: until there is an evaluation to go by, it is healthy
 * where the steps before it were.
 * @param isSound whether the last update was made
 */
export function afterSnapshot(before: RollbackState, step: number, isSound: boolean) {
  const isTrusted = before.evaluations === 0 && isSound && before.far === 0;
  return isTrusted ? { ...before, healthyStep: step } : before;
}

/** Of a gradient's logarithm; e^0.15 is a sixth more. Slower than what it is to notice. */
const FOLLOWING: Following = { halfLifeSteps: 50, fewestSteps: 50, leastDeviation: 0.15 };
/** What is further off than this enters the mean as this. */
const CUT_DEVIATIONS = 3;

const WHOSE: Readonly<Record<(typeof GRADIENT_NORMS)[number], string>> = {
  'generator/gradient_norm': "the generator's",
  'discriminator/gradient_norm': "the discriminators'",
};

/** What a step's gradient norms change. A training has tipped where both stay far above what they were. */
export function tripOfStep(
  limits: RollbackLimits,
  before: RollbackState,
  signals: Signals,
): TripVerdict {
  const now = GRADIENT_NORMS.flatMap((name) => {
    const value = signals[name];
    return typeof value === 'number' && Number.isFinite(value) && value > 0
      ? [{ name, value, log: Math.log(value), usual: before.norms[name] }]
      : [];
  });
  // A side that waits, and an update that was left out, have none.
  if (now.length < GRADIENT_NORMS.length) return { state: before, trip: null };
  const isFar = now.every(({ log, usual }) => isJump(usual, log, limits.farDeviations, FOLLOWING));
  const far = isFar ? before.far + 1 : Math.max(0, before.far - 1);
  const norms = Object.fromEntries(
    now.map(({ name, log, usual }) => {
      const own = cutShort(usual, log, CUT_DEVIATIONS, FOLLOWING);
      return [name, grown(usual, own, FOLLOWING)];
    }),
  );
  const state = { ...before, norms: { ...before.norms, ...norms }, far };
  if (far < limits.farSteps) return { state, trip: null };
  const told = now.map(
    ({ name, value, usual }) =>
      `${WHOSE[name]} is ${(value / Math.exp(usual?.mean ?? 0)).toFixed(0)} times what it was`,
  );
  return { state, trip: { word: 'gradients jump', why: `gradient norm: ${told.join(', ')}` } };
}

/**
 * Whether a training that ends by the clock comes as far again in the steps that it has left. One that diverged
 * has nothing to lose.
 */
export const comesAsFarAgain = (
  { word }: Trip,
  { step, toStep, steps }: { step: number; toStep: number; steps: number },
): boolean => {
  const isAlarm = word in NEVER_YOUNG || word in OF_A_LOSS;
  return !isAlarm || step - toStep <= steps - step;
};
