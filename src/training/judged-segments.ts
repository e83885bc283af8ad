import { FrameloomError } from '../base/error.js';
import type { LossOptions, TrainingOptions } from './options.js';
import { tellsOfPull } from './pull.js';
import { GRADIENT_NORM, type Signals } from './signals.js';
import type { StepPlan } from './step-plan.js';

/**
 * Segments of a long video that nothing real belongs to, and that the discriminators alone judge (APT2, Lin et al. 2025):
 * a kept history goes on under the conditions of another place of the clips. What it begins with is none of that
 * place's past, so that no real frame is what has to come of it.
 */

/** Whether a setting of the losses holds a frame to the real one of its time. A new one needs its line here. */
const ASKS_FOR_THE_REAL: Readonly<Record<keyof LossOptions, boolean>> = {
  adversarial: false,
  frameAdversarial: false,
  sequenceAdversarial: false,
  featureMatching: true,
  reconstruction: true,
  rawReconstruction: true,
  moving: false,
  laplacian: true,
  focalFrequency: true,
  focalFrequencyPatches: false,
  // Real frames are warped: what moves in them is not what moved in another past.
  warp: true,
  flowTeacher: true,
  flowSmoothness: false,
  mismatchedActions: false,
  pingPong: false,
  pingPongEverySteps: false,
  r1: false,
  r1EverySteps: false,
  r2: false,
  r2EverySteps: false,
  penalty: false,
  penaltySigma: false,
  lecam: false,
};

/** What is left of the losses where there is no real frame to hold a generated one to. */
export const withoutTruth = (losses: LossOptions): LossOptions =>
  Object.fromEntries(
    Object.entries(losses).map(([name, value]) => [
      name,
      ASKS_FOR_THE_REAL[name as keyof LossOptions] ? 0 : value,
    ]),
  ) as LossOptions;

/**
 * Whether a step that goes on from kept histories may do so at another place: not where it is to tell how hard the
 * discriminators pull, which is beside what holds frames to the real ones, nor where a frame is shown real history.
 */
export const mayBeElsewhere = ({
  teacherForced,
  plan: { step },
}: {
  readonly teacherForced: readonly boolean[];
  readonly plan: Pick<StepPlan, 'step'>;
}): boolean => !tellsOfPull(step) && !teacherForced.includes(true);

/** The norm of the generator's gradient in such a step. */
export const NORM_ELSEWHERE = 'generator/judged_gradient_norm';

/**
 * A step's signals as they are followed. Of one whose frames nothing holds to real ones the generator's gradient is
 * another loss's, most often a shorter one: among the others' it would pass for a jump, or make one pass.
 */
export function signalsOf(signals: Signals, { elsewhere }: Pick<StepPlan, 'elsewhere'>): Signals {
  const { [GRADIENT_NORM.generator]: norm, ...others } = signals;
  return elsewhere && norm !== undefined ? { ...others, [NORM_ELSEWHERE]: norm } : signals;
}

/**
 * Refuses segments that nobody would judge, or that there are none of.
 * @throws FrameloomError bad-option
 */
export function assertJudgedFit({
  training: { histories },
  losses,
}: {
  readonly training: Pick<TrainingOptions, 'histories'>;
  readonly losses: Pick<LossOptions, 'frameAdversarial'>;
}): void {
  const { judgedFraction, fraction } = histories;
  if (judgedFraction === 0) return;
  const path = 'training.histories.judgedFraction';
  if (fraction === 0) {
    throw new FrameloomError('bad-option', 'no step goes on from a kept history to be judged', {
      path,
      hint: 'set it to 0, or training.histories.fraction above 0',
    });
  }
  if (losses.frameAdversarial > 0) return;
  throw new FrameloomError(
    'bad-option',
    'segments without real frames teach nothing where no frame is judged',
    { path, hint: 'set it to 0, or losses.frameAdversarial above 0' },
  );
}
