import type { Dataset } from '../../clips/index.js';
import { FrameloomError } from '../../base/error.js';
import {
  createRolloutComparison,
  type Faithfulness,
  type FlowEstimator,
  type Image,
  type JudgedFrameScores,
  type Obedience,
} from '../../metrics/index.js';
import { assertGoingOn, unlessAborted } from './abortable.js';
import { openBaselines, trainingStretches } from './baselines.js';
import { chooseRollouts, type Rollout } from './choose-rollouts.js';
import type { FaithfulnessJudge } from './faithfulness-judge.js';
import { actionsOf, conditionOf, frameOf, framesOf, startOf } from './held-out-frames.js';
import {
  combineMeasures,
  withDistances,
  withNetworks,
  type MeasuredRollout,
  type RowMeasures,
} from './combine-measures.js';
import type { NetworksFound, NetworksJudge } from './networks/networks.js';
import type { ObedienceJudge } from './obedience.js';
import { conditionPicture, type Picture } from './pictures.js';
import type { ScoredFrame } from './rollout-video.js';
import {
  imageOf,
  makersBeside,
  type BesideRollout,
  type EvaluationRow,
  type RowMaker,
} from './row-makers.js';
import type { Synthesizer } from '../engines/synthesizer.js';
import { createTensorFlowSynthesizer } from '../engines/tensorflow.js';
import type { TrainedGenerator } from '../models/model.js';
import { withClipLook } from '../models/looks.js';

export type { EvaluationRow } from './row-makers.js';

export interface EvaluationOptions {
  /** Frames scored of each segment at the most; all unless given. */
  readonly framesPerSegment?: number;
  /**
   * Frames scored of all segments together at the most: rollouts are shortened, and then segments spread
   * over all clips are taken. All unless given.
   */
  readonly mostFrames?: number;
  /** Just these instead, whatever the bounds. */
  readonly rollouts?: readonly Rollout[];
  /** The baselines and the cold start beside the rollout. Off unless given. */
  readonly baselines?: boolean;
  /** The cold start by itself; as `baselines` unless given. */
  readonly coldStart?: boolean;
  /** Where the baselines take their training frames from; the dataset itself unless given. */
  readonly training?: Dataset;
  /** Training frames that the baselines take at the most, spread over all clips; all unless given. */
  readonly mostTrainingFrames?: number;
  /** For warping error and tOF, from `openFlow`. */
  readonly flow?: FlowEstimator;
  /** Told of the generator's frames; whoever opened it closes it. */
  readonly faithfulness?: FaithfulnessJudge | null;
  /** Told of the generator's frames, from `openObedience`; whoever opened it closes it. */
  readonly obedience?: ObedienceJudge | null;
  /** Told of the frames of all rows, from `judge` of what `openNetworks` gave. */
  readonly networks?: NetworksJudge | null;
  /** Moments of the first segment that the strip shows; none unless given. */
  readonly stripMoments?: number;
  readonly signal?: AbortSignal;
  /** Shown each scored frame; the next one is made when it has resolved. */
  readonly onScored?: (frame: ScoredFrame) => Promise<void>;
  /** Told of each frame: those that the baselines read, then those that are scored. */
  readonly onFrame?: (done: number, total: number) => void;
}

/** The rollout's measures, and those of the rows that were asked for beside it. */
export type EvaluationRows = Partial<Record<EvaluationRow, RowMeasures>> & {
  generated: RowMeasures;
};

export interface Evaluation {
  readonly rows: EvaluationRows;
  /** The scores of each rollout's frames, row by row: what curves and paired comparisons are made of. */
  readonly frameScores: Partial<Record<EvaluationRow, readonly (readonly JudgedFrameScores[])[]>>;
  /** How well the frames show their condition; null where that was not asked for, and where nothing can tell. */
  readonly faithfulness: Faithfulness | null;
  /** How well the frames do what they were told; null where that was not asked for, and of data without actions. */
  readonly obedience: Obedience | null;
  readonly segments: number;
  readonly frames: number;
  /** Frames that could be scored, where a bound let only some of them be. */
  readonly framesThere: number;
  /** condition | generated | real, one row a moment. */
  readonly strip: Picture[][];
}

