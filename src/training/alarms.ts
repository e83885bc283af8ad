import type { EvaluationFigures } from './evaluation.js';
import type { StabilityLimits } from './stability-limits.js';

type Measured = number | null | undefined;

/** What is wrong with what an evaluation on held-out frames measured, by its word: the number and its limit. */
export function alarmsOf(
  limits: StabilityLimits,
  measured: Partial<EvaluationFigures>,
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
