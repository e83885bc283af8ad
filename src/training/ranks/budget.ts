import type { Group } from '../../backend/group/index.js';
import { totalAt, type StepCounts } from '../step-counts.js';
import type { Budget } from '../budget.js';
import type { JsonValue } from '../run/json.js';
import { fromFirst } from './first.js';

interface Told {
  readonly steps: number | null;
  readonly counts: StepCounts;
}

/** JSON has no Infinity. */
const told = ({ steps, counts }: Budget): Told => ({
  steps: Number.isFinite(steps) ? steps : null,
  counts,
});

/**
 * How long a training is, by the first process's clock alone: the same steps for all, from the same step on.
 * @param open called in the first process alone
 */
export async function shareBudget(
  group: Group | null,
  open: () => Promise<Budget>,
): Promise<Budget> {
  if (group === null) return open();
  let own: Budget | null = null;
  const first = (await fromFirst(group, async () => {
    own = await open();
    const isCounted = Number.isFinite(own.deadline);
    return { ...told(own), isCounted } as unknown as JsonValue;
  })) as unknown as Told & { readonly isCounted: boolean };
  let now: Told = first;
  const opened = own as Budget | null;
  /** Only where minutes decide may the number of steps become another. */
  const settle = async (done: number, fromStep: number): Promise<void> => {
    if (!first.isCounted) return;
    const before = opened?.counts;
    await opened?.settle(done, fromStep);
    const [hasChanged] = await group.sum([+(opened !== null && opened.counts !== before)]);
    if (hasChanged === 0) return;
    now = (await fromFirst(group, () => told(opened!) as unknown as JsonValue)) as unknown as Told;
  };
  const counts = (): StepCounts => opened?.counts ?? now.counts;
  return {
    deadline: opened?.deadline ?? Infinity,
    get steps() {
      return opened?.steps ?? now.steps ?? Infinity;
    },
    get counts() {
      return counts();
    },
    totalAt: (step) => totalAt(counts(), step),
    learn: (step) => opened?.learn(step),
    learnBeside: (what, ms, frames) => opened?.learnBeside(what, ms, frames),
    evaluationMs: (frames) => opened?.evaluationMs(frames) ?? 0,
    settle,
    sayEnd: (done, ending) => opened?.sayEnd(done, ending),
  };
}
