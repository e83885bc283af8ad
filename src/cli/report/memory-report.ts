import { evenSegments, scheduleInWords, stretchesInWords } from '../../autodiff/index.js';
import { isFrameloomError } from '../../base/error.js';
import { formatBytes } from '../../base/units.js';
import {
  longestRollout,
  planFor,
  planRollout,
  smallestBudget,
  type FrameSize,
  type Segmented,
  type StepCosts,
} from '../../planning/index.js';
import { windowSize, type WindowSizes } from '../../clips/options.js';
import type { GrowingOptions, StepsOrShare } from '../../training/options.js';
import { formatFacts, formatTable } from './table.js';

/** Frames of the longest rollout that a pipeline may ask for. */
const LONGEST_FRAMES = 256;

/** Rollouts that the sweep goes through, besides the pipeline's own. */
const SWEEP_FRAMES = [1, 2, 4, 8, 16, 32, 64] as const;

/** Sides of the sweep's frames by the pipeline's. */
const SWEEP_SCALES = [1, 2, 3, 4] as const;

/** What one rollout at one size takes. */
export interface PlanRow {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Predicted bytes of tensors with the whole rollout on one tape. */
  readonly plainBytes: number;
  /** The least that any schedule takes. */
  readonly smallestBytes: number;
  /** What the budget allows; null when nothing fits. */
  readonly plan: {
    readonly schedule: string;
    /** Blocks in each stretch of a frame that is a segment by itself; null for one tape. */
    readonly stretches: readonly number[] | null;
    readonly judgedFrames: number;
    readonly peakBytes: number;
    readonly slowdown: number;
  } | null;
}

/** The longest rollouts that fit the budget at a size; 0 when not even one frame does. */
export interface LongestRow {
  readonly width: number;
  readonly height: number;
  readonly plainFrames: number;
  /** With each frame recomputed once, every state kept. */
  readonly recomputedFrames: number;
  /** With whatever has to be computed again, and again. */
  readonly frugalFrames: number;
}

/** The steps of a training before its frames are of data.size. */
export interface FirstRow extends PlanRow {
  readonly untilSteps: StepsOrShare;
}

/** What `frameloom plan --json` prints. */
export interface MemoryReport {
  readonly pipeline: string;
  readonly batch: number;
  readonly budgetBytes: number;
  /** Of its windows, which are patches of frames where `patchOf` is not null. */
  readonly own: PlanRow;
  /** The size of the frames that these are cut from; null where they are whole. */
  readonly patchOf: FrameSize | null;
  /** Null where frames are of data.size from the beginning. */
  readonly first: FirstRow | null;
  readonly longest: readonly LongestRow[];
  readonly sweep: readonly PlanRow[];
}

type CostsOf = (size: FrameSize) => StepCosts;

function rowOf(costsOf: CostsOf, size: FrameSize, frames: number, budgetBytes: number): PlanRow {
  const costs = costsOf(size);
  const row = {
    ...{ width: size.width, height: size.height, frames },
    plainBytes: planFor(costs, frames, null).peakBytes,
    smallestBytes: smallestBudget(costs, frames),
  };
  try {
    const { segments, ...plan } = planRollout(costs, frames, budgetBytes);
    const schedule = segments === null ? 'one tape' : scheduleInWords(segments);
    return { ...row, plan: { schedule, ...plan } };
  } catch (error) {
    if (!isFrameloomError(error, 'budget')) throw error;
    return { ...row, plan: null };
  }
}

function longestRow(costsOf: CostsOf, size: FrameSize, budgetBytes: number): LongestRow {
  const costs = costsOf(size);
  const longest = (bytesOf?: (costs: StepCosts, frames: number) => number): number =>
    longestRollout(costs, budgetBytes, LONGEST_FRAMES, bytesOf);
  const once = (frames: number): Segmented => ({
    ...{ segments: evenSegments(frames, 1), stretches: null, judgedFrames: 1 },
  });
  return {
    ...{ width: size.width, height: size.height },
    plainFrames: longest((own, frames) => planFor(own, frames, null).peakBytes),
    recomputedFrames: longest((own, frames) => planFor(own, frames, once(frames)).peakBytes),
    frugalFrames: longest(),
  };
}

