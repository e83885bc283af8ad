import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FrameloomError, isFrameloomError } from '../../base/error.js';
import { ownCommand } from '../../base/own-command.js';
import { parsePipeline } from '../../pipeline/load.js';
import type { Pipeline } from '../../pipeline/schema.js';
import { readStepCounts, type WrittenCounts } from '../../training/written-counts.js';
import {
  savedFigures,
  scoreBy,
  type BestBy,
  type EvaluationFigures,
} from '../../training/evaluation.js';
import { readKeyframes, type KeptKeyframe } from '../../training/run/keyframes.js';
import { describeOrigin, type OriginDescription } from '../../training/run/origin.js';
import { readReturns, type Return } from '../../training/run/returns.js';
import { openRun } from '../../training/run/run-folder.js';
import { describeSnapshots, snapshotFolderName } from '../../training/run/snapshot-store.js';

/** What is measured on frames that were held out. */
export interface RunScore extends EvaluationFigures {
  readonly step: number;
}

export interface RunSnapshot {
  readonly step: number;
  readonly score: number | null;
  /** By which rule, as `training.bestBy` names them. */
  readonly scoredBy: string;
  readonly bytes: number;
  /** Why it cannot be used; null where it can. */
  readonly problem: string | null;
}

/** A training went back to an earlier snapshot. */
export interface RunReturn {
  readonly fromStep: number;
  readonly toStep: number;
  /** What had tipped, and by what; null where somebody asked for it. */
  readonly why: string | null;
}

/** A training ended because it had tipped. */
export interface RunEnd {
  readonly step: number;
  /** What had tipped. */
  readonly word: string;
  /** With the numbers. */
  readonly why: string;
}

/** What a run's folder says of it. */
export interface RunFacts {
  readonly folder: string;
  /** The pipeline's name; null where it cannot be read. */
  readonly name: string | null;
  /** Why the run cannot be used; null where it can. */
  readonly problem: string | null;
  /** Steps done, by its log and its snapshots. */
  readonly step: number;
  /** Steps that the pipeline asks for. */
  readonly steps: number | null;
  /** The latest, and the highest by the pipeline's rule. */
  readonly lastScore: RunScore | null;
  readonly bestScore: RunScore | null;
  /** That rule. */
  readonly bestBy: BestBy;
  /** `healthy`, or what tipped, by the last evaluation and the last steps; null where no log says so. */
  readonly health: string | null;
  /** From where its training went back to where, and why. */
  readonly returns: readonly RunReturn[];
  /** What it started from; null where that was nothing. */
  readonly origin: OriginDescription | null;
  /** The paintings that it learns; null where it learns from clips alone, or has not begun. */
  readonly keyframes: readonly KeptKeyframe[] | null;
  /** Where it ended because it had tipped, and by what; null where it did not, or goes on since. */
  readonly ended: RunEnd | null;
  readonly snapshots: readonly RunSnapshot[];
  /** Whether there is an exported file. */
  readonly isExported: boolean;
  /** Everything in the folder. */
  readonly bytes: number;
  /** When something in it was last written, milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** Bytes of everything in a folder and below, and when the last of it was written. */
async function sizeOf(folder: string): Promise<{ bytes: number; modifiedMs: number }> {
  let [bytes, modifiedMs] = [0, 0];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A training may take one away meanwhile.
    const facts = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += facts?.size ?? 0;
    modifiedMs = Math.max(modifiedMs, facts?.mtimeMs ?? 0);
  }
  return { bytes, modifiedMs };
}

const numberIn = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

/** A line of the log, as far as it is told of. */
interface LogLine {
  readonly step?: unknown;
  readonly health?: unknown;
  readonly alarms?: unknown;
  readonly heldOut?: unknown;
  readonly ended?: unknown;
}

const endSchema = z.object({ word: z.string(), why: z.string() });

