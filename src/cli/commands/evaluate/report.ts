import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Logger } from '../../../base/log.js';
import { packageRoot } from '../../../base/own-package.js';
import type { Dataset } from '../../../clips/index.js';
import type { JudgedFrameScores } from '../../../metrics/index.js';
import { pipelineToYaml } from '../../../pipeline/load.js';
import type { RunModel } from '../../../pipeline/run-model.js';
import type { Rollout } from '../../../synthesis/evaluate/choose-rollouts.js';
import { momentsOf, type EvaluationRow } from '../../../synthesis/evaluate/held-out.js';
import { runPaths } from '../../../training/run/run-folder.js';
import { readStepLog, type StepLine } from '../../../training/run/step-log.js';
import { isFrameloomError } from '../../../base/error.js';
import {
  renderReport,
  type FrameCurve,
  type ReportRun,
} from '../../report/html/evaluation-report.js';
import { differencesOf, sayDifference, type Difference } from '../../report/differences.js';
import type { Moment } from '../../report/html/frames-section.js';
import { valuesOf, type RowValues } from '../../report/measures.js';
import { describeRun } from '../../report/run-facts.js';
import { formatCount, formatSi } from '../../report/table.js';
import { byCondition } from './comparable.js';
import { STRIP_MOMENTS, type OneEvaluation } from './evaluate-one.js';
import { ROW_NAMES } from './measures-table.js';

/** A run with what was measured of it. */
export interface EvaluatedRun {
  readonly name: string;
  readonly folder: string;
  readonly model: RunModel;
  readonly evaluation: OneEvaluation;
}

/** All numbers of a run's own rollout. */
export const valuesOfRun = ({
  evaluation: { rows, behaviour, faithfulness, obedience },
}: Pick<EvaluatedRun, 'evaluation'>): RowValues =>
  valuesOf({ ...rows.generated, behaviour, faithfulness, obedience });

export const BASELINES = ['freeze', 'mean', 'nearest'] as const satisfies readonly EvaluationRow[];

/** The pictures of each moment: conditions as far as they differ, what each run made, and the real frame. */
export function picturesOf(runs: readonly EvaluatedRun[]): Moment['pictures'][] {
  const groups = byCondition(
    runs.map((run) => ({
      ...run,
      data: run.model.data,
      historyFrames: run.model.generator.options.historyFrames,
    })),
  );
  const [first] = runs;
  return (first?.evaluation.strip ?? []).map((row, moment) => [
    ...groups.flatMap((group) => {
      const shown = group[0]!.evaluation.strip[moment]!;
      // condition | generated | real, or without a condition.
      if (shown.length < 3) return [];
      const whose = groups.length === 1 ? '' : ` of ${group.map(({ name }) => name).join(', ')}`;
      return [{ name: `condition${whose}`, picture: shown[0]! }];
    }),
    ...runs.map(({ name, evaluation }) => ({ name, picture: evaluation.strip[moment]!.at(-2)! })),
    { name: 'real', picture: row.at(-1)! },
  ]);
}

/** Which frames the pictures are of. */
function momentTitles(
  { report }: Pick<Dataset, 'report'>,
  [rollout]: readonly Rollout[],
): string[] {
  if (!rollout) return [];
  const { segment, frames } = rollout;
  const first = segment.startFrame + segment.frameCount - segment.scoredFrames;
  const clip = basename(report.clips[segment.clip]!.path);
  return [...momentsOf(frames, STRIP_MOMENTS)].map(
    (t) =>
      `${t === 0 ? '1 frame' : `${t + 1} frames`} after the last real one: frame ${first + t} of ${clip}`,
  );
}

const ratio = (made: number, real: number): number | null => (real > 0 ? made / real : null);

/** What is drawn over the frames of a rollout. */
const CURVES: readonly (readonly [string, (frame: JudgedFrameScores) => number | null])[] = [
  ['PSNR dB', ({ psnr }) => psnr],
  ['SSIM', ({ ssim }) => ssim],
  ['sharpness', ({ sharpness, realSharpness }) => ratio(sharpness, realSharpness)],
  ['LPIPS', ({ lpips }) => lpips ?? null],
];

/** Means over rollouts of what their n-th frames scored. */
export function frameCurves(
  rollouts: readonly (readonly JudgedFrameScores[])[] = [],
): FrameCurve[] {
  const frames = Math.max(0, ...rollouts.map(({ length }) => length));
  if (frames < 2) return [];
  const measured = CURVES.filter(([, of]) => rollouts.flat().some((frame) => of(frame) !== null));
  return measured.map(([title, of]) => ({
    title,
    values: Array.from({ length: frames }, (_, t) => {
      const scored = rollouts.flatMap((rollout) => {
        const frame = rollout[t];
        const value = frame && of(frame);
        return value === undefined || value === null ? [] : [value];
      });
      return scored.length === 0
        ? null
        : scored.reduce((sum, value) => sum + value, 0) / scored.length;
    }),
  }));
}

