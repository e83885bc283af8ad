import { GRADIENT, PULL, type Running, type Signals } from './signals.js';

/** Means of signals over the last steps, by name. */
type Means = Readonly<Record<string, Running>>;

/**
 * Every so many steps one is taken without feature matching, which tells how hard the adversarial terms pull by
 * themselves. Without a reconstruction to be beside, another is taken without them, which tells it of feature
 * matching. What both ask for together says nothing of either: their gradients are nearly at right angles.
 */
const STEPS_BETWEEN_ALONE = 16;
const FEWEST_ALONE = 2;
/** Few as these steps are, their mean has to keep up. */
const FOLLOWING_ALONE = { halfLifeSteps: 2 };
/** What was learnt from those steps; of the adversarial terms at a weight of 1, as they pull by their weight. */
const ADVERSARIAL_ALONE = 'pull of adversarial terms';
const MATCHING_ALONE = 'pull of feature matching';
/** What is not there pulls with 0, whose logarithm is taken as this one's. */
const NOTHING = 1e-12;
/** Adversarial terms that pull less than this do nothing, and are asked again seldom. */
const NO_PULL = 1e-3;
const STEPS_BETWEEN_IDLE = 256;
const OF_PULL: readonly string[] = [PULL, ADVERSARIAL_ALONE, MATCHING_ALONE];
/** Of the whole pull fewer steps say nothing. */
const FEWEST_OF_WHOLE = 20;

/** The factors that the adversarial terms and feature matching had in a step. */
export const ADVERSARIAL_WEIGHT = 'control/adversarial_weight';
export const MATCHING_WEIGHT = 'control/matching_weight';

/** What a step says of how hard the discriminators pull, as a logarithm; null where it says nothing. */
export function pullSignal(signals: Signals): [name: string, value: number] | null {
  const { [PULL]: beside, [GRADIENT]: norm } = signals;
  const pull = beside ?? norm;
  if (typeof pull !== 'number') return null;
  const { [ADVERSARIAL_WEIGHT]: weight, [MATCHING_WEIGHT]: matching } = signals;
  const said = (name: string, value: number): [string, number] | null =>
    value >= 0 && Number.isFinite(value) ? [name, Math.log(Math.max(value, NOTHING))] : null;
  if (weight === 0) return said(MATCHING_ALONE, pull);
  if (matching === 0 && typeof weight === 'number') return said(ADVERSARIAL_ALONE, pull / weight);
  return typeof beside === 'number' ? said(PULL, beside) : null;
}

/** How what {@link pullSignal} says is followed, where it is not as other signals are. */
export const followingOf = (name: string): typeof FOLLOWING_ALONE | undefined =>
  name === ADVERSARIAL_ALONE || name === MATCHING_ALONE ? FOLLOWING_ALONE : undefined;

/** How hard the adversarial terms pull at the frames, as so many times what else. */
export interface Pull {
  readonly pull: number;
  readonly beside: 'the reconstruction' | 'feature matching';
}

/**
 * How hard the adversarial terms pull at the frames: beside the reconstruction, or beside feature matching
 * without one; null while that is not known.
 * @param weight that they have where none of it is held back
 */
export function pullOf(signals: Means, weight: number): Pull | null {
  const { [ADVERSARIAL_ALONE]: own, [MATCHING_ALONE]: matching } = signals;
  if (!own || own.count < FEWEST_ALONE) return null;
  const pull = Math.exp(own.mean) * weight;
  if (!isBesideMatching(signals)) return { pull, beside: 'the reconstruction' };
  // By themselves they are beside nothing.
  if (!matching || matching.count < FEWEST_ALONE || isNothing(matching)) return null;
  return { pull: pull / Math.exp(matching.mean), beside: 'feature matching' };
}

/** A training has one of both signals, by whether there is a reconstruction: once a step has shown which. */
const isBesideMatching = (signals: Means): boolean =>
  signals[ADVERSARIAL_ALONE] !== undefined && signals[PULL] === undefined;

const isNothing = ({ mean }: Running): boolean => mean <= Math.log(10 * NOTHING);

/** What was learnt from those steps, without what a training with another kind of losses had left. */
export function withoutOtherPull(means: Means, signals: Signals): Means {
  const isOther =
    typeof signals[PULL] === 'number'
      ? means[PULL] === undefined && means[MATCHING_ALONE] !== undefined
      : typeof signals[GRADIENT] === 'number' && means[PULL] !== undefined;
  return isOther ? withoutPull(means) : means;
}

/** Without all that is known of the pull: it is learnt anew. */
export const withoutPull = (means: Means): Record<string, Running> =>
  Object.fromEntries(Object.entries(means).filter(([name]) => !OF_PULL.includes(name)));

/** How hard all that the discriminators ask for pulls beside the reconstruction; null while that is not known. */
export function wholePullOf({ [PULL]: whole }: Means): number | null {
  return whole && whole.count >= FEWEST_OF_WHOLE ? Math.exp(whole.mean) : null;
}

/**
 * Whether a step may be one that leaves something out, whatever is known of the pull by then.
 * @param step steps done before it
 */
export const tellsOfPull = (step: number): boolean => (step + 1) % (STEPS_BETWEEN_ALONE / 2) === 0;

/**
 * What a step leaves out so that something is learnt of the pull.
 * @param step steps done before it
 */
export function leftOut(step: number, signals: Means): 'adversarial' | 'matching' | null {
  const turn = (step + 1) % STEPS_BETWEEN_ALONE;
  const known = pullOf(signals, 1);
  // As where the adversarial terms have no weight in the pipeline.
  const isIdle = known !== null && known.pull < NO_PULL;
  if (isIdle && (step + 1) % STEPS_BETWEEN_IDLE !== 0) return null;
  if (turn === 0) return 'matching';
  if (turn !== STEPS_BETWEEN_ALONE / 2 || !isBesideMatching(signals)) return null;
  // Where there is no feature matching either, nothing would be left of the step.
  const { [MATCHING_ALONE]: matching } = signals;
  return matching && isNothing(matching) ? null : 'adversarial';
}
