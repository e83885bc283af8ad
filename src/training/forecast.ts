import type { TrainingOptions } from './options.js';
import { countSteps, paceOf, type CountOptions, type StepTime } from './pace.js';

/**
 * Steps from which on a training is worth its time, whatever the preset. Below half of them what is generated
 * hardly moves; from there on quality grows slowly (docs/training.md, How many steps).
 */
export const ENOUGH_STEPS = 600;

/** What the minutes of a training come to. */
export interface Forecast {
  /** As `train --max-minutes` counts them first. */
  readonly steps: number;
  /** Milliseconds that a frame of a step takes. */
  readonly frameMs: number;
  /** Whether these are all steps that the pipeline asks for. */
  readonly isAll: boolean;
  /** Whether they are {@link ENOUGH_STEPS}, or all that the pipeline asks for. */
  readonly isEnough: boolean;
  /** Minutes that as many take, in whole ones. */
  readonly enoughMinutes: number;
}

/** Those of the measured steps that the minutes have room for. */
function within(measured: readonly StepTime[], minutes: number) {
  let [steps, elapsedMs] = [0, 0];
  for (const { ms } of measured) {
    if (elapsedMs + ms > minutes * 60_000) break;
    steps += 1;
    elapsedMs += ms;
  }
  return { steps, elapsedMs };
}

const LONGEST_MINUTES = 60 * 24 * 365;

/**
 * What a training of so many minutes will be, by the first steps of one.
 * @param measured steps from the first one on
 */
export function forecast(
  training: TrainingOptions,
  minutes: number,
  measured: readonly StepTime[],
  { evaluationFrames, pixels }: Pick<CountOptions, 'evaluationFrames' | 'pixels'>,
): Forecast {
  const asked = training.minutes ?? Infinity;
  const most = training.minutes === undefined ? training.steps : Infinity;
  const pace = paceOf(measured, null);
  const count = (allMinutes: number, atMost: number): number => {
    const { steps: from, elapsedMs } = within(measured, allMinutes);
    return countSteps({
      training,
      from,
      most: atMost,
      pace,
      evaluationFrames,
      pixels,
      time: { minutes: allMinutes, elapsedMs },
    });
  };
  const steps = count(Math.min(minutes, asked), most);
  const enough = Math.min(ENOUGH_STEPS, most);
  let [tooFew, enoughMinutes] = [0, 1];
  while (count(enoughMinutes, enough) < enough && enoughMinutes < LONGEST_MINUTES) {
    tooFew = enoughMinutes;
    enoughMinutes *= 2;
  }
  while (enoughMinutes - tooFew > 1) {
    const middle = Math.floor((tooFew + enoughMinutes) / 2);
    if (count(middle, enough) < enough) tooFew = middle;
    else enoughMinutes = middle;
  }
  return {
    steps,
    frameMs: pace.frameMs,
    isAll: steps === most,
    isEnough: steps >= enough,
    enoughMinutes,
  };
}
