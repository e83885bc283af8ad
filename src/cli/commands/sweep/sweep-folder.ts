import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../../../base/error.js';
import { makeFolder } from '../../../base/make-folder.mjs';
import { writeError, writeFileAtomic } from '../../../base/outputs.js';
import { loadPipeline, pipelineToYaml, type LoadOptions } from '../../../pipeline/load.js';
import { openOrigin } from '../../../pipeline/open-origin.js';
import { originPlace } from '../../../pipeline/shipped.js';
import { parseAxis, sweepConfigurations } from '../../../pipeline/sweep.js';
import { describeOrigin, type Origin } from '../../../training/run/origin.js';
import { makeNumbered, runPaths } from '../../../training/run/run-folder.js';
import type { SnapshotChoice } from '../../../training/run/snapshot-store.js';
import { planSchema, trainingsOf, type SweepPlan, type SweepTraining } from './plan.js';

const PLAN = 'sweep.json';

/** A pipeline as text, every default written out. @throws FrameloomError as loadPipeline does */
const resolved = async (path: string, options: LoadOptions): Promise<string> =>
  pipelineToYaml((await loadPipeline(path, options)).pipeline);

/** What the file that was named makes of a training's settings. */
const asNamed = (
  { pipeline, clips, cwd }: Pick<SweepPlan, 'pipeline' | 'clips' | 'cwd'>,
  { set }: SweepTraining,
  origin: Origin | null,
): Promise<string> => resolved(pipeline, { clips, cwd, set, ...(origin && { from: origin }) });

const hashOf = (yaml: string): string => createHash('sha256').update(yaml).digest('hex');

/** @throws FrameloomError bad-option */
function refuseChanged(what: string, path: string, folder: string): never {
  throw new FrameloomError(
    'bad-option',
    `${what} is not what it was when ${folder} began, so the rest could not be compared`,
    { path, hint: 'put it back, or start a new sweep' },
  );
}

/**
 * Holds a training's pipeline to what the sweep began with, and keeps it where a sweep that was killed has not yet.
 * @throws FrameloomError bad-option where it has changed; disk-full, write-failed; as loadPipeline does
 */
export async function keepPipeline(sweep: OpenSweep, training: SweepTraining): Promise<void> {
  const { plan, folder, origin } = sweep;
  const { pipeline: kept, label } = training;
  const isKept = existsSync(kept);
  const path = isKept ? kept : plan.pipeline;
  const yaml = isKept
    ? await resolved(kept, { ...(origin && { from: origin }) })
    : await asNamed(plan, training, origin);
  if (hashOf(yaml) !== plan.pipelines[label]) refuseChanged(path, path, folder);
  if (!isKept) await writeFileAtomic(kept, yaml);
}

export interface OpenSweep {
  readonly folder: string;
  readonly plan: SweepPlan;
  /** What every training starts from; null from nothing. */
  readonly origin: Origin | null;
  readonly trainings: readonly SweepTraining[];
}

/** What every training of a new sweep starts from. */
interface SweepOrigin {
  /** A run's folder, or an exported file. */
  readonly place: string;
  /** Which of the run's; the latest unless given. */
  readonly snapshot?: SnapshotChoice | undefined;
}

/**
 * What the trainings start from, as it is by now.
 * @throws FrameloomError as openOrigin does; bad-option where the weights are others than those that the sweep began with
 */
export async function reopenOrigin(
  { from, cwd }: SweepPlan,
  folder: string,
): Promise<Origin | null> {
  if (from === null) return null;
  const { step, weights } = from;
  const place = resolve(cwd, originPlace(from.place, cwd));
  const origin = await openOrigin(place, step === null ? {} : { snapshot: step });
  if (origin.weights !== weights) refuseChanged(from.place, place, folder);
  return origin;
}

/**
 * Holds what a training did start from to what the sweep began with: the source is somebody else's file.
 * @throws FrameloomError bad-option where it was replaced just as the training read it
 */
export async function assertStartedAlike(
  { plan: { from }, folder }: OpenSweep,
  training: SweepTraining,
): Promise<void> {
  const started = await describeOrigin(runPaths(training.folder));
  if (from && started?.weights !== from.weights) refuseChanged(from.place, from.place, folder);
}

