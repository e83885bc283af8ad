import { mkdir, readFile, readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { asGiven } from '../../base/caller.js';
import { makeFolder } from '../../base/make-folder.mjs';
import { writeError, writeFileAtomic } from '../../base/outputs.js';
import { FrameloomError, messageOf } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { isTemporary } from '../../base/temporaries.js';
import { takeLock } from './lock.js';
import { removeOrigin, writeOrigin, type Origin } from './origin.js';

/** Where everything of one training lies. */
export interface RunPaths {
  readonly folder: string;
  /** `00003-edges-to-video` */
  readonly name: string;
  /** The resolved pipeline, every default written out. */
  readonly pipeline: string;
  readonly log: string;
  /** How many steps its training has, and from which on that was known. */
  readonly schedule: string;
  /** From where to where its training went back. */
  readonly returns: string;
  /** What its training started from, and the weights of that; there where it did not start from nothing. */
  readonly origin: string;
  readonly originTensors: string;
  /** Which keyframes it learns; there where it learns any. */
  readonly keyframes: string;
  readonly snapshots: string;
  readonly samples: string;
  readonly exports: string;
  readonly events: string;
}

/** A run that this process trains. */
export interface Run extends RunPaths {
  /** Whether it was there before and goes on. */
  readonly resumed: boolean;
  /** Puts another resolved pipeline in the place of the present one. */
  writePipeline(yaml: string): Promise<void>;
  /** Gives the run's lock back. */
  close(): Promise<void>;
}

export interface StartRunOptions {
  /** The pipeline's name, which names the folder. */
  name: string;
  /** The resolved pipeline to write for a new run; a resumed run keeps its own. */
  pipelineYaml: string;
  /** The run's folder; the next free number in `root` unless given. */
  folder?: string;
  /** Where numbered runs are made; `runs` unless given. */
  root?: string;
  /** Go on with `folder`, or with the newest run of that name in `root`. */
  resume?: boolean;
  /** What a new run's training starts from, as `openOrigin` gives it; the run keeps all of it. */
  from?: Origin;
  log?: Logger;
}

const NUMBERED = /^(\d{5,})-(.+)$/;
const ORIGIN = 'origin.json';
const ORIGIN_TENSORS = 'origin.safetensors';
const SUBFOLDERS = ['snapshots', 'samples', 'exports', 'events'];

/** The paths of a run folder, which need not exist. */
export function runPaths(folder: string): RunPaths {
  const absolute = resolve(folder);
  return {
    folder,
    name: basename(absolute),
    pipeline: join(folder, 'pipeline.yaml'),
    log: join(folder, 'log.jsonl'),
    schedule: join(folder, 'schedule.json'),
    returns: join(folder, 'returns.json'),
    origin: join(folder, ORIGIN),
    originTensors: join(folder, ORIGIN_TENSORS),
    keyframes: join(folder, 'keyframes.json'),
    snapshots: join(folder, 'snapshots'),
    samples: join(folder, 'samples'),
    exports: join(folder, 'exports'),
    events: join(folder, 'events'),
  };
}

/** What a folder holds, or undefined where there is none. */
async function contents(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') {
      throw new FrameloomError('bad-option', `${folder} is a file, not a folder`, { path: folder });
    }
    throw writeError(folder, error);
  }
}

async function numberedRuns(root: string): Promise<{ number: number; folder: string }[]> {
  return ((await contents(root)) ?? [])
    .flatMap((entry) => {
      const match = NUMBERED.exec(entry);
      return match ? [{ number: Number(match[1]), folder: join(root, entry) }] : [];
    })
    .sort((a, b) => a.number - b.number);
}

