import { beginnings, evenSegments, type Schedule } from '../autodiff/index.js';
import { ADVERSARIAL_WEIGHT, leftOut, MATCHING_WEIGHT } from './pull.js';
import { CARRIED, type Signals } from './signals.js';
import { weightOf, type StabilityState } from './stability.js';
import { FRAMES_BETWEEN_CUTS } from './step-plan.js';

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
  blurPixels,
  augmentation,
  endsEvery,
  frames,
}: Omit<Steadied, 'step' | 'discriminatorLearningRate' | 'judgesWait' | 'segments'> & {
  readonly blurPixels: number;
  readonly endsEvery?: number | undefined;
  readonly frames: number;
}): Signals => ({
  [ADVERSARIAL_WEIGHT]: adversarialWeight,
  [MATCHING_WEIGHT]: matchingWeight,
  'control/blur_pixels': blurPixels,
  'control/augmentation': augmentation,
  // Where it ends at each frame anyway there is nothing to cut.
  ...(frames > FRAMES_BETWEEN_CUTS && endsEvery === undefined && { [CARRIED]: gradientCarried }),
});

/**
 * Segments that gradients can be cut at: those that there are where some begin at each place, whatever memory they
 * were made for, so that it does not decide what is learnt; others of no longer tapes where they do not.
 */
function cutSegments(segments: Schedule | null, frames: number): Schedule | null {
  if (frames <= FRAMES_BETWEEN_CUTS) return segments;
  const begins = segments === null ? [frames] : beginnings(segments);
  const cuts = beginnings(evenSegments(frames, FRAMES_BETWEEN_CUTS));
  if (segments !== null && cuts.every((cut) => begins.includes(cut))) return segments;
  const longest = Math.max(...begins.map((begin, i) => begin - (begins[i + 1] ?? 0)));
  // Tapes no longer than they were, and a whole number of them between two cuts.
  const sizes = [FRAMES_BETWEEN_CUTS, FRAMES_BETWEEN_CUTS / 2];
  return evenSegments(frames, sizes.find((size) => size <= longest) ?? 1);
}

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
    ...(state.gradientsCutAt !== null && {
      gradientCarried: 0,
      segments: cutSegments(plan.segments, frames),
    }),
    judgesWait: state.judgesWait,
    augmentation: Math.max(plan.augmentation, state.augmentation),
  };
}