/** How much better the best run is than the others, frame by frame. */
export const runDifferences = (runs: readonly EvaluatedRun[]): Difference[] =>
  differencesOf(
    runs.map(({ name, evaluation }) => ({
      name,
      rollouts: evaluation.frameScores.generated ?? [],
    })),
  );

/** A run's log, where it has one: a report is worth having without. */
async function logOf(folder: string, log: Logger): Promise<StepLine[]> {
  try {
    return await readStepLog(runPaths(folder).log);
  } catch (error) {
    if (!isFrameloomError(error)) throw error;
    log.warn(`the report has no training curves of ${folder}: ${error.toLine()}`);
    return [];
  }
}

async function runOf(
  { name, folder, model, evaluation }: EvaluatedRun,
  log: Logger,
): Promise<ReportRun> {
  const { facts } = await describeRun(folder);
  const { rows, frameScores } = evaluation;
  const { pipeline, generator, data } = model;
  const { ended, health, steps, returns } = facts;
  const known: [string, string | null][] = [
    ['folder', folder],
    ['pipeline', pipeline.name],
    [
      'step',
      steps === null ? String(model.step) : `${formatCount(model.step)} of ${formatCount(steps)}`,
    ],
    [
      'generator',
      `${formatCount(generator.layout.size)} parameters, ${formatSi(2 * generator.macs(data.size))} FLOPs a frame`,
    ],
    [
      'health',
      [
        health ?? '–',
        ...(returns.length > 0 ? [`went back ${returns.length}×`] : []),
        ...(ended ? [`ended by ${ended.word}: ${ended.why}`] : []),
      ].join(', '),
    ],
  ];
  return {
    name,
    facts: new Map(known.filter((fact): fact is [string, string] => fact[1] !== null)),
    values: valuesOfRun({ evaluation }),
    coldStart: rows.coldStart ? valuesOf(rows.coldStart) : null,
    curves: frameCurves(frameScores.generated),
    pipeline,
    pipelineYaml: pipelineToYaml(pipeline),
    log: await logOf(folder, log),
  };
}

/** Says how many frames of what were scored. */
export function measuredOn(
  { report, width, height }: ReportFrames['dataset'],
  { frames, framesThere, segments }: { frames: number; framesThere: number; segments: number },
): string {
  const clips = report.clips.map(({ path }) => basename(path));
  const named = clips.length <= 3 ? clips.join(', ') : `${clips.length} clips`;
  const of = frames < framesThere ? ` of ${formatCount(framesThere)}` : '';
  return `${formatCount(frames)}${of} held-out frames of ${width}x${height} in ${segments === 1 ? 'one rollout' : `${segments} rollouts`}, of ${named}`;
}

/** What a report needs besides the runs. */
export interface ReportFrames {
  readonly rollouts: readonly Rollout[];
  readonly framesThere: number;
  /** What the first run was measured on. */
  readonly dataset: Pick<Dataset, 'report' | 'width' | 'height'>;
  readonly notes: readonly string[];
  readonly log: Logger;
}

/** The page of one run, or of several beside each other; the first has the baselines. */
export async function reportOf(
  runs: readonly EvaluatedRun[],
  { rollouts, framesThere, dataset, notes, log }: ReportFrames,
): Promise<string> {
  const [first] = runs;
  const { evaluation } = first!;
  const titles = momentTitles(dataset, rollouts);
  const { version } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const names = runs.map(({ name }) => name);
  const now = new Date().toISOString().slice(0, 16).replace('T', ' ');
  return renderReport({
    title: names.length <= 3 ? names.join(' · ') : `${names.length} runs compared`,
    measuredOn: measuredOn(dataset, { ...evaluation, framesThere }),
    notes,
    runs: await Promise.all(runs.map((run) => runOf(run, log))),
    differences: runDifferences(runs).map(sayDifference),
    baselines: BASELINES.flatMap((row) => {
      const measured = evaluation.rows[row];
      const curves = row === 'freeze' ? frameCurves(evaluation.frameScores[row]) : [];
      return measured ? [{ name: ROW_NAMES[row]!, values: valuesOf(measured), curves }] : [];
    }),
    moments: picturesOf(runs).map((pictures, i) => ({ title: titles[i] ?? '', pictures })),
    madeBy: `Made by frameloom evaluate, version ${version}, ${now} UTC.`,
  });
}
