import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FrameloomError } from '../../base/error.js';
import { tryLock, type Lock } from '../../base/lock.mjs';
import type { Logger } from '../../base/log.js';
import { makeFolder } from '../../base/make-folder.mjs';
import { writeError, writeFileAtomic } from '../../base/outputs.js';
import { removeTemporary } from '../../base/temporaries.js';
import { progressSchema } from '../../synthesis/video/film-state.js';
import type { FilmProgress } from '../../video/index.js';

export const LOCK = 'lock';
export const FACTS = 'recording.json';
export const STATE = 'state.json';
export const ROWS = 'rows';

export const factsSchema = z.object({
  ...{ width: z.int(), height: z.int() },
  fps: z.object({ num: z.int(), den: z.int() }),
  /** The videos of it, which have frame for frame together. */
  tracks: z
    .array(
      z.object({
        // Only names: nothing here leads out of a folder.
        file: z.string().regex(/^[^/\\]+\.(mp4|mkv)$/i),
        pixelFormat: z.enum(['rgb24', 'gray']),
        /** Of a video with loss; null of one without. */
        crf: z.number().nullable(),
      }),
    )
    .min(1),
  /** What else whoever puts it together has to know. */
  about: z.unknown(),
});
/** What a recording is, from its first frame on. */
export type UnfinishedFacts = z.output<typeof factsSchema>;

const stateSchema = z.object({ job: z.string(), tracks: z.array(progressSchema) });

/** Where the parts of a recording go once it is whole. */
export interface Placing {
  /** Of a track's video, by its name. */
  readonly pathOf: (file: string) => string;
  readonly overwrite: boolean;
  /** Done before the last video has its place. @param rows one a frame */
  readonly before?: (rows: readonly string[]) => Promise<void>;
}

/** Whoever finds a folder of another recording than it says of itself takes nothing of it. */
export const jobOf = (facts: UnfinishedFacts): string =>
  createHash('sha256').update(JSON.stringify(facts)).digest('hex');

export async function removeFolder(folder: string, lock: Lock, log: Logger): Promise<void> {
  await lock.release();
  await removeTemporary(folder, log);
}

/** Null where there is no such file. */
export const textOf = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });

/** What is whole of all tracks; null where nothing is, `unknown` where that is not said as it is said here. */
export async function readState(
  folder: string,
  facts: UnfinishedFacts,
): Promise<FilmProgress[] | 'unknown' | null> {
  const text = await textOf(join(folder, STATE));
  if (text === null) return null;
  const state = stateSchema.safeParse(parsed(text)).data;
  const isIts = state?.job === jobOf(facts) && state.tracks.length === facts.tracks.length;
  if (!isIts) return 'unknown';
  return state.tracks.every(({ frames }) => frames > 0) ? state.tracks : null;
}

/** Whether there is no more in it than what is made before it says of what it is. */
export const isBarelyBegun = async (folder: string): Promise<boolean> =>
  (await readdir(folder, { withFileTypes: true })).every(
    (entry) => entry.isDirectory() || entry.name === LOCK || entry.name.includes(FACTS),
  );

interface Claim {
  readonly folder: string;
  readonly facts: UnfinishedFacts;
  readonly placing: Placing;
}

/** Takes a name, by the folder of what is not whole. */
export async function claim({ folder, facts, placing }: Claim): Promise<[Lock, FileHandle]> {
  try {
    await mkdir(folder);
    const { lock } = await tryLock(join(folder, LOCK));
    // Another process that looked at this very moment, and found nothing of use in it.
    if (!lock) throw new FrameloomError('exists', `${folder} is somebody else’s`);
    for (const [at, { file }] of facts.tracks.entries()) {
      await mkdir(join(folder, String(at)));
      // An encoder begins by looking whether it may write there.
      await makeFolder(dirname(placing.pathOf(file)));
    }
    await writeFileAtomic(join(folder, FACTS), `${JSON.stringify(facts)}\n`);
    return [lock, await open(join(folder, ROWS), 'wx')];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new FrameloomError('exists', `${folder} is there already`, {
        path: folder,
        hint: 'somebody else is recording it',
        cause: error,
      });
    }
    throw writeError(folder, error);
  }
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
