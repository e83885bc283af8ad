import { goingOn, planStep, type PlannedStep } from './schedule.js';
import { mayBeElsewhere } from './judged-segments.js';
import type { Session } from './session.js';
import { withLooks } from './styles.js';

/**
 * The plans of steps, each made once: when its window is asked for, a few steps ahead, which is when all
 * steps may not be known yet.
 */
export function createPlans({
  pipeline,
  choice,
  budget,
  histories,
  group,
  start: { attempt },
}: Session) {
  const share = group ? { rank: group.rank, size: group.size } : undefined;
  const made = new Map<number, PlannedStep>();
  let end = 0;
  const of = (step: number): PlannedStep => {
    const known = made.get(step);
    if (known) return known;
    const { counts } = budget;
    const plan = withLooks(
      planStep({ ...pipeline, attempt, share }, choice.checkpointing, step, counts),
      pipeline.generator,
    );
    const mayGoOn = !plan.coldStart && !plan.plan.thereAndBack && plan.request.divideBy === 1;
    const picked = mayGoOn ? histories.pick(step, counts, mayBeElsewhere(plan)) : null;
    const whole = picked ? goingOn(plan, picked) : plan;
    made.set(step, whole);
    end = Math.max(end, step + 1);
    return whole;
  };
  return {
    of,
    take(step: number): PlannedStep {
      const plan = of(step);
      made.delete(step);
      return plan;
    },
    /** The first step that none is made of yet. */
    get end() {
      return end;
    },
  };
}
