import type { Group } from '../backend/group/index.js';
import { withPrefix } from '../backend/graph/index.js';
import type { Window } from '../clips/index.js';
import { signalsOf, withoutTruth } from './judged-segments.js';
import type { TrainingState } from './model.js';
import { windowPlaces } from './patches.js';
import { exchangeOf } from './ranks/exchange.js';
import { sightOf, type PlannedStep } from './schedule.js';
import type { Session } from './session.js';
import { controlSignals } from './steadied.js';
import { disposeDraws, rolloutInput } from './step-input.js';
import { trainStep, type StepResult } from './step.js';

/** One step on a window, which is let go of; `state` stays the caller's. */
export async function oneStep(
  { pipeline, modelAt, runner, histories, group, start: { attempt } }: Session,
  state: TrainingState,
  window: Window,
  planned: PlannedStep,
) {
  const own = { ...pipeline, attempt };
  const [, , height, width] = window.frames.shape;
  const plan = { ...planned.plan, sight: sightOf(own, planned.plan, { height, width }) };
  const { divideBy = 1 } = planned.request;
  const model = modelAt(divideBy);
  const places = windowPlaces(model.generator, window);
  try {
    const input = rolloutInput(window, planned, own);
    try {
      const placed = places ? { ...input, places } : input;
      // A flow of another scale is another function.
      const scaled = divideBy === 1 ? runner : withPrefix(runner, `divided by ${divideBy}`);
      const losses = plan.elsewhere ? withoutTruth(pipeline.losses) : pipeline.losses;
      const exchange = group ? exchangeOf(group) : undefined;
      const result = await trainStep(model, state, placed, losses, plan, scaled, exchange);
      const { length: frames } = planned.teacherForced;
      const made = input.warmUp + frames;
      // Histories of small frames are none of larger ones.
      const left = divideBy === 1 ? await ofAll(group, result.left) : null;
      histories.leave(plan.step, { origin: window.drawn, advance: made, made, frames: left });
      const signals = {
        ...signalsOf(result.signals, plan),
        ...controlSignals({ ...plan, frames }),
      };
      const kind = {
        'steps/warm_up_frames': input.warmUp,
        ...(histories.isKept && { 'steps/history_age': meanAge(planned) }),
        ...(pipeline.training.histories.judgedFraction > 0 && {
          'steps/judged_segments': +(plan.elsewhere ?? false),
        }),
        'steps/cold_start': +input.coldStart,
        'steps/skipped': +(result.skipped !== null),
        ...(typeof pipeline.training.growing !== 'string' && { 'steps/divided_by': divideBy }),
      };
      return { ...result, signals, kind };
    } finally {
      disposeDraws(input, window);
    }
  } finally {
    window.dispose();
    places?.dispose();
  }
}

/** Frames that were made already of what a step goes on from, a window's mean; 0 where it goes on from none. */
const meanAge = ({ from = [] }: PlannedStep): number =>
  from.reduce((sum, { age }) => sum + age, 0) / Math.max(1, from.length);

/** What the step's windows have left in all processes, in the order that they were drawn in. */
async function ofAll(group: Group | null, own: StepResult['left']): Promise<StepResult['left']> {
  if (group === null || own === null) return own;
  const [samples = 0, ...frame] = own.shape;
  const all = new Float32Array(own.data.length * group.size);
  all.set(own.data, own.data.length * group.rank);
  return { shape: [samples * group.size, ...frame], data: await group.sum(all) };
}
