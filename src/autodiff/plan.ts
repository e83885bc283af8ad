import { FrameloomError } from '../base/error.js';
import { formatBytes } from '../base/units.js';
import { bestSchedule } from './best-schedule.js';
import { PHASES, phaseBytes, type Phase, type PhaseSize, type StepCosts } from './costs.js';
import { extraSteps, segmentPeak, type Schedule } from './schedule.js';

/** How a training step goes through a rollout. */
export interface MemoryPlan {
  /** Null keeps the whole rollout on one tape, the discriminators' passes with it. */
  readonly segments: Schedule | null;
  /** Frames that the discriminators judge at once; all of them without segments. */
  readonly judgedFrames: number;
  /** Predicted most bytes of tensors. */
  readonly peakBytes: number;
  /** Predicted time of the step by that of the same step on one tape. */
  readonly slowdown: number;
}

/**
 * Predicted most bytes in each phase of a step that recomputes `segments` and judges `judgedFrames`
 * at once.
 */
export function phasePeaks(
  costs: StepCosts,
  length: number,
  segments: Schedule,
  judgedFrames: number,
): Record<Phase, number> {
  const size: PhaseSize = { frames: length, judgedFrames };
  const of = (phase: Phase): number => phaseBytes(costs.phases[phase], size);
  // The state at the rollout's beginning is in the phases' own bytes.
  const kept = (segments.length - 1) * costs.stateBytes;
  return {
    forward: of('forward') + kept,
    judge: of('judge') + kept,
    back: of('back') + segmentPeak(segments, tapeCosts(costs)),
    train: of('train') + kept,
    update: of('update'),
  };
}

const tapeCosts = ({ stateBytes, phases }: StepCosts) => ({
  stateBytes,
  tapeBytes: (steps: number) => steps * phases.back.perTapeFrame,
});

const peakOf = (...args: Parameters<typeof phasePeaks>): number =>
  Math.max(...Object.values(phasePeaks(...args)));

const plainPeak = (costs: StepCosts, length: number): number =>
  Math.max(...PHASES.map((phase) => phaseBytes(costs.plain[phase], { frames: length })));

/** Predicted time of a step, in seconds. */
export function stepSeconds(costs: StepCosts, length: number, segments: Schedule | null): number {
  const { plainSeconds, forwardSeconds, fixedSeconds, warmUpFrames } = costs;
  const forwards = warmUpFrames + (segments === null ? 0 : extraSteps(segments));
  return length * plainSeconds + forwards * forwardSeconds + fixedSeconds;
}

/** The plan for given segments: what they will take. */
export function planFor(
  costs: StepCosts,
  length: number,
  segments: Schedule | null,
  judgedFrames = length,
): MemoryPlan {
  const whole = stepSeconds(costs, length, null);
  return {
    segments,
    judgedFrames,
    peakBytes:
      segments === null ? plainPeak(costs, length) : peakOf(costs, length, segments, judgedFrames),
    slowdown: whole > 0 ? stepSeconds(costs, length, segments) / whole : 1,
  };
}

/**
 * The plan of least recomputation whose predicted peak fits the budget: the rollout on one tape if
 * that fits, else by {@link bestSchedule}, the discriminators judging as many frames at once as fit.
 *
 * @param length frames of the rollout
 * @throws FrameloomError budget, naming the smallest budget that something would fit
 */
export function planRollout(costs: StepCosts, length: number, budgetBytes: number): MemoryPlan {
  const plain = planFor(costs, length, null);
  if (plain.peakBytes <= budgetBytes) return plain;
  return planInParts(costs, length, budgetBytes) ?? refuse(costs, length, budgetBytes);
}

function planInParts(costs: StepCosts, length: number, budgetBytes: number): MemoryPlan | null {
  // A schedule of one segment keeps no state besides the first: what each part takes at least.
  const { forward, judge, back, train, update } = phasePeaks(costs, length, [length], 1);
  const spare = budgetBytes - Math.max(forward, judge, train);
  if (spare < 0 || update > budgetBytes) return null;
  const segments = bestSchedule(length, tapeCosts(costs), {
    bytes: budgetBytes - (back - segmentPeak([length], tapeCosts(costs))),
    startStates: costs.stateBytes > 0 ? Math.floor(spare / costs.stateBytes) : length,
  });
  if (segments === null) return null;
  const fits = (judged: number): boolean => peakOf(costs, length, segments, judged) <= budgetBytes;
  let judged = length;
  while (judged > 1 && !fits(judged)) judged -= 1;
  // As many passes with as equal parts as can be.
  const even = Math.ceil(length / Math.ceil(length / judged));
  return planFor(costs, length, segments, even);
}

/** The smallest budget that a rollout fits, recomputing whatever has to be, in bytes. */
export function smallestBudget(costs: StepCosts, length: number): number {
  const candidates = [plainPeak(costs, length), peakOf(costs, length, [length], 1)];
  if (length > 1) {
    // One state is kept besides the first: enough to go back frame by frame.
    const { back, ...others } = phasePeaks(costs, length, [length - 1, 1], 1);
    const tape = tapeCosts(costs);
    const frugal = back - segmentPeak([length - 1, 1], tape) + costs.stateBytes + tape.tapeBytes(1);
    candidates.push(Math.max(frugal, ...Object.values(others)));
  }
  return Math.ceil(Math.min(...candidates));
}

/**
 * The longest rollout that fits a budget, at most `limit` frames; 0 when not even one frame does.
 */
export function longestRollout(
  costs: StepCosts,
  budgetBytes: number,
  limit: number,
  bytesOf: (costs: StepCosts, length: number) => number = smallestBudget,
): number {
  let [fits, fails] = [0, limit + 1];
  while (fails - fits > 1) {
    const middle = Math.floor((fits + fails) / 2);
    if (bytesOf(costs, middle) <= budgetBytes) fits = middle;
    else fails = middle;
  }
  return fits;
}

/** What of a step needs the most when as little as possible is kept. */
function tightest(costs: StepCosts, length: number): string {
  const peaks = phasePeaks(
    costs,
    length,
    Array.from({ length }, () => 1),
    1,
  );
  const worst = PHASES.reduce((a, b) => (peaks[b] > peaks[a] ? b : a));
  switch (worst) {
    case 'back':
      return 'the activations of a single frame, which is not divided further';
    case 'judge':
    case 'train':
      return 'the discriminators’ activations for a single frame';
    case 'update':
      return 'the weights and their optimizer';
    default:
      return 'the frames themselves';
  }
}

function refuse(costs: StepCosts, length: number, budgetBytes: number): never {
  const smallest = smallestBudget(costs, length);
  throw new FrameloomError(
    'budget',
    `a rollout of ${length} frame${length === 1 ? '' : 's'} does not fit ${formatBytes(budgetBytes)}: it needs ${formatBytes(smallest)} at least (${smallest} bytes), most of it for ${tightest(costs, length)}`,
    {
      path: 'training.memoryBudget',
      hint: 'give it that much, or choose a smaller data.size, training.batch, training.frames or network',
    },
  );
}