/** Plans for a pipeline's own rollout, and for larger frames and other lengths of rollout. */
export function memoryReport(
  pipeline: {
    name: string;
    data: WindowSizes;
    batch: number;
    frames: number;
    growing: GrowingOptions;
  },
  budgetBytes: number,
  costsOf: CostsOf,
): MemoryReport {
  const { name, data, batch, frames, growing } = pipeline;
  const size = windowSize(data);
  const sizes = SWEEP_SCALES.map((scale) => ({
    width: size.width * scale,
    height: size.height * scale,
  }));
  const lengths = [...new Set([...SWEEP_FRAMES, frames])].sort((a, b) => a - b);
  return {
    ...{ pipeline: name, batch, budgetBytes },
    patchOf: data.patch ? data.size : null,
    own: rowOf(costsOf, size, frames, budgetBytes),
    first:
      growing === 'off'
        ? null
        : {
            ...rowOf(costsOf, windowSize(data, growing.divideBy), frames, budgetBytes),
            untilSteps: growing.untilSteps,
          },
    longest: sizes.map((own) => longestRow(costsOf, own, budgetBytes)),
    sweep: sizes.flatMap((own) =>
      lengths.map((length) => rowOf(costsOf, own, length, budgetBytes)),
    ),
  };
}

const scheduleOf = ({ schedule, stretches }: NonNullable<PlanRow['plan']>): string =>
  stretches ? `${schedule}, each in ${stretchesInWords(stretches)}` : schedule;

const sizeInWords = ({ width, height }: { width: number; height: number }): string =>
  `${width}x${height}`;

const framesInWords = (frames: number): string =>
  frames === 0 ? 'none' : frames >= LONGEST_FRAMES ? `${LONGEST_FRAMES}+` : String(frames);

/** What the steps take before frames are of data.size. */
function firstInWords({ untilSteps, plan, ...size }: FirstRow): string {
  const share =
    typeof untilSteps === 'number' ? `step ${untilSteps}` : `${untilSteps} of the steps`;
  const peak = plan ? formatBytes(plan.peakBytes) : 'more than there is';
  return `${sizeInWords(size)} until ${share}, peak ${peak}`;
}

/** The report as tables. */
export function formatMemoryReport(report: MemoryReport): string {
  const { pipeline, batch, budgetBytes, own, patchOf, first } = report;
  const { plan } = own;
  const facts = formatFacts([
    [
      'pipeline',
      `${pipeline}, ${sizeInWords(own)}${patchOf ? ` of ${sizeInWords(patchOf)}` : ''}, batch ${batch}, ${own.frames} frames a rollout`,
    ],
    ...(first ? [['at first', firstInWords(first)] as const] : []),
    ['budget', formatBytes(budgetBytes)],
    ['on one tape', formatBytes(own.plainBytes)],
    ['at least', formatBytes(own.smallestBytes)],
    ...(plan
      ? ([
          ['schedule', plan.schedule],
          ...(plan.stretches
            ? ([['each frame in', stretchesInWords(plan.stretches)]] as const)
            : []),
          ['judged at once', `${plan.judgedFrames} frames`],
          ['peak', formatBytes(plan.peakBytes)],
          ['time', `${plan.slowdown.toFixed(2)} times that of one tape, op by op`],
        ] as const)
      : ([['schedule', 'nothing fits']] as const)),
  ]);
  const longest = formatTable(
    [
      { title: 'longest rollout' },
      { title: 'one tape', align: 'right' },
      { title: 'recomputed once', align: 'right' },
      { title: 'at any cost', align: 'right' },
    ],
    report.longest.map((row) => [
      sizeInWords(row),
      framesInWords(row.plainFrames),
      framesInWords(row.recomputedFrames),
      framesInWords(row.frugalFrames),
    ]),
  );
  const sweep = formatTable(
    [
      { title: 'size' },
      { title: 'frames', align: 'right' },
      { title: 'one tape', align: 'right' },
      { title: 'planned', align: 'right' },
      { title: 'time', align: 'right' },
      { title: 'judged', align: 'right' },
      { title: 'schedule' },
    ],
    report.sweep.map((row) => [
      sizeInWords(row),
      String(row.frames),
      formatBytes(row.plainBytes),
      ...(row.plan
        ? [
            formatBytes(row.plan.peakBytes),
            `${row.plan.slowdown.toFixed(2)}×`,
            String(row.plan.judgedFrames),
            scheduleOf(row.plan),
          ]
        : ['–', '–', '–', `needs ${formatBytes(row.smallestBytes)}`]),
    ]),
  );
  const note =
    'time: by that of one tape, both op by op; training.compile makes both up to twice as fast\n';
  return `${facts}\n${longest}\n${sweep}${note}`;
}
