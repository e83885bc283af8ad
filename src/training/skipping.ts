import { z } from 'zod';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { ownCommand } from '../base/own-command.js';
import type { Trip } from './rollback.js';
import type { RunPaths } from './run/run-folder.js';
import { listSnapshots } from './run/snapshot-store.js';

/** A bad window is one step's misfortune; so many in a row are the networks' own. */
const MOST_IN_A_ROW = 8;

const schema = z.strictObject({ inARow: z.int().min(0), total: z.int().min(0) });

/** Steps of a training whose update was left out, as snapshots keep them. */
export type Skipped = z.output<typeof schema>;

/** Counts the updates that were left out, and tells a training that makes no others. */
export interface SkipCount {
  /**
   * @param step steps done, this one included
   * @param why its update was left out; null where it was made
   * @returns why training has diverged; null where it has not
   */
  add(step: number, why: string | null): Trip | null;
  saved(): Skipped;
}

/** @param saved what a snapshot kept, if anything */
export function createSkipCount(log: Logger, saved?: unknown): SkipCount {
  const parsed = schema.safeParse(saved);
  let { inARow, total } = parsed.success ? parsed.data : { inARow: 0, total: 0 };
  return {
    saved: () => ({ inARow, total }),
    add(step, why) {
      if (why === null) {
        inARow = 0;
        return null;
      }
      inARow += 1;
      total += 1;
      if (inARow < MOST_IN_A_ROW) {
        log.warn(`step ${step}: its update was left out, ${why} (${total} so far)`);
        return null;
      }
      return {
        word: 'diverged',
        why: `${inARow} updates in a row were left out, the last because ${why}`,
      };
    },
  };
}

/** Ends a training that may not go back by itself. */
export async function divergence(
  run: Pick<RunPaths, 'folder' | 'snapshots'>,
  step: number,
  { why }: Trip,
): Promise<FrameloomError> {
  const snapshots = await listSnapshots(run.snapshots);
  // The newest may be of a moment at which it was lost already.
  const healthy = snapshots.at(-2) ?? snapshots.at(-1);
  const lower = ['--set', 'training.optimizer.generatorLearningRate=…'];
  const from =
    healthy === undefined
      ? 'start anew with lower learning rates, or with spectral norm'
      : `go back and lower the rates: ${ownCommand('train', '--resume', '--run', run.folder, '--snapshot', String(healthy), ...lower)}`;
  return new FrameloomError(
    'diverged',
    `training diverged at step ${step}: ${why}; nothing of them is in the networks or in any snapshot`,
    { hint: from, path: run.folder },
  );
}