/**
 * Makes a new sweep's folder.
 * @param folder where the user wants it; the next number in `sweeps/` unless given
 * @param start what its trainings start from, if anything; it is read whole, and every setting held to it
 * @throws FrameloomError bad-option, bad-pipeline, disk-full, write-failed; as openOrigin does
 */
export async function makeSweep(
  asked: Omit<SweepPlan, 'pipelines' | 'name' | 'version' | 'from'>,
  folder: string | undefined,
  start?: SweepOrigin,
): Promise<OpenSweep> {
  const origin = start
    ? await openOrigin(resolve(asked.cwd, originPlace(start.place, asked.cwd)), start)
    : null;
  // The seed is the sweep's to set; where it begins is the pipeline's own.
  const first = await loadPipeline(asked.pipeline, {
    clips: asked.clips,
    cwd: asked.cwd,
    set: sweepConfigurations(asked.set.map(parseAxis))[0]!.set,
    ...(origin && { from: origin }),
  });
  const { name, seed } = first.pipeline;
  const from = start &&
    origin && {
      ...{ place: start.place, weights: origin.weights },
      step: origin.kind === 'run' ? origin.step : null,
    };
  const unresolved = { ...asked, version: 1 as const, name, from: from ?? null };
  // Made before the folder is, which only their places need, so that a mistake in the last is known before the first.
  const texts: string[] = [];
  for (const training of trainingsOf(unresolved, '', seed)) {
    texts.push(await asNamed(unresolved, training, origin));
  }
  const made = folder ?? (await makeNumbered('sweeps', name));
  if (folder !== undefined) await makeEmpty(folder);
  const trainings = trainingsOf(unresolved, resolve(made), seed);
  const pipelines = Object.fromEntries(
    trainings.map(({ label }, i): [string, string] => [label, hashOf(texts[i]!)]),
  );
  const plan = { ...unresolved, pipelines };
  await writeFileAtomic(join(made, PLAN), `${JSON.stringify({ ...plan, seed }, null, 2)}\n`);
  for (const [i, { pipeline }] of trainings.entries()) await writeFileAtomic(pipeline, texts[i]!);
  return { folder: made, plan, origin, trainings };
}

async function makeEmpty(folder: string): Promise<void> {
  const there = await makeFolder(folder)
    .then(() => readdir(folder))
    .catch((error: unknown) => {
      throw writeError(folder, error);
    });
  if (there.length === 0) return;
  throw new FrameloomError('bad-option', `${folder} is not empty`, {
    path: folder,
    hint: there.includes(PLAN) ? 'go on with it by --resume' : 'name an empty or new folder',
  });
}

/**
 * Opens the folder of a sweep that was begun.
 * @throws FrameloomError not-found, bad-data when it is damaged, bad-option when a pipeline, or what it starts from, has
 *   changed; as openOrigin does
 */
export async function reopenSweep(folder: string): Promise<OpenSweep> {
  const path = join(folder, PLAN);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new FrameloomError('not-found', `there is no sweep in ${folder}`, {
      path,
      hint: 'a sweep is a folder that `frameloom sweep` made, such as sweeps/00001-edges-to-video',
      cause: error,
    });
  });
  const read = readPlan(text, path);
  const { seed, ...plan } = read;
  const trainings = trainingsOf(plan, resolve(folder), seed);
  const origin = await reopenOrigin(plan, folder);
  const sweep = { folder, plan, origin, trainings };
  for (const training of trainings) await keepPipeline(sweep, training);
  return sweep;
}

function readPlan(text: string, path: string): SweepPlan & { seed: number } {
  try {
    return planSchema.extend({ seed: z.int() }).parse(JSON.parse(text));
  } catch (error) {
    throw new FrameloomError('bad-data', `${path} is damaged: ${messageOf(error)}`, {
      path,
      hint: 'start a new sweep',
      cause: error,
    });
  }
}

/**
 * Takes away what an unfinished training left: all of a sweep's get the same time from their beginning.
 * @throws FrameloomError write-failed
 */
export const startOver = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
    throw writeError(folder, error);
  });
