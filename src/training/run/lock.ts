import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeError } from '../../base/outputs.js';
import { FrameloomError } from '../../base/error.js';
import { isAlive, ownerIn } from '../../base/owner.mjs';
import { tryLock, type Holder, type Lock } from '../../base/lock.mjs';
import { silentLogger, type Logger } from '../../base/log.js';

/** A step that holds the thread for long must not look like the end of its process. */
const STALE_MS = 300_000;
const LOOKED_EVERY_MS = 200;

function refuse(path: string, { owner, here }: Holder): never {
  const by = here ? 'of this process' : `process ${owner?.pid} on ${owner?.host}`;
  throw new FrameloomError('bad-option', `another training (${by}) is using this run`, {
    path,
    hint:
      `wait for it or name another run; if it is surely gone, delete ${path} (of another machine or ` +
      `container it counts as gone when it has not been heard of for ${STALE_MS / 60_000} minutes)`,
  });
}

/**
 * Takes the lock file `path` of a run for this process. The lock of a training that died is taken over.
 * @param options.log is told of that, and of a lock that somebody took away while we train
 * @throws FrameloomError bad-option when a living process holds it; disk-full, write-failed
 */
export async function takeLock(path: string, options: { log?: Logger } = {}): Promise<Lock> {
  const { log = silentLogger } = options;
  const onLost = (): void =>
    log.warn(`${path} is no longer this training's: another one may be writing into this run`);
  for (;;) {
    const { lock, holder } = await tryLock(path, { staleMs: STALE_MS, onLost }).catch(
      (error: unknown) => {
        throw writeError(path, error);
      },
    );
    if (lock) {
      if (lock.previous) {
        const { owner } = lock.previous;
        log.warn(`taking over the lock of a training that died${owner ? ` (${owner.pid})` : ''}`);
      }
      return lock;
    }
    if (holder.owner) refuse(path, holder);
    // It says nothing yet: it is being written at this moment, or its writer died, which shows soon.
    await sleep(LOOKED_EVERY_MS);
  }
}

/**
 * Whether a training has the lock of its run, as far as that can be seen without taking it: `gone` where its process
 * ended without giving it back.
 */
export async function lockState(path: string): Promise<'free' | 'held' | 'gone'> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return 'free';
  let owner: ReturnType<typeof ownerIn>;
  try {
    owner = ownerIn(JSON.parse(text));
  } catch {
    // It is being written at this moment.
    return 'held';
  }
  return owner && (await isAlive(owner)) === false ? 'gone' : 'held';
}
