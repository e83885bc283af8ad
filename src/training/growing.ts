import { sizeDividedBy } from '../clips/index.js';
import type { StepsOrShare } from './options.js';
import { divideByAt } from './schedule.js';
import type { Session } from './session.js';

/**
 * Says where a training ended while its frames were small.
 * @param step steps done
 */
export function saySmall({ log, pipeline, budget }: Session, step: number): void {
  const { growing } = pipeline.training;
  if (typeof growing === 'string' || step === 0) return;
  const divideBy = divideByAt(pipeline.training, step - 1, budget.counts);
  if (divideBy === 1) return;
  log.warn(
    `training ended before its frames were of data.size: they were divided by ${divideBy} to the end (training.growing.untilSteps is ${growing.untilSteps})`,
  );
}

const untilWhen = (steps: StepsOrShare): string =>
  typeof steps === 'number' ? `step ${steps}` : `${steps} of the steps`;

/** Says that frames have grown; or that they are small for a time, once steps are counted and found enough. */
export function sayResized(
  { log, dataset, pipeline }: Session,
  step: number,
  divideBy: number,
): void {
  const { growing } = pipeline.training;
  const { width, height } = sizeDividedBy(dataset, divideBy);
  const isSmall = divideBy > 1 && typeof growing !== 'string';
  const until = isSmall ? `, until ${untilWhen(growing.untilSteps)} (training.growing)` : '';
  log.info(`step ${step}: frames are of ${width}x${height} from now on${until}`);
}
