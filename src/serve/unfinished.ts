import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { z } from 'zod';
import { FrameloomError } from '../base/error.js';
import { flush } from '../base/flush.js';
import { tryLock, type Lock } from '../base/lock.mjs';
import type { Logger } from '../base/log.js';
import { makeFolder } from '../base/make-folder.mjs';
import { writeError, writeFileAtomic } from '../base/outputs.js';
import { rationalToNumber } from '../base/rational.js';
import { removeTemporary } from '../base/temporaries.js';
import { counted, formatDuration } from '../base/units.js';
import { progressSchema } from '../synthesis/video/film-state.js';
import {
  encodeInSegments,
  fromFrames,
  type EncodeResult,
  type FilmProgress,
  type SegmentFolder,
} from '../video/index.js';
import { FrameQueue } from './frame-queue.js';

const LOCK = 'lock';
const FACTS = 'recording.json';
const STATE = 'state.json';
const ROWS = 'rows';

/** So much is lost at the most of a recording whose process is killed. */
const SEGMENT_SECONDS = 4;

const factsSchema = z.object({
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
const jobOf = (facts: UnfinishedFacts): string =>
  createHash('sha256').update(JSON.stringify(facts)).digest('hex');

/** How far all tracks have come, of as many frames; null where one has nothing whole yet. */
function commonOf(reached: readonly (readonly FilmProgress[])[]): FilmProgress[] | null {
  const [first = []] = reached;
  for (let at = first.length - 1; at >= 0; at -= 1) {
    const { frames } = first[at]!;
    const same = reached.flatMap((all) => all.findLast((one) => one.frames === frames) ?? []);
    if (same.length === reached.length) return same;
  }
  return null;
}

interface Encoding {
  readonly folder: string;
  readonly facts: UnfinishedFacts;
  readonly placing: Placing;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
  /** The rows of so many frames, on the disk. */
  readonly rows: (count: number) => Promise<readonly string[]>;
}

/**
 * Writes the videos in segments, each on the disk itself once it is whole, and joins them behind the last frame. What is
 * noted as whole is whole of all tracks.
 */
function encode(
  queues: readonly FrameQueue[],
  before: readonly FilmProgress[] | null,
  { folder, facts, placing, log, signal, rows }: Encoding,
): Promise<EncodeResult>[] {
  const { width, height, fps, tracks } = facts;
  const job = jobOf(facts);
  let reached = tracks.map((_, at) => (before ? [before[at]!] : []));
  let noting: Promise<void> = Promise.resolve();
  const note = async (at: number, progress: FilmProgress): Promise<void> => {
    reached[at]!.push(progress);
    const common = commonOf(reached);
    if (!common) return;
    const [{ frames }] = common as [FilmProgress];
    const kept = await rows(frames);
    await writeFileAtomic(join(folder, STATE), JSON.stringify({ job, tracks: common }));
    reached = reached.map((all) => all.filter((one) => one.frames >= frames));
    if (progress.isComplete) await placing.before?.(kept);
  };
  return tracks.map(({ file, pixelFormat, crf }, at) => {
    const segments: SegmentFolder = {
      ...{ folder: join(folder, String(at)), progress: before?.[at] ?? null },
      segmentFrames: Math.max(1, Math.round(SEGMENT_SECONDS * rationalToNumber(fps))),
      keep(progress) {
        const noted = noting.then(() => note(at, progress));
        noting = noted.catch(() => undefined);
        return noted;
      },
    };
    const expects = { width, height, pixelFormat };
    const options = {
      ...{ fps, overwrite: placing.overwrite, log, expects, signal },
      ...(crf !== null && { crf }),
    };
    const target = placing.pathOf(file);
    return lastValueFrom(fromFrames(queues[at]!).pipe(encodeInSegments(target, options, segments)));
  });
}

/** A recording that is under way. */
export interface UnfinishedRecording {
  readonly frames: number;
  /** What it cannot go on for. */
  readonly failure: Error | null;
  /**
   * Takes one frame: a picture for each track, whose bytes must not change any more, and its row.
   * @returns once there is room for another
   * @throws FrameloomError what it cannot go on for; bad-call once it has ended
   */
  add(pictures: readonly Uint8Array[], row: string): Promise<void>;
  /**
   * Ends it: all videos are in their places. The folder is still there.
   * @returns the row of each frame
   * @throws FrameloomError disk-full, write-failed, ffmpeg-failed
   */
  end(): Promise<readonly string[]>;
  /** Ends it where it is. What is whole stays in the folder, to be put together by `finishUnfinished`. @returns its frames */
  giveUp(): Promise<number>;
  /** Takes the folder away, all of it. */
  remove(): Promise<void>;
}

export interface UnfinishedOptions {
  /** NAME.unfinished; it must not be there. */
  readonly folder: string;
  readonly facts: UnfinishedFacts;
  readonly placing: Placing;
  /** Frames that wait for an encoder that is slower than they come. */
  readonly waitingBytes: number;
  readonly log: Logger;
}

/**
 * Begins a recording. Until it is whole, a folder NAME.unfinished stands for it, in which whole segments of its videos lie
 * with their rows: of a process that is killed all but the last seconds is there, for `finishUnfinished`.
 * @throws FrameloomError exists where the folder is there; disk-full, write-failed
 */
export async function startUnfinished(options: UnfinishedOptions): Promise<UnfinishedRecording> {
  const { folder, placing, waitingBytes, log } = options;
  // As whoever finds it reads it.
  const facts = factsSchema.parse(JSON.parse(JSON.stringify(options.facts)));
  const { width, height, fps, tracks } = facts;
  const [lock, file] = await claim({ folder, facts, placing });
  const stop = new AbortController();
  const queues = tracks.map(() => new FrameQueue());
  const rows: string[] = [];
  let [writtenRows, failure, over, closed] = [0, null as Error | null, false, false];
  /** Whoever waits for room. */
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const one of [...waiting]) one();
  };
  for (const queue of queues) queue.onTaken = wake;
  const failed = (): Error | null => failure;
  const isFull = (): boolean => queues.reduce((sum, { bytes }) => sum + bytes, 0) > waitingBytes;

  const rowsUpTo = async (count: number): Promise<readonly string[]> => {
    try {
      if (count > writtenRows) {
        const text = rows.slice(writtenRows, count).map((row) => `${row}\n`);
        await file.appendFile(text.join(''));
        writtenRows = count;
        await flush(file);
      }
    } catch (error) {
      throw writeError(join(folder, ROWS), error);
    }
    return rows.slice(0, count);
  };
  const work = { folder, facts, placing, log, signal: stop.signal, rows: rowsUpTo };
  const encoded = encode(queues, null, work);
  for (const one of encoded) {
    one.catch((error: unknown) => {
      failure ??= error instanceof Error ? error : new Error(String(error));
      // The other tracks are worth nothing alone.
      stop.abort();
      wake();
    });
  }
  const settle = async (): Promise<void> => {
    for (const queue of queues) queue.end();
    await Promise.allSettled(encoded);
    if (!closed) await file.close();
    closed = true;
  };

  return {
    get frames() {
      return rows.length;
    },
    get failure() {
      return failure;
    },
    async add(pictures, row) {
      if (failure) throw failure;
      if (over) throw new FrameloomError('bad-call', 'this recording has ended');
      const index = rows.length;
      const timeSeconds = (index * fps.den) / fps.num;
      rows.push(row);
      for (const [at, { pixelFormat }] of tracks.entries()) {
        const data = pictures[at]!;
        queues[at]!.push({ index, timeSeconds, width, height, fps, pixelFormat, data });
      }
      while (isFull() && !failed()) {
        await new Promise<void>((resolve) => {
          const go = (): void => {
            waiting.delete(go);
            resolve();
          };
          waiting.add(go);
        });
      }
      const why = failed();
      if (why) throw why;
    },
    async end() {
      over = true;
      await settle();
      if (failure) throw failure;
      return rows;
    },
    async giveUp() {
      over = true;
      stop.abort();
      await settle();
      const tracks = await readState(folder, facts);
      if (tracks === null) await removeFolder(folder, lock, log);
      else await lock.release();
      return tracks === null || tracks === 'unknown' ? 0 : tracks[0]!.frames;
    },
    remove: () => removeFolder(folder, lock, log),
  };
}

