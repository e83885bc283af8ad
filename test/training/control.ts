import type { Schedule } from '../../src/autodiff/index.js';
import type { Signals } from '../../src/training/signals.js';
import {
  afterStep,
  healthWord,
  stabilityState,
  type Act,
  type StabilityState,
} from '../../src/training/stability.js';
import { stabilityLimits } from '../../src/training/stability-limits.js';
import { steadied } from '../../src/training/steadied.js';

export const limits = stabilityLimits.parse({});
export const PLAN = {
  segments: null as Schedule | null,
  ...{ step: 3, generatorLearningRate: 1, discriminatorLearningRate: 2 },
  ...{ adversarialWeight: 1, matchingWeight: 1, gradientCarried: 1 },
  ...{ judgesWait: false, augmentation: 0 },
};

/** Of rollouts of five frames. */
export const steadiedOf = (plan: typeof PLAN, state: StabilityState, frames = 5): typeof PLAN =>
  steadied<typeof PLAN>(plan, state, frames);

export const wordOf = (state: StabilityState): string => healthWord(state, limits);

/** What a training's signals make of the controller, step by step. */
export function run(
  signalsAt: (step: number) => Signals,
  steps: number,
): { states: StabilityState[]; acts: Act[] } {
  const states = [stabilityState()];
  const acts: Act[] = [];
  for (let step = 1; step <= steps; step += 1) {
    const made = afterStep(limits, states.at(-1)!, signalsAt(step), step);
    states.push(made.state);
    acts.push(...made.acts);
  }
  return { states, acts };
}
