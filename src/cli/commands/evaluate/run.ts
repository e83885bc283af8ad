import { basename, resolve } from 'node:path';
import { cacheFolder } from '../../../base/cache-folder.js';
import { FrameloomError, messageOf } from '../../../base/error.js';
import { writeFileAtomic } from '../../../base/outputs.js';
import { openDataset, type DataOptions, type Dataset } from '../../../clips/index.js';
import { openRunModel, type RunModel } from '../../../pipeline/run-model.js';
import { commonRollouts } from '../../../synthesis/evaluate/common-rollouts.js';
import { openNetworks, type Networks } from '../../../synthesis/evaluate/networks/networks.js';
import { openRolloutVideo, type RolloutVideo } from '../../../synthesis/evaluate/rollout-video.js';
import { SharedInverseDynamics } from '../../../synthesis/evaluate/obedience.js';
import { SharedSegmenter } from '../../../synthesis/evaluate/segmenter.js';
import type { Evaluation } from '../../../synthesis/index.js';
import { runPaths } from '../../../training/run/run-folder.js';
import { writeStrip } from '../../../training/run/strip.js';
import { chooseBackend } from '../../engine/backend-flag.js';
import { warnOfIdleTrust } from '../../engine/trusted-filters.js';
import { valuesOf } from '../../report/measures.js';
import { createOpeningProgress } from '../../report/opening-progress.js';
import type { Context } from '../../terminal/context.js';
import { checkOutputs, refuseIdleLength, type EvaluateFlags } from './asked.js';
import { truePath } from './comparable.js';
import { evaluateOne, type OneEvaluation } from './evaluate-one.js';
import { formatMeasures, ROW_NAMES } from './measures-table.js';
import { networkNotes } from './network-words.js';
import { reportOf } from './report.js';

/** Of another video nearly all is new to the model; a tenth has to be called training. */
const ALL_HELD_OUT = { fraction: 0.9, gapFrames: 0 };

/** What a pipeline says of its own clips, and of no other video. */
const OF_ITS_CLIPS = {
  keyframes: undefined,
  startSeconds: undefined,
  durationSeconds: undefined,
} as const;

/**
 * The files beside another video. A template finds them; of those that are listed for the clips it has those of the clip
 * that it is.
 * @throws FrameloomError bad-option where it is none of them
 */
function filesBeside(
  path: string | readonly string[],
  key: string,
  { clips }: DataOptions,
  video: string,
): string[] {
  const listed = typeof path === 'string' ? [path] : path;
  const at = clips.findIndex((clip) => truePath(clip) === truePath(video));
  const own = listed.length === clips.length ? listed[at] : undefined;
  if (own !== undefined) return [own];
  throw new FrameloomError(
    'bad-option',
    `${key} names the files of the run’s clips, and none of ${video}`,
    {
      path: video,
      hint: `a run whose ${key} is a template such as {folder}/{name} finds those of any video`,
    },
  );
}

/**
 * The data of a run with another video in the place of its clips, all of it, nearly all held out: which part of the
 * clips was trained on says nothing of it. Frames of a video were not painted over: it has no keyframes.
 * @throws FrameloomError bad-option where nothing says what its condition or its actions are
 */
export function dataOfVideo(
  data: DataOptions,
  video: string,
  { log }: Pick<Context, 'log'>,
): DataOptions {
  const own: DataOptions = { ...data, ...OF_ITS_CLIPS };
  if (data.keyframes) {
    log.warn(
      `the frames of ${video} are scored as they are, not as they would be painted: what compares pictures says how far the look is from them`,
    );
  }
  const { condition, actions } = data;
  // A folder or a glob of conditions is paired by name.
  if (condition.kind === 'paired' && Array.isArray(condition.path)) {
    const path = filesBeside(condition.path, 'data.condition.path', data, video);
    own.condition = { ...condition, path };
  }
  if (actions && !(typeof actions.path === 'string' && actions.path.includes('{'))) {
    own.actions = { ...actions, path: filesBeside(actions.path, 'data.actions.path', data, video) };
  }
  return { ...own, clips: [resolve(video)], heldOut: ALL_HELD_OUT };
}