/**
 * Rolls a generator out over the held-out segments in closed loop, its own frames fed back, and
 * measures it against the real frames. Each segment starts from its first `historyFrames` real
 * frames, which are not scored, and from the conditions before those that the generator sees; a generator that is told a
 * look is told that of the clip's own frames to train on. Training's randomness is not touched.
 *
 * @throws FrameloomError bad-data when nothing is held out; cancelled
 */
export async function evaluateHeldOut(
  dataset: Dataset,
  trained: TrainedGenerator,
  options: EvaluationOptions = {},
): Promise<Evaluation> {
  const segments = dataset.heldOut();
  if (segments.length === 0) {
    throw new FrameloomError('bad-data', 'no frames are held out to evaluate on', {
      hint: 'set data.heldOut.fraction, or give another video with -i',
    });
  }
  const { width, height, layout } = dataset;
  const make = (styled: TrainedGenerator): Synthesizer =>
    createTensorFlowSynthesizer({ ...styled, width, height, layout });
  const { signal, onFrame, mostTrainingFrames = Infinity, stripMoments = 0 } = options;
  assertGoingOn(signal);
  const rollouts = options.rollouts ?? chooseRollouts(segments, options);
  const scored = framesIn(rollouts);
  const source = options.training ?? dataset;
  const stretches = options.baselines
    ? trainingStretches(source.report.clips, mostTrainingFrames)
    : [];
  const total = scored + stretches.reduce((sum, { count }) => sum + count, 0);
  let done = 0;
  const told = (): void => onFrame?.((done += 1), total);
  const baselines = options.baselines
    ? await openBaselines(source, stretches, { signal, onFrame: told })
    : null;
  const results: MeasuredRows[] = [];
  const strip: Picture[][] = [];
  for (const [i, rollout] of rollouts.entries()) {
    const moments = momentsOf(rollout.frames, i === 0 ? stripMoments : 0);
    const styled = await withClipLook(dataset, trained, rollout.segment);
    const warm = make(styled);
    const cold = (options.coldStart ?? options.baselines) ? make(styled) : null;
    try {
      const beside = cold && { baselines, cold, source };
      const measured = await measureRollout(
        dataset,
        rollout,
        { warm, beside, seed: trained.seed },
        options,
        (t, one) => {
          if (moments.has(t)) strip.push(stripRow(one, dataset));
          told();
        },
      );
      results.push(measured);
    } finally {
      warm.dispose();
      cold?.dispose();
    }
  }
  const found = await options.networks?.result();
  return {
    rows: combinedRows(results, trained.seed, found),
    frameScores: scoresByRow(results, found),
    faithfulness: (await options.faithfulness?.result()) ?? found?.faithfulness ?? null,
    obedience: (await options.obedience?.result()) ?? null,
    segments: rollouts.length,
    frames: scored,
    framesThere: segments.reduce((sum, { scoredFrames }) => sum + scoredFrames, 0),
    strip,
  };
}

type MeasuredRows = Partial<Record<EvaluationRow, MeasuredRollout>>;

/**
 * One rollout from the real frames in front of it, and the rows beside it.
 * @param onScored told of each frame, by its number from the first one made
 */
