import { join } from 'node:path';
import { FrameloomError } from '../../base/error.js';
import { flush } from '../../base/flush.js';
import type { Logger } from '../../base/log.js';
import { writeError } from '../../base/outputs.js';
import { FrameQueue } from '../frame-queue.js';
import { encode } from './encode.js';
import {
  claim,
  factsSchema,
  readState,
  removeFolder,
  ROWS,
  type Placing,
  type UnfinishedFacts,
} from './folder.js';

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
