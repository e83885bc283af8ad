import { z } from 'zod';
import { grownScores, scoresSchema } from './score-anchors.js';

/** Numbers about a step or an evaluation, by name. */
export type Signals = Readonly<Record<string, number | null | undefined>>;

/** When the controller acts. Shares and ratios unless said otherwise. */
export const stabilityLimits = z
  .strictObject({
    judgesWaitAbove: z
      .number()
      .min(0.5)
      .max(1)
      .default(0.99)
      .describe(
        'The discriminators wait while they tell more than this share of generated patches from the real ones at the same place.',
      ),
    judgesGoOnBelow: z
      .number()
      .min(0.5)
      .max(1)
      .default(0.97)
      .describe('They learn again once it is less than this.'),
    checkerAbove: z.number().positive().default(1.5).describe('Dots: checker ratio above this.'),
    motionBelow: z.number().min(0).default(0.3).describe('Frozen: motion ratio below this.'),
    motionAbove: z.number().positive().default(2).describe('Boiling: motion ratio above this.'),
    conditionUseBelow: z
      .number()
      .min(0)
      .default(0.2)
      .describe('The condition is ignored: condition use below this.'),
    diversityBelow: z
      .number()
      .min(0)
      .default(0.05)
      .describe('The noise is ignored: diversity below this.'),
    rollbacks: z
      .int()
      .min(0)
      .default(3)
      .describe(
        'Times that a training which tips goes back to its last healthy snapshot, before the next one ends it; 0 for never.',
      ),
    overfittingAbove: z
      .number()
      .default(0.6)
      .describe(
        'Overfitting: held-out real frames are judged so far from trained towards generated ones, as a share of the way.',
      ),
    driftAbove: z
      .number()
      .positive()
      .default(0.05)
      .describe(
        'Drifting: sharpness, checker or mean colour move by more than this in 100 frames.',
      ),
  })
  .refine(({ judgesWaitAbove, judgesGoOnBelow }) => judgesGoOnBelow <= judgesWaitAbove, {
    path: ['judgesGoOnBelow'],
    message: 'is above judgesWaitAbove: the discriminators would wait and go on by turns',
  });
export type StabilityLimits = z.output<typeof stabilityLimits>;

const running = z.strictObject({ mean: z.number(), variance: z.number(), count: z.int() });