async function measureRollout(
  dataset: Dataset,
  { segment, frames }: Rollout,
  {
    warm,
    beside,
    seed,
  }: { readonly warm: Synthesizer; readonly beside: BesideRollout | null; readonly seed: number },
  options: EvaluationOptions,
  onScored: (t: number, frame: ScoredFrame) => void,
): Promise<MeasuredRows> {
  const { signal, flow } = options;
  const { startFrame, count } = startOf(dataset, segment);
  // A generator without memory starts from nothing.
  const start =
    count === 0
      ? null
      : await unlessAborted(dataset.readFrames(segment.clip, startFrame, count), signal);
  const starts = Array.from({ length: count }, (_, i) => i);
  const conditions = starts.map((i) => conditionOf(start!, i));
  warm.start(
    starts.map((i) => frameOf(start!, i)),
    conditions.every((condition) => condition !== null) ? conditions : null,
    start?.actions ? starts.map((i) => actionsOf(start, i)!) : null,
  );
  beside?.cold.reset();
  const makers = beside
    ? makersBeside(beside, dataset, start && frameOf(start, count - 1))
    : new Map<EvaluationRow, RowMaker>();
  const rows: EvaluationRow[] = ['generated', ...makers.keys()];
  const comparison = createRolloutComparison(rows, { seed, ...(flow && { flow }) });
  const part = { start: startFrame + count, count: frames };
  await options.faithfulness?.begin();
  await options.obedience?.begin();
  options.networks?.begin();
  let t = 0;
  for await (const { frame, condition, actions } of framesOf(dataset, segment.clip, part, signal)) {
    assertGoingOn(signal);
    const generated = await warm.next(condition, { actions });
    const made: Partial<Record<EvaluationRow, Image>> = { generated: imageOf(generated, dataset) };
    for (const [row, maker] of makers) made[row] = await maker(condition, actions);
    const real = imageOf(frame, dataset);
    comparison.add(made as Record<EvaluationRow, Image>, real);
    const scored = { condition, generated, real: frame };
    await options.onScored?.(scored);
    await options.faithfulness?.add(scored);
    if (actions) await options.obedience?.add({ actions, generated, real: frame });
    await options.networks?.add({ made, real, condition });
    onScored(t, scored);
    t += 1;
    // A generator on the CPU computes in step: signals and timers have their turn here.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const measures = comparison.result();
  const scores = comparison.frames();
  return Object.fromEntries(
    rows.map((row) => [row, { measures: measures[row], frames: scores[row] }]),
  );
}

const ROWS = ['generated', 'coldStart', 'freeze', 'mean', 'nearest'] as const;

/** What all rollouts have of each row that there is. */
const byRow = (results: readonly MeasuredRows[]): [EvaluationRow, MeasuredRollout[]][] =>
  ROWS.map((name): [EvaluationRow, MeasuredRollout[]] => [
    name,
    results.map((result) => result[name]).filter((part) => part !== undefined),
  ]).filter(([, parts]) => parts.length > 0);

/** The measures of all rollouts together, row by row. */
const combinedRows = (
  results: readonly MeasuredRows[],
  seed: number,
  found: NetworksFound | undefined,
): EvaluationRows =>
  Object.fromEntries(
    byRow(results).map(([name, parts]) => [
      name,
      withNetworks(combineMeasures(parts, seed), found?.rows.get(name)),
    ]),
  ) as EvaluationRows;

const scoresByRow = (
  results: readonly MeasuredRows[],
  found: NetworksFound | undefined,
): Evaluation['frameScores'] =>
  Object.fromEntries(
    byRow(results).map(([name, parts]) => {
      const scores = parts.map(({ frames }) => frames);
      return [name, withDistances(scores, found?.rows.get(name)?.lpips)];
    }),
  );

/** Copies of a moment: condition, where there is one | generated | real. */
function stripRow({ condition, generated, real }: ScoredFrame, dataset: Dataset): Picture[] {
  const { width, height, layout } = dataset;
  const pictures: Picture[] = [generated, real].map((data) => ({
    ...{ width, height },
    data: data.slice(),
  }));
  if (condition) pictures.unshift(conditionPicture(condition.slice(), layout, dataset));
  return pictures;
}

const framesIn = (rollouts: readonly Rollout[]): number =>
  rollouts.reduce((sum, { frames }) => sum + frames, 0);

/** `moments` times spread evenly over `count` frames, the last one included. */
export function momentsOf(count: number, moments: number): Set<number> {
  const wanted = Math.min(moments, count);
  return new Set(
    Array.from({ length: wanted }, (_, i) => Math.round(((i + 1) * count) / wanted) - 1),
  );
}

/** Frames that a strip of samples is made of, at the most. */
export const SAMPLE_FRAMES = 16;
const SAMPLE_MOMENTS = 4;

/** A few moments of a short rollout, condition | generated | real; none when nothing is held out. */
export async function sampleRows(
  dataset: Dataset,
  trained: TrainedGenerator,
  signal?: AbortSignal,
): Promise<Picture[][]> {
  const [segment] = dataset.heldOut();
  if (!segment) return [];
  const frames = Math.min(SAMPLE_FRAMES, segment.scoredFrames);
  const { strip } = await evaluateHeldOut(dataset, trained, {
    rollouts: [{ segment, frames }],
    stripMoments: SAMPLE_MOMENTS,
    ...(signal && { signal }),
  });
  return strip;
}