async function removeFolder(folder: string, lock: Lock, log: Logger): Promise<void> {
  await lock.release();
  await removeTemporary(folder, log);
}

/** Null where there is no such file. */
const textOf = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });

/** What is whole of all tracks; null where nothing is, `unknown` where that is not said as it is said here. */
async function readState(
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
const isBarelyBegun = async (folder: string): Promise<boolean> =>
  (await readdir(folder, { withFileTypes: true })).every(
    (entry) => entry.isDirectory() || entry.name === LOCK || entry.name.includes(FACTS),
  );

/** Takes a name, by the folder of what is not whole. */
async function claim({
  folder,
  facts,
  placing,
}: Pick<UnfinishedOptions, 'folder' | 'facts' | 'placing'>): Promise<[Lock, FileHandle]> {
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

/** What became of a recording that was found unfinished. */
export type FoundRecording<Made> =
  | {
      readonly kind: 'finished';
      readonly made: Made;
      readonly frames: number;
      readonly seconds: number;
    }
  /** Nothing of it was whole. */
  | { readonly kind: 'nothing' }
  /** It is of another kind or version, or damaged: it stays as it is. */
  | { readonly kind: 'unknown' }
  /** Its process is at work. */
  | { readonly kind: 'held'; readonly by: string };

/**
 * Says what became of a recording that was found.
 * @param folder NAME.unfinished
 * @param made where it lies now that it is finished
 */
export function sayFound(
  found: FoundRecording<unknown>,
  { folder, made, log }: { readonly folder: string; readonly made: string; readonly log: Logger },
): void {
  if (found.kind === 'finished') {
    log.warn(
      `${made}: its recording was ended from outside; ${counted(found.frames, 'frame')} of it were whole (${formatDuration(found.seconds)}) and are kept, the last seconds are lost`,
    );
  } else if (found.kind === 'nothing') {
    log.warn(`${folder}: its recording was ended from outside before anything was whole`);
  } else if (found.kind === 'unknown') {
    log.warn(
      `${folder} holds no recording that this version of Frameloom can put together; it is left as it is`,
    );
  } else log.info(`${folder} is being recorded by ${found.by}`);
}

/** How what was found is put together. */
export interface Finishing<Made> {
  /** @returns null where it is no recording of this kind: it is left as it is then */
  readonly placing: (facts: UnfinishedFacts) => Placing | null;
  /** Done once all videos are in their place. @returns what it has become */
  readonly finish: (facts: UnfinishedFacts, rows: readonly string[]) => Promise<Made>;
  readonly log: Logger;
}

/**
 * Puts together what lies in a folder NAME.unfinished, whose process has died.
 * @throws FrameloomError as writing it does; what is there stays then
 */
export async function finishUnfinished<Made>(
  folder: string,
  { placing: placingOf, finish, log }: Finishing<Made>,
): Promise<FoundRecording<Made>> {
  const { lock, holder } = await tryLock(join(folder, LOCK)).catch((error: unknown) => {
    throw writeError(folder, error);
  });
  if (!lock) {
    const { here, owner } = holder;
    return { kind: 'held', by: here ? 'this process' : `process ${owner?.pid} on ${owner?.host}` };
  }
  let isDone = false;
  try {
    const text = await textOf(join(folder, FACTS));
    if (text === null) {
      isDone = await isBarelyBegun(folder);
      return { kind: isDone ? 'nothing' : 'unknown' };
    }
    const facts = factsSchema.safeParse(parsed(text)).data;
    const placing = facts ? placingOf(facts) : null;
    if (!facts || !placing) return { kind: 'unknown' };
    const tracks = await readState(folder, facts);
    if (tracks === 'unknown') return { kind: 'unknown' };
    if (!tracks) {
      isDone = true;
      return { kind: 'nothing' };
    }
    const { frames } = tracks[0]!;
    const kept = (await readFile(join(folder, ROWS), 'utf8')).split('\n').slice(0, frames);
    const queues = tracks.map(() => new FrameQueue());
    for (const queue of queues) queue.end();
    const rows = (count: number) => Promise.resolve(kept.slice(0, count));
    const [{ durationSeconds: seconds }] = (await Promise.all(
      encode(queues, tracks, { folder, facts, placing, log, rows }),
    )) as [EncodeResult];
    const made = await finish(facts, kept);
    isDone = true;
    return { kind: 'finished', made, frames, seconds };
  } finally {
    if (isDone) await removeFolder(folder, lock, log);
    else await lock.release();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