/** Opens data as a run's generator sees them. */
export function openData(
  model: RunModel,
  data: DataOptions,
  { trustFilters = false }: EvaluateFlags,
  context: Context,
): Promise<Dataset> {
  const opening = createOpeningProgress(context);
  return openDataset(data, {
    seed: model.seed,
    baseFolder: process.cwd(),
    historyFrames: model.generator.options.historyFrames,
    conditionFrames: model.generator.options.conditionFrames,
    log: context.log,
    cacheFolder: cacheFolder(),
    signal: context.signal,
    trustFilters,
    onProgress: (progress) => opening.update(progress),
  }).finally(() => opening.stop());
}

export interface Evaluated extends OneEvaluation {
  readonly step: number;
  readonly stripPath: string | null;
  /** What was looked through, null where nothing was. */
  readonly networks: Networks['used'] | null;
}

/** Evaluates a run with baselines and writes the strip. */
export async function evaluateRun(
  folder: string,
  flags: EvaluateFlags,
  context: Context,
): Promise<Evaluated> {
  const { strip, video, report, overwrite, input } = flags;
  const { log, signal } = context;
  await checkOutputs([folder], flags, log);
  await chooseBackend(flags, context, { native: true });
  const model = await openRunModel(folder, { log, snapshot: flags.snapshot ?? 'latest' });
  warnOfIdleTrust(flags, model.data.condition, log);
  refuseIdleLength(flags, [model.generator]);
  const networks = await openNetworks(flags, model.data.size);
  const segmenter = new SharedSegmenter();
  const dynamics = new SharedInverseDynamics();
  let training: Dataset | undefined;
  let dataset: Dataset | undefined;
  let film: RolloutVideo | undefined;
  try {
    const other = input === undefined ? null : dataOfVideo(model.data, input, context);
    training = dataset = await openData(model, model.data, flags, context);
    if (other) dataset = await openData(model, other, flags, context);
    const { historyFrames } = model.generator.options;
    const common = commonRollouts(dataset, {
      mostHistory: historyFrames,
      mostFrames: flags.maxFrames,
    });
    if (video !== undefined) film = openRolloutVideo(video, dataset, { overwrite, log, signal });
    const evaluation = await evaluateOne(
      model,
      {
        dataset,
        rollouts: common.rollouts,
        training,
        baselines: true,
        ...{
          segmenter,
          dynamics,
          networks,
          longFrames: flags.longFrames,
          trustFilters: flags.trustFilters,
        },
        onScored: film && ((frame) => film!.add(frame)),
      },
      context,
    );
    await film?.finish();
    if (report !== undefined) {
      const name = basename(resolve(folder));
      const run = { name, folder, model, evaluation };
      const page = await reportOf([run], {
        ...{ ...common, dataset, log },
        notes: networkNotes(networks?.used),
      });
      await writeFileAtomic(report, page, { overwrite: overwrite ?? false, log });
    }
    const used = networks?.used ?? null;
    const evaluated = { ...evaluation, step: model.step, networks: used };
    const stripPath = strip ?? `${runPaths(folder).folder}/evaluation.png`;
    // What was asked for is made or is an error; the run's own picture is worth a warning.
    try {
      await writeStrip(stripPath, evaluation.strip);
    } catch (error) {
      if (strip !== undefined) throw error;
      log.warn(`${stripPath} could not be written: ${messageOf(error)}`);
      return { ...evaluated, stripPath: null };
    }
    return { ...evaluated, stripPath };
  } finally {
    segmenter.dispose();
    dynamics.dispose();
    await networks?.release();
    await film?.close();
    if (dataset !== training) await dataset?.close();
    await training?.close();
  }
}

/** The measures as a table for people. */
export function formatEvaluation(evaluation: Pick<Evaluation, 'rows'>): string {
  const rows = Object.entries(evaluation.rows).map(([name, measures]) => ({
    name: ROW_NAMES[name] ?? name,
    values: valuesOf(measures),
  }));
  return formatMeasures(rows);
}
