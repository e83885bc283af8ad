import { FrameloomError } from '../../../base/error.js';
import { writeFileAtomic } from '../../../base/outputs.js';
import { conditionToRgb } from '../../../clips/class-colours.js';
import type { DataOptions, Dataset } from '../../../clips/index.js';
import { openRunModel, type RunModel } from '../../../pipeline/run-model.js';
import {
  commonRollouts,
  scoredFramesOf,
  type CommonRollouts,
} from '../../../synthesis/evaluate/common-rollouts.js';
import {
  openComparisonVideo,
  type ComparisonVideo,
} from '../../../synthesis/evaluate/comparison-video.js';
import type { ScoredFrame } from '../../../synthesis/evaluate/rollout-video.js';
import { openNetworks, type Networks } from '../../../synthesis/evaluate/networks/networks.js';
import { SharedInverseDynamics } from '../../../synthesis/evaluate/obedience.js';
import { SharedSegmenter } from '../../../synthesis/evaluate/segmenter.js';
import { writeStrip } from '../../../training/run/strip.js';
import { chooseBackend } from '../../engine/backend-flag.js';
import { warnOfIdleTrust } from '../../engine/trusted-filters.js';
import type { Context } from '../../terminal/context.js';
import { checkOutputs, refuseIdleLength, type EvaluateFlags } from './asked.js';
import {
  actionsKey,
  assertComparable,
  byCondition,
  commonData,
  runNames,
  type ComparedRun,
} from './comparable.js';
import { evaluateOne } from './evaluate-one.js';
import { networkNotes } from './network-words.js';
import { picturesOf, reportOf, type EvaluatedRun, type ReportFrames } from './report.js';
import { dataOfVideo, openData } from './run.js';

interface OpenRun extends ComparedRun {
  readonly folder: string;
  readonly model: RunModel;
}

/** Several runs, measured on the same frames. */
export interface Comparison {
  readonly runs: readonly EvaluatedRun[];
  /** Lines that have to be known where the numbers are compared. */
  readonly notes: readonly string[];
  readonly segments: number;
  readonly frames: number;
  readonly framesThere: number;
  /** What stands in the video, from the left and from above. */
  readonly columns: readonly string[];
  /** What was looked through, null where nothing was. */
  readonly networks: Networks['used'] | null;
}

/**
 * One data set at a time, kept while the runs that follow want the very same: decoded frames are what takes memory.
 */
class OneDataset {
  #held: { key: string; dataset: Dataset } | undefined;

  constructor(
    private readonly flags: EvaluateFlags,
    private readonly context: Context,
  ) {}

