import { sizeDividedBy } from '../clips/index.js';
import { divideByAt } from './schedule.js';
import type { Session } from './session.js';

/**
 * Says where a training ended while its frames were small.
 * @param step steps done
 */
export function saySmall({ log, pipeline, budget }: Session, step: number): void {
  const { growing } = pipeline.training;
  if (growing === 'off' || step === 0) return;
  const divideBy = divideByAt(pipeline.training, step - 1, budget.counts);
  if (divideBy === 1) return;
  log.warn(
    `training ended before its frames were of data.size: they were divided by ${divideBy} to the end (training.growing.untilSteps is ${growing.untilSteps})`,
  );
}

/** Says that frames have grown. */
export function sayGrown({ log, dataset }: Session, step: number, divideBy: number): void {
  const { width, height } = sizeDividedBy(dataset, divideBy);
  log.info(`step ${step}: frames are of ${width}x${height} from now on`);
}
