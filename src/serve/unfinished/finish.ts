import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tryLock } from '../../base/lock.mjs';
import type { Logger } from '../../base/log.js';
import { writeError } from '../../base/outputs.js';
import { counted, formatDuration } from '../../base/units.js';
import type { EncodeResult } from '../../video/index.js';
import { FrameQueue } from '../frame-queue.js';
import { encode } from './encode.js';
import {
  FACTS,
  factsSchema,
  isBarelyBegun,
  LOCK,
  parsed,
  readState,
  removeFolder,
  ROWS,
  textOf,
  type Placing,
  type UnfinishedFacts,
} from './folder.js';

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