/** Steps, scores, health and end by a run's log; lines that are none are left out. */
async function readLog(
  path: string,
): Promise<Pick<RunFacts, 'step' | 'health' | 'ended'> & { scores: RunScore[] }> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const scores: RunScore[] = [];
  let last = 0;
  let word: string | null = null;
  let alarm: string | undefined;
  let end: RunEnd | null = null;
  for (const line of text.split('\n')) {
    let said: LogLine | null;
    try {
      said = JSON.parse(line) as LogLine | null;
    } catch {
      continue;
    }
    const step = numberIn(said?.step);
    if (step === null) continue;
    last = Math.max(last, step);
    const { heldOut, health, alarms, ended } = said!;
    // What comes after it was gone on with.
    const own = endSchema.safeParse(ended).data;
    end = own ? { step, ...own } : null;
    if (typeof health === 'string') word = health;
    if (typeof alarms === 'object' && alarms !== null) alarm = Object.keys(alarms)[0];
    const figures = savedFigures(heldOut);
    if (figures) scores.push({ step, ...figures });
  }
  return { step: last, scores, health: alarm ?? word, ended: end };
}

/** What a run's folder says, and its pipeline where that can be read. */
export async function describeRun(
  folder: string,
): Promise<{ facts: RunFacts; pipeline: Pipeline | null }> {
  const run = await openRun(folder);
  let pipeline: Pipeline | null = null;
  let written: WrittenCounts | null = null;
  let problem: string | null = null;
  let returns: readonly Return[] = [];
  let origin: OriginDescription | null = null;
  let keyframes: readonly KeptKeyframe[] | null = null;
  try {
    pipeline = parsePipeline(run.pipelineYaml, run.pipeline).pipeline;
    written = await readStepCounts(run);
    ({ returns } = await readReturns(run));
    origin = await describeOrigin(run);
    keyframes = await readKeyframes(run);
  } catch (error) {
    if (!isFrameloomError(error)) throw error;
    problem = error.toLine();
  }
  const { step, scores, health, ended } = await readLog(run.log);
  const snapshots: RunSnapshot[] = [];
  for (const entry of await describeSnapshots(run.snapshots)) {
    const { bytes } = await sizeOf(join(run.snapshots, snapshotFolderName(entry.step)));
    snapshots.push({ ...entry, bytes, problem: entry.problem?.toLine() ?? null });
  }
  const bestBy = pipeline?.training.bestBy ?? 'composite';
  const goodness = (one: RunScore): number => scoreBy(bestBy, one) ?? -Infinity;
  const bestScore = scores.reduce<RunScore | null>(
    (best, one) => (goodness(one) > (best ? goodness(best) : -Infinity) ? one : best),
    null,
  );
  const exported = await stat(join(run.exports, 'generator.onnx')).catch(() => undefined);
  const facts: RunFacts = {
    ...{ folder, name: pipeline?.name ?? null, problem },
    step: Math.max(step, ...snapshots.map((snapshot) => snapshot.step)),
    steps: written?.counts.at(-1)?.steps ?? pipeline?.training.steps ?? null,
    ...{ lastScore: scores.at(-1) ?? null, bestScore, bestBy, health, ended, snapshots, origin },
    keyframes,
    returns: returns.map(({ fromStep, toStep, trip }) => ({
      ...{ fromStep, toStep },
      why: trip && `${trip.word}, ${trip.why}`,
    })),
    isExported: exported !== undefined,
    ...(await sizeOf(folder)),
  };
  return { facts, pipeline };
}

/**
 * The runs in a folder, by name. What is in it and no run is left out.
 * @throws FrameloomError not-found where there is no such folder
 */
export async function findRuns(root: string): Promise<RunFacts[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((cause: unknown) => {
    throw new FrameloomError('not-found', `there is no folder of runs at ${root}`, {
      ...{ path: root, cause },
      hint: `a training makes one; ${ownCommand('runs', 'FOLDER')} shows those elsewhere`,
    });
  });
  const found: RunFacts[] = [];
  for (const { name } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const folder = join(root, name);
    const isRun = await stat(join(folder, 'pipeline.yaml')).then(
      (facts) => facts.isFile(),
      () => false,
    );
    if (isRun) found.push((await describeRun(folder)).facts);
  }
  return found;
}
