import { beginnings, evenSegments } from '../autodiff/index.js';
import { FrameloomError } from '../base/error.js';
import type { StepMemory } from '../planning/index.js';
import type { TrainingOptions } from './options.js';
import type { StepPlan } from './step-plan.js';

/**
 * How a step's gradient goes back through its frames: of one that ends at each frame every frame is a segment, of which
 * the activations are there one at a time.
 * @param memory what the budget asks for, whose single frames may be cut into stretches
 */
export function throughTime(
  { throughTime: how }: Pick<TrainingOptions, 'throughTime'>,
  memory: StepMemory,
  frames: number,
): Pick<StepPlan, 'segments' | 'endsEvery'> {
  const { segments } = memory;
  if (how === 'full') return { segments };
  const isInFrames = segments !== null && beginnings(segments).length === frames;
  return { segments: isInFrames ? segments : evenSegments(frames, 1), endsEvery: 1 };
}

/**
 * Refuses segments of several frames for gradients that end at each one.
 * @throws FrameloomError bad-option
 */
export function assertThroughTimeFits({
  throughTime: how,
  gradientCheckpointing: choice,
}: Pick<TrainingOptions, 'throughTime' | 'gradientCheckpointing'>): void {
  if (how === 'full' || choice === 'auto') return;
  if (typeof choice !== 'string' && choice.every === 1) return;
  const given = typeof choice === 'string' ? choice : `{every: ${choice.every}}`;
  throw new FrameloomError(
    'bad-option',
    `gradients that end at each frame are taken frame by frame, and gradientCheckpointing is ${given}`,
    { path: 'training.gradientCheckpointing', hint: 'set it to auto, or throughTime to full' },
  );
}
