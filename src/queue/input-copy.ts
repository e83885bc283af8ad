import { basename, join } from 'node:path';
import { cacheFolder } from '../base/cache-folder.js';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { makeFolder } from '../base/make-folder.mjs';
import { removeTemporary, sweepTemporaries, temporaryBeside } from '../base/temporaries.js';
import type { QueuedJob } from './job-schema.js';
import { isStoreAddress } from './store/address.js';
import { Store } from './store/store.js';

/** Where a worker keeps what it fetched, and what it has not sent yet. */
const jobsFolder = (): string => join(cacheFolder(), 'jobs');

/** An input as a file, whose content is that which was queued, or is still to be asked. */
export interface InputCopy {
  readonly path: string;
  /** It was fetched, and is what was queued. */
  readonly isCopy: boolean;
  /** For what else a job has to lay down; made only where something is fetched or sent. */
  readonly folder: string;
  remove(): Promise<void>;
}

export const changed = ({ name, path }: QueuedJob['input']): FrameloomError =>
  new FrameloomError('bad-input', `${name} has changed since it was queued`, {
    path,
    hint: 'queue the batch again',
  });

/**
 * Fetches an input that lies in a store.
 * @param sends whether the output goes into a store too
 * @throws FrameloomError bad-input where it is another by now; not-found; as Store
 */
export async function copyInput(
  input: QueuedJob['input'],
  sends: boolean,
  signal: AbortSignal,
): Promise<InputCopy> {
  const { path } = input;
  const isCopy = isStoreAddress(path);
  if (!isCopy && !sends) return { path, isCopy, folder: '', remove: () => Promise.resolve() };
  const folder = await temporaryBeside(join(jobsFolder(), 'job'));
  const remove = (): Promise<void> => removeTemporary(folder);
  await makeFolder(folder);
  if (!isCopy) return { path, isCopy, folder, remove };
  try {
    const store = await Store.open();
    const there = await store.look(path);
    if (!there) throw new FrameloomError('not-found', `${path} does not exist`, { path });
    if (`etag ${there.etag}` !== input.identity) throw changed(input);
    await makeFolder(join(folder, 'input'));
    const copy = join(folder, 'input', basename(path));
    await store.fetch(path, copy, signal);
    return { path: copy, isCopy, folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What workers that died have left. */
export async function sweepCopies(log: Logger): Promise<void> {
  await makeFolder(jobsFolder());
  await sweepTemporaries(jobsFolder(), log);
}