/** Makes `<root>/<next number>-<name>` and returns it; two at once get two numbers. */
export async function makeNumbered(root: string, name: string): Promise<string> {
  await makeFolder(root).catch((error: unknown) => {
    throw writeError(root, error);
  });
  const last = (await numberedRuns(root)).at(-1)?.number ?? 0;
  for (let number = last + 1; ; number += 1) {
    const folder = join(root, `${String(number).padStart(5, '0')}-${name}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(folder, error);
    }
  }
}

/** Data sets hold a pipeline too, and nothing of a training may be written into them. */
async function assertNoDataset(folder: string): Promise<string> {
  await openRun(folder);
  const names = (await contents(folder)) ?? [];
  if (!names.some((name) => /^dataset\.(unfinished\.)?json$/.test(name))) return folder;
  throw new FrameloomError('not-found', `${folder} is a data set, no run`, {
    path: folder,
    hint: 'a run is a folder that `frameloom train` made, such as runs/00001-edges-to-video',
  });
}

async function existingRun(options: StartRunOptions, root: string): Promise<string> {
  if (options.folder !== undefined) return assertNoDataset(options.folder);
  const of = (await numberedRuns(root)).filter(
    ({ folder }) => NUMBERED.exec(basename(folder))?.[2] === options.name,
  );
  const newest = of.at(-1);
  if (!newest) {
    throw new FrameloomError('not-found', `there is no run of ${options.name} in ${root}`, {
      path: root,
      hint: 'start one without --resume, or name its folder with --run',
    });
  }
  return assertNoDataset(newest.folder);
}

/** A folder in which a training died while it began is as good as empty: its lock, folders with nothing. */
async function holdsNothing(folder: string, names: readonly string[]): Promise<boolean> {
  const isOurs = (name: string): boolean =>
    /^lock\b/.test(name) ||
    isTemporary(name) ||
    [ORIGIN, ORIGIN_TENSORS, ...SUBFOLDERS].includes(name);
  if (!names.every(isOurs)) return false;
  const inside = await Promise.all(
    names.filter((name) => SUBFOLDERS.includes(name)).map((name) => contents(join(folder, name))),
  );
  return inside.flat().length === 0;
}

/** @throws FrameloomError bad-option where a new run has no place */
async function refuseUsed(folder: string): Promise<void> {
  const present = (await contents(folder)) ?? [];
  if (await holdsNothing(folder, present)) return;
  const isRun = present.includes('pipeline.yaml');
  throw new FrameloomError(
    'bad-option',
    `${folder} ${isRun ? 'already holds a run' : 'is not empty'}`,
    {
      path: folder,
      hint: isRun ? 'go on with it by --resume, or name another' : 'name an empty or new folder',
    },
  );
}

async function newRun(options: StartRunOptions, root: string): Promise<string> {
  if (options.folder === undefined) return makeNumbered(root, options.name);
  await refuseUsed(options.folder);
  await makeFolder(options.folder).catch((error: unknown) => {
    throw writeError(options.folder ?? '', error);
  });
  return options.folder;
}

/**
 * Makes a run's folder, or opens one to go on with, and locks it against other trainings.
 * An existing run is never written over.
 * @throws FrameloomError bad-option (folder in use or not empty), not-found (nothing to resume),
 * disk-full, write-failed
 */
export async function startRun(options: StartRunOptions): Promise<Run> {
  const root = options.root ?? 'runs';
  const resumed = options.resume ?? false;
  if (resumed && options.from) {
    throw new FrameloomError('bad-option', 'a run that goes on starts from nothing else', {
      hint: `start a new run, without ${asGiven('--resume', 'resume')}`,
    });
  }
  const folder = resumed ? await existingRun(options, root) : await newRun(options, root);
  const paths = runPaths(folder);
  const lock = await takeLock(join(folder, 'lock'), options.log ? { log: options.log } : {});
  try {
    // Where two began at once, the other one may have come and gone before the lock was ours.
    if (!resumed) {
      await refuseUsed(folder);
      // Before what makes it a run: one without its origin would start from nothing, in silence.
      if (options.from) await writeOrigin(paths, options.from);
      else await removeOrigin(paths);
      await writeFileAtomic(paths.pipeline, options.pipelineYaml);
    }
    for (const sub of [paths.snapshots, paths.samples, paths.exports, paths.events]) {
      await makeFolder(sub).catch((error: unknown) => {
        throw writeError(sub, error);
      });
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
  return {
    ...paths,
    resumed,
    writePipeline: (yaml) => writeFileAtomic(paths.pipeline, yaml),
    close: () => lock.release(),
  };
}

/**
 * An existing run, to read from.
 * @throws FrameloomError not-found unless the folder holds a run
 */
export async function openRun(folder: string): Promise<RunPaths & { pipelineYaml: string }> {
  const paths = runPaths(folder);
  try {
    return { ...paths, pipelineYaml: await readFile(paths.pipeline, 'utf8') };
  } catch (error) {
    const isThere = await stat(folder).then(
      () => true,
      () => false,
    );
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? 'it has no pipeline.yaml' : messageOf(error);
    const what = isThere ? `${folder} is not a run: ${why}` : `${folder} does not exist`;
    throw new FrameloomError('not-found', what, {
      path: folder,
      hint: 'a run is a folder that `frameloom train` made, such as runs/00001-edges-to-video',
      cause: error,
    });
  }
}