  async of({ model }: OpenRun, data: DataOptions): Promise<Dataset> {
    const { historyFrames, conditionFrames } = model.generator.options;
    const key = JSON.stringify([data, historyFrames, conditionFrames]);
    if (this.#held?.key === key) return this.#held.dataset;
    await this.close();
    const dataset = await openData(model, data, this.flags, this.context);
    this.#held = { key, dataset };
    return dataset;
  }

  async close(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    await held?.dataset.close();
  }
}

async function openRuns(
  folders: readonly string[],
  { snapshot = 'latest' }: EvaluateFlags,
  { log }: Context,
): Promise<OpenRun[]> {
  const names = runNames(folders);
  const runs: OpenRun[] = [];
  for (const [i, folder] of folders.entries()) {
    const model = await openRunModel(folder, { log, snapshot });
    const { historyFrames } = model.generator.options;
    runs.push({ name: names[i]!, folder, model, data: model.data, historyFrames });
  }
  return runs;
}

/** The places of a comparison's video: conditions, runs, and the real frames. */
function placesOf(runs: readonly OpenRun[]) {
  const groups = byCondition(runs).filter(([first]) => first!.data.condition.kind !== 'none');
  const whose = (group: readonly OpenRun[]): string =>
    groups.length === 1 && group.length === runs.length
      ? 'condition'
      : `condition of ${group.map(({ name }) => name).join(', ')}`;
  return {
    columns: [...groups.map(whose), ...runs.map(({ name }) => name), 'real'],
    /** The place of the condition that this run is the first to be driven by. */
    conditionPlace: (run: OpenRun): number | undefined => {
      const at = groups.findIndex(([first]) => first === run);
      return at < 0 ? undefined : at;
    },
    runPlace: (run: OpenRun): number => groups.length + runs.indexOf(run),
  };
}

/** What a run adds to the video, frame after frame. */
async function scoredInto(
  video: ComparisonVideo,
  run: OpenRun,
  runs: readonly OpenRun[],
): Promise<(frame: ScoredFrame) => Promise<void>> {
  const { columns, conditionPlace, runPlace } = placesOf(runs);
  const place = conditionPlace(run);
  const condition = place === undefined ? undefined : await video.column(place);
  const generated = await video.column(runPlace(run));
  const real = run === runs[0] ? await video.column(columns.length - 1) : undefined;
  return async (frame) => {
    if (condition && frame.condition) {
      await condition.add(conditionToRgb(frame.condition, run.model.layout));
    }
    await generated.add(frame.generated);
    await real?.add(frame.real);
  };
}

/** @throws FrameloomError bad-data where every scene that is held out is too short for one of the runs */
function assertSomething(
  { rollouts }: CommonRollouts,
  dataset: Dataset,
  mostHistory: number,
): void {
  // Where nothing at all is held out that is told by whoever evaluates.
  if (rollouts.length > 0 || dataset.heldOut().length === 0) return;
  throw new FrameloomError(
    'bad-data',
    `no held-out scene is longer than the ${mostHistory} real frames that one of these runs starts from`,
    { hint: 'give a longer video with -i' },
  );
}

/** @throws FrameloomError bad-data where a run would be scored on other frames than the first */
function assertSame(
  expected: readonly string[],
  frames: readonly string[],
  runs: readonly string[],
): void {
  if (frames.length === expected.length && frames.every((one, i) => one === expected[i])) return;
  throw new FrameloomError(
    'bad-data',
    `${runs.join(' and ')} would be scored on different frames of their clips`,
    { hint: '-i VIDEO compares runs of one size on one video' },
  );
}

/** Opens what baselines and judges learn from, where that is not what the run is measured on. */
async function withTraining<T>(
  opened: Dataset | (() => Promise<Dataset>),
  work: (training: Dataset) => Promise<T>,
): Promise<T> {
  if (typeof opened !== 'function') return work(opened);
  const training = await opened();
  try {
    return await work(training);
  } finally {
    await training.close();
  }
}

type Scored = Pick<ReportFrames, 'rollouts' | 'framesThere' | 'dataset'>;

/** Evaluates runs one after the other. @param videoOf of the first data set, which all frames are as large as */
async function evaluateInTurn(
  runs: readonly OpenRun[],
  networks: Networks | null,
  flags: EvaluateFlags,
  context: Context,
  videoOf: (dataset: Dataset) => Promise<ComparisonVideo | undefined>,
): Promise<{ evaluated: EvaluatedRun[]; scored: Scored }> {
  const { input, maxFrames: mostFrames } = flags;
  const [first] = runs as [OpenRun];
  const mostHistory = Math.max(...runs.map(({ historyFrames }) => historyFrames));
  const datasets = new OneDataset(flags, context);
  const segmenter = new SharedSegmenter();
  // One for all that are told the same.
  const dynamics = new Map<string, SharedInverseDynamics>();
  const conditions = byCondition(runs).map((group) => group[0]!);
  const measured = runs.map(({ data }) => ({
    data: input === undefined ? data : dataOfVideo(data, input, context),
  }));
  const evaluated: EvaluatedRun[] = [];
  let scored: (Scored & { frames: readonly string[] }) | undefined;
  try {
    for (const [i, run] of runs.entries()) {
      context.log.info(`${i + 1}/${runs.length} ${run.name}`);
      const { model, name, folder } = run;
      const dataset = await datasets.of(run, commonData(measured[0]!, measured[i]!));
      const common = commonRollouts(dataset, { mostHistory, mostFrames });
      assertSomething(common, dataset, mostHistory);
      const frames = scoredFramesOf(dataset, common.rollouts);
      scored ??= { ...common, dataset, frames };
      assertSame(scored.frames, frames, [first.name, name]);
      const video = await videoOf(dataset);
      const told = actionsKey(run);
      const { condition, actions } = run.data;
      const isByLabels = condition.kind === 'paired' && condition.content === 'labels';
      // What is learned for it serves those that follow.
      const learns =
        i === 0 ||
        (actions !== undefined && !dynamics.has(told)) ||
        (isByLabels && conditions.includes(run));
      const judge = dynamics.get(told) ?? new SharedInverseDynamics();
      dynamics.set(told, judge);
      const on = {
        ...{ dataset, rollouts: common.rollouts, segmenter, dynamics: judge, networks },
        baselines: i === 0,
        ...{ longFrames: flags.longFrames, trustFilters: flags.trustFilters },
        onScored: video && (await scoredInto(video, run, runs)),
      };
      const training =
        input === undefined || !learns ? dataset : () => openData(model, run.data, flags, context);
      const evaluation = await withTraining(training, (opened) =>
        evaluateOne(model, { ...on, training: opened }, context),
      );
      evaluated.push({ name, folder, model, evaluation });
    }
  } finally {
    segmenter.dispose();
    for (const one of dynamics.values()) one.dispose();
    await datasets.close();
  }
  return { evaluated, scored: scored! };
}

/**
 * Evaluates several runs on the same held-out frames, one after the other, and writes what was asked for. The
 * baselines are measured once, with the first.
 * @throws FrameloomError bad-option, bad-data where they cannot be compared; as evaluating and writing do
 */
export async function compareRuns(
  folders: readonly string[],
  flags: EvaluateFlags,
  context: Context,
): Promise<Comparison> {
  const { strip, video, report, overwrite = false, input } = flags;
  const { log, signal } = context;
  await checkOutputs(folders, flags, log);
  await chooseBackend(flags, context, { native: true });
  const runs = await openRuns(folders, flags, context);
  const notes = assertComparable(runs, input);
  refuseIdleLength(
    flags,
    runs.map(({ model }) => model.generator),
  );
  const filtered = runs.find(({ data }) => 'filtergraph' in data.condition) ?? runs[0]!;
  warnOfIdleTrust(flags, filtered.data.condition, log);
  const networks = await openNetworks(flags, runs[0]!.data.size);
  notes.push(...networkNotes(networks?.used));
  let film: ComparisonVideo | undefined;
  const videoOf = async (dataset: Dataset): Promise<ComparisonVideo | undefined> => {
    if (video !== undefined) {
      film ??= await openComparisonVideo(video, dataset, { overwrite, log, signal });
    }
    return film;
  };
  try {
    const { evaluated, scored } = await evaluateInTurn(runs, networks, flags, context, videoOf);
    await film?.finish();
    if (strip !== undefined) {
      const rows = picturesOf(evaluated).map((moment) => moment.map(({ picture }) => picture));
      await writeStrip(strip, rows);
    }
    if (report !== undefined) {
      const page = await reportOf(evaluated, { ...scored, notes, log });
      await writeFileAtomic(report, page, { overwrite, log });
    }
    const { segments, frames } = evaluated[0]!.evaluation;
    const { framesThere } = scored;
    const { columns } = placesOf(runs);
    const used = networks?.used ?? null;
    return { runs: evaluated, notes, segments, frames, framesThere, columns, networks: used };
  } finally {
    await networks?.release();
    await film?.close();
  }
}
