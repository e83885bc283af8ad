import { FrameloomError } from '../base/error.js';
import { formatBytes } from '../base/units.js';
import {
  extraSteps,
  PHASES,
  segmentPeak,
  singleSteps,
  type Phase,
  type Schedule,
} from '../autodiff/index.js';
import { bestSchedule } from './best-schedule.js';
import { cutBytes, frameCuts, type Cut } from './best-stretches.js';
import { phaseBytes, type PhaseSize, type StepCosts } from './costs.js';

/** How a training step goes through a rollout. */
export interface MemoryPlan {
  /** Null keeps the whole rollout on one tape, the discriminators' passes with it. */
  readonly segments: Schedule | null;
  /** Blocks in each stretch of a frame that is a segment by itself; null keeps it on one tape. */
  readonly stretches: readonly number[] | null;
  /** Frames that the discriminators judge at once; all of them without segments. */
  readonly judgedFrames: number;
  /** Predicted most bytes of tensors. */
  readonly peakBytes: number;
  /** Predicted time of the step by that of the same step on one tape. */
  readonly slowdown: number;
}

/** How a step in segments goes. */
export interface Segmented {
  readonly segments: Schedule;
  readonly stretches: readonly number[] | null;
  readonly judgedFrames: number;
}

/** Predicted most bytes in each phase of a step in segments. */
export function phasePeaks(
  costs: StepCosts,
  length: number,
  how: Segmented,
): Record<Phase, number> {
  const { segments, judgedFrames } = how;
  const size: PhaseSize = { frames: length, judgedFrames };
  const of = (phase: Phase): number => phaseBytes(costs.phases[phase], size);
  // The state at the rollout's beginning is in the phases' own bytes.
  const kept = (segments.length - 1) * costs.stateBytes;
  return {
    forward: of('forward') + kept,
    judge: of('judge') + kept,
    back: of('back') + segmentPeak(segments, tapeCosts(costs, cutOf(costs, how.stretches))),
    train: of('train') + kept,
    update: of('update'),
  };
}

const tapeCosts = ({ stateBytes, phases }: StepCosts, cut: Cut) => ({
  stateBytes,
  tapeBytes: (steps: number) => (steps === 1 ? cut.bytes : steps * phases.back.perTapeFrame),
  againWithin: cut.again,
});

const wholeFrame = ({ phases }: StepCosts): Cut => ({
  ...{ stretches: null, bytes: phases.back.perTapeFrame, again: 0 },
});

function cutOf(costs: StepCosts, stretches: readonly number[] | null): Cut {
  if (stretches === null) return wholeFrame(costs);
  const twice = costs.blocks.slice(0, costs.blocks.length - stretches.at(-1)!);
  const again = twice.reduce((sum, { forwardShare }) => sum + forwardShare, 0);
  return { stretches, again, bytes: cutBytes(costs.blocks, stretches) };
}

const cutsOf = (costs: StepCosts): Cut[] => frameCuts(costs.blocks, costs.phases.back.perTapeFrame);

const peakOf = (costs: StepCosts, length: number, how: Segmented): number =>
  Math.max(...Object.values(phasePeaks(costs, length, how)));

const plainPeak = (costs: StepCosts, length: number): number =>
  Math.max(...PHASES.map((phase) => phaseBytes(costs.plain[phase], { frames: length })));

/** Frames that are run once more than on one tape, by their arithmetic: no clock has a say in a plan. */
const framesAgain = (costs: StepCosts, { segments, stretches }: Segmented): number =>
  extraSteps(segments) + singleSteps(segments) * cutOf(costs, stretches).again;

/** Predicted time of a step, in seconds; of one in segments unless they are null. */
function stepSeconds(costs: StepCosts, length: number, how: Segmented | null): number {
  const { plainSeconds, forwardSeconds, fixedSeconds, warmUpFrames } = costs;
  const plain = length * plainSeconds + warmUpFrames * forwardSeconds + fixedSeconds;
  return how === null ? plain : plain + framesAgain(costs, how) * forwardSeconds;
}

