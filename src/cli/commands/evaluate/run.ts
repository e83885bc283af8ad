import { resolve } from 'node:path';
import { warnOfIdleTrust } from '../../engine/trust-flag.js';
import { cacheFolder } from '../../../base/cache-folder.js';
import { FrameloomError, messageOf } from '../../../base/error.js';
import { openDataset, type DataOptions } from '../../../clips/index.js';
import { openFlow } from '../../../metrics/index.js';
import { openRunModel, type RunModel } from '../../../pipeline/run-model.js';
import {
  openRolloutVideo,
  type RolloutVideo,
  type ScoredFrame,
} from '../../../synthesis/evaluate/rollout-video.js';
import { measureBehaviour, type Behaviour } from '../../../synthesis/evaluate/behaviour.js';
import { evaluateHeldOut, type Evaluation } from '../../../synthesis/index.js';
import { writeStrip } from '../../../training/run/strip.js';
import { runPaths } from '../../../training/run/run-folder.js';
import { chooseBackend, type BackendFlags } from '../../engine/backend-flag.js';
import type { Context } from '../../terminal/context.js';
import { checkFileOutput, checkVideoOutput, modelFiles } from '../../output/check.js';
import { createProgress } from '../../terminal/progress.js';
import { createOpeningProgress } from '../../report/opening-progress.js';
import { valuesOf } from '../../report/measures.js';
import { formatMeasures, ROW_NAMES } from './measures-table.js';

export interface EvaluateFlags extends BackendFlags {
  input?: string;
  snapshot?: 'latest' | 'best' | number;
  /** Frames scored of all clips together at the most; all unless given. */
  maxFrames?: number;
  strip?: string;
  /** Where a video of all scored frames goes. */
  video?: string;
  overwrite?: boolean;
  trustFilters?: boolean;
  json?: boolean;
}

/** Of another video nearly all is new to the model; a tenth has to be called training. */
const ALL_HELD_OUT = { fraction: 0.9, gapFrames: 0 };

const STRIP_MOMENTS = 6;

/** Training frames that the baselines are made of: more change neither mean nor lookup much. */
const MOST_TRAINING_FRAMES = 5000;

function open(
  model: RunModel,
  data: DataOptions,
  { trustFilters = false }: EvaluateFlags,
  context: Context,
) {
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

export interface Evaluated extends Evaluation {
  readonly step: number;
  readonly behaviour: Behaviour | null;
  readonly stripPath: string | null;
}

/** Evaluates a run with baselines and writes the strip. */
export async function evaluateRun(
  folder: string,
  flags: EvaluateFlags,
  context: Context,
): Promise<Evaluated> {
  const { strip, video, overwrite, input } = flags;
  const { log, signal } = context;
  if (strip !== undefined || video !== undefined) {
    const reads = [...(input === undefined ? [] : [input]), ...(await modelFiles(folder))];
    if (strip !== undefined) await checkFileOutput(strip, { overwrite, reads });
    if (video === '-') {
      throw new FrameloomError('bad-option', '--video names a file: standard output has the table');
    }
    if (video !== undefined) await checkVideoOutput(video, { overwrite, reads, log });
  }
  await chooseBackend(flags, context, { native: true });
  const model = await openRunModel(folder, {
    log: context.log,
    snapshot: flags.snapshot ?? 'latest',
  });
  warnOfIdleTrust(flags, model.data.condition, context.log);
  const training = await open(model, model.data, flags, context);
  const progress = createProgress(context);
  let dataset = training;
  let film: RolloutVideo | undefined;
  try {
    if (flags.input !== undefined) {
      const clips = [resolve(flags.input)];
      dataset = await open(model, { ...model.data, clips, heldOut: ALL_HELD_OUT }, flags, context);
    }
    film =
      video === undefined
        ? undefined
        : openRolloutVideo(video, dataset, { overwrite, log, signal });
    const onScored = film && ((frame: ScoredFrame) => film!.add(frame));
    const flow = await openFlow();
    const evaluation = await evaluateHeldOut(dataset, model, {
      baselines: true,
      training,
      flow,
      stripMoments: STRIP_MOMENTS,
      mostTrainingFrames: MOST_TRAINING_FRAMES,
      ...(flags.maxFrames !== undefined && { mostFrames: flags.maxFrames }),
      ...(onScored && { onScored }),
      signal,
      onFrame: (done, total) => progress.update({ done, total, unit: 'frames' }),
    });
    await film?.finish();
    let made = 0;
    const behaviour = await measureBehaviour(dataset, model, {
      signal,
      onFrame: () => progress.update({ done: (made += 1), unit: 'frames of a long rollout' }),
    });
    progress.stop();
    const evaluated = { ...evaluation, behaviour, step: model.step };
    const stripPath = flags.strip ?? `${runPaths(folder).folder}/evaluation.png`;
    // What was asked for is made or is an error; the run's own picture is worth a warning.
    try {
      await writeStrip(stripPath, evaluation.strip);
    } catch (error) {
      if (strip !== undefined) throw error;
      context.log.warn(`${stripPath} could not be written: ${messageOf(error)}`);
      return { ...evaluated, stripPath: null };
    }
    return { ...evaluated, stripPath };
  } finally {
    progress.stop();
    await film?.close();
    if (dataset !== training) await dataset.close();
    await training.close();
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

const signed = (value: number, digits: number): string =>
  `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;

/** How it behaves, a line for each thing that is known. */
export function formatBehaviour({ conditionUse, diversity, drift }: Behaviour): string {
  const lines: string[] = [];
  if (conditionUse !== null) {
    lines.push(`condition use ${conditionUse.toFixed(2)} (1 as real frames differ, 0 ignored)`);
  }
  if (diversity !== null) {
    lines.push(
      `diversity ${diversity.toFixed(2)} (1 as real frames differ, 0 the noise is ignored)`,
    );
  }
  const { frames, sharpness, checker, colour } = drift;
  const slopes = [
    ...(sharpness === null ? [] : [`sharpness ${signed(sharpness, 2)}`]),
    ...(checker === null ? [] : [`checker ${signed(checker, 2)}`]),
    `colour ${signed(colour, 3)}`,
  ];
  lines.push(`each 100 frames of a rollout of ${frames}: ${slopes.join(', ')}`);
  return `${lines.join('\n')}\n`;
}
