import { createHash } from 'node:crypto';
import { mkdir, open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { z } from 'zod';
import { FrameloomError } from '../../base/error.js';
import { flush } from '../../base/flush.js';
import { tryLock, type Lock } from '../../base/lock.mjs';
import type { Logger } from '../../base/log.js';
import { refuseExisting, writeError, writeFileAtomic } from '../../base/outputs.js';
import { rationalToNumber, type Rational } from '../../base/rational.js';
import { removeTemporary } from '../../base/temporaries.js';
import { counted } from '../../base/units.js';
import { readFilmState, writeFilmState } from '../../synthesis/video/film-state.js';
import {
  encodeInSegments,
  fromFrames,
  type EncodeResult,
  type FilmProgress,
  type SegmentFolder,
} from '../../video/index.js';
import { actionsCsv } from '../../clips/actions-csv.js';
import { FrameQueue } from '../frame-queue.js';
import type { FinishedRecording, Recording } from '../recording.js';

/** What a take is called while it is not whole: a folder of this name lies in the place of its files. */
export const UNFINISHED = '.unfinished';
const LOCK = 'lock';
const FACTS = 'take.json';
const STATE = 'state';
const ROWS = 'rows.csv';

/** Nearly without loss: what is recorded is there to be trained on. */
const CRF = 10;
/** So much is lost at the most of a take whose process is killed. */
const SEGMENT_SECONDS = 4;
/** Frames that wait for an encoder that is slower than the game. */
const WAITING_BYTES = 64 << 20;

const facts = z.object({
  ...{ width: z.int(), height: z.int(), file: z.string() },
  fps: z.object({ num: z.int(), den: z.int() }),
  columns: z.array(z.string()),
});
type TakeFacts = z.output<typeof facts>;

/** The file of a take, and what of it is asked for. */
export interface TakeOptions {
  /** The video to write, `.mp4` or `.mkv`; the rows of its frames lie beside it as `.csv`. */
  readonly path: string;
  /** The pipeline beside it, for whoever is told of the take. */
  readonly pipeline: string;
  readonly width: number;
  readonly height: number;
  readonly fps: Rational;
  readonly columns: readonly string[];
  /** A number of a row as the file says it: of −1 to 1, what lies in the column's range. */
  readonly written: (column: number, value: number) => number;
  readonly overwrite?: boolean | undefined;
  readonly log: Logger;
}

/** A picture of a game, and what was held in it. */
export interface TakenFrame {
  /** rgb24; null where the picture before is shown once more. */
  readonly rgb: Uint8Array | null;
  /** As many numbers as there are columns. */
  readonly actions?: readonly number[] | Float32Array | undefined;
}

const rowsOf = (video: string): string => video.replace(/\.\w+$/, '.csv');
export const unfinishedOf = (video: string): string => video.replace(/\.\w+$/, UNFINISHED);

/** Whoever finds a folder of another take than it says of itself takes nothing of it. */
const jobOf = (take: TakeFacts): string =>
  createHash('sha256').update(JSON.stringify(take)).digest('hex');

/** How a take is put together, by whoever recorded it and by whoever finds it. */
interface Work extends TakeFacts {
  /** The video's place. */
  readonly path: string;
  readonly folder: string;
  readonly overwrite: boolean;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** Rows without the last cell, which says whether the frame is the one before once more. */
function csvOf({ columns }: TakeFacts, kept: readonly string[]): string {
  const repeated = kept.flatMap((row, frame) => (row.endsWith(',1') ? [frame] : []));
  const note =
    repeated.length === 0
      ? ''
      : `# ${repeated.length} of ${kept.length} frames show the picture before them once more: ${repeated.join(' ')}\n`;
  const rows = kept.map((row, frame) => `${frame},${row.replace(/,[01]$/, '')}`);
  return `${note}${actionsCsv(columns, rows)}`;
}

/**
 * Writes the video in segments, each on the disk itself once it is whole, and joins them behind the last frame.
 * @param rows of frames from the first, as many as there are segments of
 */
async function encode(
  frames: FrameQueue,
  work: Work,
  progress: FilmProgress | null,
  rows: (count: number) => Promise<readonly string[]>,
): Promise<EncodeResult> {
  const { path, folder, fps, width, height, overwrite, log, signal } = work;
  const segments: SegmentFolder = {
    ...{ folder, progress },
    segmentFrames: Math.max(1, Math.round(SEGMENT_SECONDS * rationalToNumber(fps))),
    async keep(reached) {
      const kept = await rows(reached.frames);
      const state = { job: jobOf(factsOf(work)), progress: reached, synthesizer: null };
      await writeFilmState(join(folder, STATE), state);
      // The rows have their place first: a video is never there without them.
      if (reached.isComplete) {
        await writeFileAtomic(rowsOf(path), csvOf(work, kept), { overwrite, log });
      }
    },
  };
  const expects = { width, height, pixelFormat: 'rgb24' } as const;
  const isLossless = path.endsWith('.mkv');
  const options = { fps, overwrite, log, expects, signal, ...(!isLossless && { crf: CRF }) };
  return lastValueFrom(fromFrames(frames).pipe(encodeInSegments(path, options, segments)));
}

const factsOf = ({ width, height, file, fps, columns }: TakeFacts): TakeFacts => ({
  ...{ width, height, file, columns },
  fps: { num: fps.num, den: fps.den },
});

async function removeFolder(folder: string, lock: Lock, log: Logger): Promise<void> {
  await lock.release();
  await removeTemporary(folder, log);
}

/**
 * Begins a take. Until it is whole, a folder NAME.unfinished stands for it, in which whole segments of the video lie
 * with their rows: of a process that is killed all but the last seconds is there, and `finishTake` makes a take of it.
 * @throws FrameloomError exists where there is a take of that name, whole or not; disk-full, write-failed
 */
export async function startTake(options: TakeOptions): Promise<Recording<TakenFrame>> {
  const { path, pipeline, width, height, fps, columns, written, log } = options;
  const { overwrite = false } = options;
  const folder = unfinishedOf(path);
  const stop = new AbortController();
  const take: TakeFacts = { width, height, fps, file: basename(path), columns: [...columns] };
  const work: Work = { ...take, path, folder, overwrite, log, signal: stop.signal };
  if (!overwrite) for (const one of [path, rowsOf(path)]) await refuseExisting(one);
  const [lock, file] = await claim(folder, take);
  const queue = new FrameQueue();
  const rows: string[] = [];
  let [writtenRows, failure, over] = [0, null as Error | null, false];
  let wake = (): void => undefined;
  queue.onTaken = () => wake();

  const rowsUpTo = async (count: number): Promise<readonly string[]> => {
    if (count > writtenRows) {
      await file.appendFile(
        rows
          .slice(writtenRows, count)
          .map((row) => `${row}\n`)
          .join(''),
      );
      writtenRows = count;
      await flush(file);
    }
    return rows.slice(0, count);
  };
  const encoded = encode(queue, work, null, async (count) => {
    try {
      return await rowsUpTo(count);
    } catch (error) {
      throw writeError(join(folder, ROWS), error);
    }
  });
  encoded.catch((error: unknown) => {
    failure ??= error instanceof Error ? error : new Error(String(error));
    wake();
  });
  const failed = (): Error | null => failure;
  let before: Uint8Array | null = null;

  /** What came is kept where a segment of it is whole; nothing else stays. @returns what is said of it */
  async function giveUp(why: Error | null): Promise<FrameloomError | null> {
    stop.abort();
    queue.end();
    await encoded.catch(() => undefined);
    await file.close();
    const state = await readFilmState(join(folder, STATE));
    const frames = state?.progress.frames ?? 0;
    if (frames === 0) await removeFolder(folder, lock, log);
    else await lock.release();
    if (!why) return null;
    const known = writeError(path, why);
    const kept =
      frames === 0
        ? 'nothing of this take is kept'
        : `${counted(frames, 'frame')} of this take are kept in ${folder}, and the next frameloom record into ${dirname(path)} makes a take of them`;
    const { code, hint } = known;
    const told = `${known.message}; ${kept}`;
    log.warn(told);
    return new FrameloomError(code, told, {
      path,
      cause: why,
      ...(hint !== undefined && { hint }),
    });
  }

  return {
    get frames() {
      return rows.length;
    },
    async add({ rgb, actions = [] }) {
      if (failure) throw failure;
      if (over) throw new FrameloomError('bad-call', 'this recording has ended');
      const data = rgb ?? before;
      if (!data) throw new FrameloomError('bad-input', 'the first frame of a take is a picture');
      const values = columns.map((_, at) => written(at, actions[at] ?? 0));
      const index = rows.length;
      rows.push([...values, rgb ? 0 : 1].join(','));
      before = data;
      const timeSeconds = (index * fps.den) / fps.num;
      queue.push({ index, timeSeconds, width, height, fps, pixelFormat: 'rgb24', data });
      while (queue.bytes > WAITING_BYTES && !failed()) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
      const why = failed();
      if (why) throw why;
    },
    async finish(): Promise<FinishedRecording | null> {
      over = true;
      const why = failed();
      if (why || rows.length === 0) {
        const told = await giveUp(why);
        if (told) throw told;
        return null;
      }
      queue.end();
      try {
        await encoded;
      } catch (error) {
        throw (await giveUp(error as Error)) ?? error;
      }
      await file.close();
      await removeFolder(folder, lock, log);
      return finished(path, pipeline, rows.length, fps);
    },
  };
}

async function finished(
  path: string,
  pipeline: string,
  frames: number,
  fps: Rational,
): Promise<FinishedRecording> {
  const [video, actions] = [basename(path), basename(rowsOf(path))];
  const bytes = await Promise.all([path, rowsOf(path)].map(async (one) => (await stat(one)).size));
  return {
    name: video.replace(/\.\w+$/, ''),
    folder: dirname(path),
    files: { frames, fps: rationalToNumber(fps), video, condition: null, actions, pipeline },
    bytes: { [video]: bytes[0]!, [actions]: bytes[1]! },
  };
}

/** Takes a name for a take, by the folder of what is not whole of it. */
async function claim(folder: string, take: TakeFacts): Promise<[Lock, FileHandle]> {
  try {
    await mkdir(folder);
    const { lock } = await tryLock(join(folder, LOCK));
    // Another process that looked at this very moment, and found nothing of use in it.
    if (!lock) throw new FrameloomError('exists', `${folder} is somebody else’s`);
    await writeFileAtomic(join(folder, FACTS), `${JSON.stringify(factsOf(take))}\n`);
    return [lock, await open(join(folder, ROWS), 'wx')];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new FrameloomError('exists', `${folder} is there already`, {
        path: folder,
        hint: 'another frameloom record is recording it',
        cause: error,
      });
    }
    throw writeError(folder, error);
  }
}

/** What became of a take that was found unfinished. */
export type FoundTake =
  | {
      readonly kind: 'finished';
      readonly path: string;
      readonly frames: number;
      readonly seconds: number;
    }
  /** Nothing of it was whole. */
  | { readonly kind: 'nothing' }
  /** Its process is at work. */
  | { readonly kind: 'held'; readonly by: string };

/**
 * Makes a take of what lies in a folder NAME.unfinished, whose process has died.
 * @throws FrameloomError as writing it does; what is there stays then
 */
export async function finishTake(folder: string, log: Logger): Promise<FoundTake> {
  const { lock, holder } = await tryLock(join(folder, LOCK)).catch((error: unknown) => {
    throw writeError(folder, error);
  });
  if (!lock) {
    const { here, owner } = holder;
    return { kind: 'held', by: here ? 'this process' : `process ${owner?.pid} on ${owner?.host}` };
  }
  let isDone = false;
  try {
    const text = await readFile(join(folder, FACTS), 'utf8').catch(() => '');
    const take = facts.safeParse(parsed(text)).data;
    const state = await readFilmState(join(folder, STATE));
    const isWhole = take && state?.job === jobOf(factsOf(take)) && state.progress.frames > 0;
    if (!isWhole) {
      isDone = true;
      return { kind: 'nothing' };
    }
    const path = join(dirname(folder), basename(take.file));
    const kept = (await readFile(join(folder, ROWS), 'utf8')).split('\n');
    const queue = new FrameQueue();
    queue.end();
    // The name is this take's since its folder was made.
    const work: Work = { ...take, path, folder, overwrite: true, log };
    const { frames, durationSeconds: seconds } = await encode(
      queue,
      work,
      state.progress,
      (count) => Promise.resolve(kept.slice(0, count)),
    );
    isDone = true;
    return { kind: 'finished', path, frames, seconds };
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