/** What a rollout will take in given segments, or on one tape. */
export function planFor(costs: StepCosts, length: number, how: Segmented | null): MemoryPlan {
  const whole = stepSeconds(costs, length, null);
  return {
    ...(how ?? { segments: null, stretches: null, judgedFrames: length }),
    peakBytes: how === null ? plainPeak(costs, length) : peakOf(costs, length, how),
    slowdown: whole > 0 ? stepSeconds(costs, length, how) / whole : 1,
  };
}

/**
 * The plan of least recomputation whose predicted peak fits the budget: the rollout on one tape if
 * that fits, else by {@link bestSchedule} and {@link frameCuts}, the discriminators judging as many
 * frames at once as fit.
 *
 * @param length frames of the rollout
 * @throws FrameloomError budget, naming the smallest budget that something would fit
 */
export function planRollout(costs: StepCosts, length: number, budgetBytes: number): MemoryPlan {
  const plain = planFor(costs, length, null);
  if (plain.peakBytes <= budgetBytes) return plain;
  return planInSegments(costs, length, budgetBytes) ?? refuse(costs, length, budgetBytes);
}

function planInSegments(costs: StepCosts, length: number, budgetBytes: number): MemoryPlan | null {
  // Each cut takes longer than the one before, but may leave room for states that save more.
  const found = cutsOf(costs).flatMap((cut) => {
    const how = segmentedByCut(costs, length, budgetBytes, cut);
    return how === null ? [] : [{ how, again: framesAgain(costs, how) }];
  });
  const [first, ...others] = found;
  if (first === undefined) return null;
  const best = others.reduce((least, one) => (one.again < least.again ? one : least), first);
  return planFor(costs, length, best.how);
}

/** The best segments that fit a budget where frames that are segments by themselves are cut so. */
function segmentedByCut(
  costs: StepCosts,
  length: number,
  budgetBytes: number,
  cut: Cut,
): Segmented | null {
  const { stretches } = cut;
  const tape = tapeCosts(costs, cut);
  // A schedule of one segment keeps no state besides the first: what each phase takes at least.
  const one: Segmented = { segments: [length], stretches, judgedFrames: 1 };
  const { forward, judge, back, train, update } = phasePeaks(costs, length, one);
  const spare = budgetBytes - Math.max(forward, judge, train);
  if (spare < 0 || update > budgetBytes) return null;
  const segments = bestSchedule(length, tape, {
    bytes: budgetBytes - (back - segmentPeak([length], tape)),
    startStates: costs.stateBytes > 0 ? Math.floor(spare / costs.stateBytes) : length,
  });
  if (segments === null) return null;
  const fits = (judgedFrames: number): boolean =>
    peakOf(costs, length, { segments, stretches, judgedFrames }) <= budgetBytes;
  let judged = length;
  while (judged > 1 && !fits(judged)) judged -= 1;
  // As many passes, as equal as can be.
  const even = Math.ceil(length / Math.ceil(length / judged));
  return { segments, stretches, judgedFrames: even };
}

/** The smallest budget that a rollout fits, recomputing whatever has to be, in bytes. */
export function smallestBudget(costs: StepCosts, length: number): number {
  // The last cut takes the least.
  const { stretches } = cutsOf(costs).at(-1)!;
  const peak = (segments: Schedule): number =>
    peakOf(costs, length, { segments, stretches, judgedFrames: 1 });
  const candidates = [plainPeak(costs, length), peak([length])];
  if (length > 1) {
    // One state is kept besides the first: enough to go back frame by frame.
    const segments = [length - 1, 1];
    const { back, ...others } = phasePeaks(costs, length, { segments, stretches, judgedFrames: 1 });
    const tape = tapeCosts(costs, cutOf(costs, stretches));
    const frugal = back - segmentPeak(segments, tape) + costs.stateBytes + tape.tapeBytes(1);
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
  const segments = Array.from({ length }, () => 1);
  const { stretches } = cutsOf(costs).at(-1)!;
  const peaks = phasePeaks(costs, length, { segments, stretches, judgedFrames: 1 });
  const worst = PHASES.reduce((a, b) => (peaks[b] > peaks[a] ? b : a));
  switch (worst) {
    case 'back':
      return 'the activations of one block of the generator';
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
