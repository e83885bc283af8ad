import type { TrainingCurve } from '../../../serve/training-messages.js';
import type { StepLine } from '../../../training/run/step-log.js';
import { trainingCurves, type Curve } from '../../report/training-curves.js';

/** What lines of a log say, as the page draws it: the same curves as in a report. */
export function curvesOf(lines: readonly StepLine[]): TrainingCurve[] {
  const { heldOut, losses, signals } = trainingCurves(lines);
  const of = (group: TrainingCurve['group'], curves: ReadonlyMap<string, Curve>): TrainingCurve[] =>
    [...curves].map(([name, { title, points }]) => ({ name, title, group, points }));
  return [...of('held-out', heldOut), ...of('losses', losses), ...of('signals', signals)];
}
