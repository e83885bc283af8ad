import { createHash } from 'node:crypto';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../../../base/error.js';
import { makeFolder } from '../../../base/make-folder.mjs';
import { writeError, writeFileAtomic } from '../../../base/outputs.js';
import { loadPipeline, pipelineToYaml } from '../../../pipeline/load.js';
import { openOrigin } from '../../../pipeline/open-origin.js';
import { originPlace } from '../../../pipeline/shipped.js';
import { parseAxis, sweepConfigurations } from '../../../pipeline/sweep.js';
import type { Origin } from '../../../training/run/origin.js';
import { makeNumbered } from '../../../training/run/run-folder.js';
import type { SnapshotChoice } from '../../../training/run/snapshot-store.js';

const planSchema = z.strictObject({
  version: z.literal(1),
  /** Where the words of the command line count from. */
  cwd: z.string(),
  /** As it was named. */
  pipeline: z.string(),
  name: z.string(),
  clips: z.array(z.string()),
  set: z.array(z.string()),
  seeds: z.int().min(1),
  minutes: z.number().positive().nullable(),
  /** What every training starts from; null from nothing. */
  from: z
    .strictObject({
      /** As it was named. */
      place: z.string(),
      /** Of a run: a run that goes on meanwhile has later ones. */
      step: z.int().min(0).nullable(),
      /** Names the weights. */
      weights: z.string(),
    })
    .nullable()
    .default(null),
  /** Further words of every training. */
  flags: z.array(z.string()),
  /** SHA-256 of the resolved pipeline of each training, by its folder. */
  pipelines: z.record(z.string(), z.string()),
});
/** All that a sweep is made from; kept, so that `--resume` makes the rest of the very same one. */
export type SweepPlan = z.output<typeof planSchema>;

/** One training of a sweep. */
export interface SweepTraining {
  /** Its configuration's place, from 0. */
  readonly configuration: number;
  readonly name: string;
  readonly seed: number;
  readonly set: readonly string[];
  /** The run's folder. */
  readonly folder: string;
  /** Within the sweep's folder. */
  readonly label: string;
}

const PLAN = 'sweep.json';

const slugOf = (name: string): string =>
  name
    .replace(/[^\p{L}\p{N}=._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 80);

/** The trainings of a plan in their order: every setting once, then every setting with the next seed. */
export function trainingsOf(
  plan: Omit<SweepPlan, 'pipelines'>,
  folder: string,
  firstSeed: number,
): SweepTraining[] {
  const configurations = sweepConfigurations(plan.set.map(parseAxis));
  const digits = String(configurations.length).length;
  return Array.from({ length: plan.seeds }, (_, i) => firstSeed + i).flatMap((seed) =>
    configurations.map(({ name, set }, configuration) => {
      const number = String(configuration + 1).padStart(digits, '0');
      const label = `${number}-${slugOf(name)}-seed=${seed}`;
      const all = [...set, `seed=${seed}`];
      return { configuration, name, seed, set: all, folder: join(folder, label), label };
    }),
  );
}

/**
 * The pipelines of all trainings, so that a mistake in the last of them is known before the first.
 * @throws FrameloomError as loadPipeline does
 */
async function resolvePipelines(
  plan: Omit<SweepPlan, 'pipelines'>,
  trainings: readonly SweepTraining[],
  origin: Origin | null,
): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const { label, set } of trainings) {
    const { pipeline } = await loadPipeline(plan.pipeline, {
      clips: plan.clips,
      cwd: plan.cwd,
      set,
      ...(origin && { from: origin }),
    });
    hashes[label] = createHash('sha256').update(pipelineToYaml(pipeline)).digest('hex');
  }
  return hashes;
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

/** @throws FrameloomError as openOrigin does; bad-option where the weights are others by now */
async function reopenOrigin({ from, cwd }: SweepPlan, folder: string): Promise<Origin | null> {
  if (from === null) return null;
  const { step, weights } = from;
  const place = resolve(cwd, originPlace(from.place, cwd));
  const origin = await openOrigin(place, step === null ? {} : { snapshot: step });
  if (origin.weights === weights) return origin;
  throw new FrameloomError(
    'bad-option',
    `${from.place} is not what it was when ${folder} began, so the rest could not be compared`,
    { path: place, hint: 'put it back, or start a new sweep' },
  );
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
  // Checked before a folder is made, which only its labels need.
  const pipelines = await resolvePipelines(unresolved, trainingsOf(unresolved, '', seed), origin);
  const plan = { ...unresolved, pipelines };
  const made = folder ?? (await makeNumbered('sweeps', name));
  if (folder !== undefined) await makeEmpty(folder);
  await writeFileAtomic(join(made, PLAN), `${JSON.stringify({ ...plan, seed }, null, 2)}\n`);
  return { folder: made, plan, origin, trainings: trainingsOf(plan, resolve(made), seed) };
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
  const now = await resolvePipelines(plan, trainings, origin);
  const changed = trainings.find(({ label }) => now[label] !== plan.pipelines[label]);
  if (changed) {
    throw new FrameloomError(
      'bad-option',
      `${plan.pipeline} is not what it was when ${folder} began, so the rest could not be compared`,
      { path: plan.pipeline, hint: 'put the pipeline back, or start a new sweep' },
    );
  }
  return { folder, plan, origin, trainings };
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

/** Takes away what an unfinished training left: all of a sweep's get the same time from their beginning. */
export const startOver = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true });
