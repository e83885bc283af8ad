import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../../base/error.js';
import { writeFileAtomic } from '../../base/outputs.js';
import type { JsonValue } from './json.js';
import type { RunPaths } from './run-folder.js';

const returnSchema = z.strictObject({
  fromStep: z.int().min(0),
  /** The snapshot that training goes on from; 0 for its beginning. */
  toStep: z.int().min(0),
  /** Why; null where somebody asked for it. */
  trip: z.strictObject({ word: z.string(), why: z.string() }).nullable(),
  /** Where in the run lies what came after that step. */
  aside: z.string(),
  /** Whether all of it lies there. */
  done: z.boolean(),
});
/** A training went back, as the run's `returns.json` says. */
export type Return = z.output<typeof returnSchema>;

const fileSchema = z.strictObject({
  /** What the training that went back first had chosen, for one that goes back to its beginning. */
  start: z.json(),
  returns: z.array(returnSchema),
});
type Returns = z.output<typeof fileSchema>;

/** @throws FrameloomError bad-snapshot */
export async function readReturns({ returns: path }: Pick<RunPaths, 'returns'>): Promise<Returns> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { start: null, returns: [] };
    throw unreadable(path, error);
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, cause: unknown): FrameloomError =>
  new FrameloomError('bad-snapshot', `${path} cannot be read: ${messageOf(cause)}`, {
    ...{ path, cause },
    hint: 'it says which random path each snapshot was trained on, without which none can be gone on from exactly',
  });

/** @throws FrameloomError disk-full, write-failed */
export const writeReturns = (
  { returns: path }: Pick<RunPaths, 'returns'>,
  start: JsonValue,
  returns: readonly Return[],
): Promise<void> => writeFileAtomic(path, `${JSON.stringify({ start, returns }, null, 1)}\n`);

/**
 * How many times the training that is at a step has gone back by itself: each time it took another random
 * path at lower rates. What lies before the step that one went back to has nothing of that return; and who asks
 * for a snapshot begins to count again.
 */
export function returnsBehind(returns: readonly Return[], step: number): number {
  let behind = 0;
  for (const [i, { trip }] of returns.entries()) {
    // A later return to an earlier step took this one with it.
    const from = Math.min(...returns.slice(i).map(({ toStep }) => toStep));
    if (from > step) break;
    behind = trip === null ? 0 : behind + 1;
  }
  return behind;
}