const stateSchema = z.strictObject({
  /** Means of the signals of the last steps, by name. */
  signals: z.record(z.string(), running),
  judgesWait: z.boolean(),
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
  readonly act: 'judges wait' | 'judges go on';
  /** Why, with the numbers. */
  readonly why: string;
}

/** Steps in which the weight of a step in its signal's mean falls to half. */
const HALF_LIFE_STEPS = 20;
const SHARE = 1 - 0.5 ** (1 / HALF_LIFE_STEPS);
/** One change has to show what it does before the next. */
const STEPS_BETWEEN_ACTS = 50;
/** Of a gradient's logarithm, in standard deviations from its mean. */
const JUMP = 4;
/** Means of fewer steps say nothing. */
const FEWEST_STEPS = 40;
/** A norm that hardly varies is not jumping by its own noise; e^0.1 is a tenth more. */
const LEAST_DEVIATION = 0.1;

/** How many of the real patches score above the generated ones at the same place and time. */
const PAIR_SIGNALS = ['discriminator/frame_pairs', 'discriminator/sequence_pairs'] as const;
const NORM_SIGNALS = ['generator/gradient_norm', 'discriminator/gradient_norm'] as const;
/** What is remembered; the others are for people. */
const REMEMBERED: readonly string[] = [...PAIR_SIGNALS, ...NORM_SIGNALS];

/** @param saved what a snapshot kept, if anything */
export function stabilityState(saved?: unknown): StabilityState {
  const parsed = stateSchema.safeParse(saved);
  if (parsed.success) return parsed.data;
  return stateSchema.parse({ signals: {}, judgesWait: false, actedAt: null, jumping: [] });
}

type Running = StabilityState['signals'][string];

/** Exponentially weighted mean and variance (West 1979), the first values as plain ones. */
function grown(before: Running | undefined, value: number): Running {
  if (before === undefined) return { mean: value, variance: 0, count: 1 };
  const count = before.count + 1;
  const share = Math.max(SHARE, 1 / count);
  const off = value - before.mean;
  return {
    mean: before.mean + share * off,
    variance: (1 - share) * (before.variance + share * off * off),
    count,
  };
}

/** Norms vary by factors: their logarithms are compared. */
const valueOf = (name: string, value: number): number =>
  (NORM_SIGNALS as readonly string[]).includes(name) ? Math.log(Math.max(value, 1e-12)) : value;

function isJump(before: Running | undefined, value: number): boolean {
  if (before === undefined || before.count < FEWEST_STEPS) return false;
  const deviation = Math.max(Math.sqrt(before.variance), LEAST_DEVIATION);
  return (value - before.mean) / deviation > JUMP;
}

/** The mean over the judges that have one. */
function pairsOf(signals: StabilityState['signals']): number | null {
  const known = PAIR_SIGNALS.flatMap((name) => signals[name] ?? []);
  if (known.length === 0 || known.some(({ count }) => count < FEWEST_STEPS)) return null;
  return known.reduce((sum, { mean }) => sum + mean, 0) / known.length;
}

/**
 * What a step's signals change.
 * @param step steps done, this one included
 */
export function afterStep(
  limits: StabilityLimits,
  before: StabilityState,
  signals: Signals,
  step: number,
): { state: StabilityState; acts: readonly Act[] } {
  const known = Object.entries(signals).flatMap(([name, value]) =>
    typeof value === 'number' && Number.isFinite(value) && REMEMBERED.includes(name)
      ? [[name, valueOf(name, value)] as const]
      : [],
  );
  const jumping = known
    .filter(([name]) => (NORM_SIGNALS as readonly string[]).includes(name))
    .filter(([name, value]) => isJump(before.signals[name], value))
    .map(([name]) => name);
  const next = Object.fromEntries(
    known.map(([name, value]) => [name, grown(before.signals[name], value)]),
  );
  const scores = grownScores(before.scores, signals);
  const state = { ...before, jumping, scores, signals: { ...before.signals, ...next } };
  const pairs = pairsOf(state.signals);
  const mayAct = state.actedAt === null || step - state.actedAt >= STEPS_BETWEEN_ACTS;
  if (pairs === null || !mayAct) return { state, acts: [] };
  const { judgesWaitAbove, judgesGoOnBelow } = limits;
  const told = `the discriminators tell ${(100 * pairs).toFixed(1)} % of the pairs apart`;
  if (!state.judgesWait && pairs > judgesWaitAbove) {
    const act = { step, act: 'judges wait', why: `${told}, above ${judgesWaitAbove}` } as const;
    return { state: { ...state, judgesWait: true, actedAt: step }, acts: [act] };
  }
  if (state.judgesWait && pairs < judgesGoOnBelow) {
    const act = { step, act: 'judges go on', why: `${told}, below ${judgesGoOnBelow}` } as const;
    return { state: { ...state, judgesWait: false, actedAt: step }, acts: [act] };
  }
  return { state, acts: [] };
}

/** What an evaluation on held-out frames measured; null where it says nothing. */
export interface EvaluationSignals {
  readonly checkerRatio: number | null;
  /** Mean |Δt| of generated over real. */
  readonly motionRatio: number | null;
  readonly conditionUse: number | null;
  readonly diversity: number | null;
  readonly overfitting: number | null;
  /** Of lines through a long rollout, for each hundred frames. */
  readonly sharpnessSlope: number | null;
  readonly checkerSlope: number | null;
  readonly colourSlope: number | null;
}

type Measured = number | null | undefined;

/** What is wrong with them, with the number and its limit. */
export function alarmsOf(
  limits: StabilityLimits,
  measured: Partial<EvaluationSignals>,
): Record<string, string> {
  const { checkerRatio, motionRatio, conditionUse, diversity, overfitting } = measured;
  const found: Record<string, string> = {};
  const above = (word: string, what: string, value: Measured, limit: number): void => {
    if (typeof value === 'number' && value > limit)
      found[word] = `${what} ${value.toFixed(2)}, above ${limit}`;
  };
  const below = (word: string, what: string, value: Measured, limit: number): void => {
    if (typeof value === 'number' && value < limit)
      found[word] = `${what} ${value.toFixed(2)}, below ${limit}`;
  };
  above('dots', 'checker', checkerRatio, limits.checkerAbove);
  below('frozen', 'motion', motionRatio, limits.motionBelow);
  above('boiling', 'motion', motionRatio, limits.motionAbove);
  below('condition ignored', 'condition use', conditionUse, limits.conditionUseBelow);
  below('noise ignored', 'diversity', diversity, limits.diversityBelow);
  const { sharpnessSlope: sharpness, checkerSlope: checker, colourSlope: colour } = measured;
  const drifting = Object.entries({ sharpness, checker, colour })
    .filter(([, value]) => Math.abs(value ?? 0) > limits.driftAbove)
    .map(([name, value]) => `${name} by ${value!.toFixed(2)}`);
  if (drifting.length > 0) {
    const said = drifting.join(', ');
    found.drifting = `${said} in 100 frames, beyond ${limits.driftAbove}`;
  }
  above('overfitting', 'discriminators', overfitting, limits.overfittingAbove);
  return found;
}

/** One word, or what tips: for the progress line, the log and lists of runs. */
export function healthWord(
  { signals, judgesWait, jumping }: StabilityState,
  limits: StabilityLimits,
) {
  if (jumping.length > 0) return 'gradients jump';
  return judgesWait || (pairsOf(signals) ?? 0) > limits.judgesWaitAbove ? 'judges win' : 'healthy';
}

/** A step's plan as the controller has it: judges that wait keep their weights. */
export const steadied = <P extends { readonly judgesWait: boolean }>(
  plan: P,
  { judgesWait }: StabilityState,
): P => ({ ...plan, judgesWait });
