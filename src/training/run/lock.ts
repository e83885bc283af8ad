import { readFile, open, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeError } from '../../base/atomic-write.js';
import { FrameloomError } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { isAlive, ownerSchema, thisOwner, type Owner } from '../../base/owner.js';

/** Locks of this very process, which looks alive to itself. */
const heldHere = new Set<string>();

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    const parsed = ownerSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined; // gone again, or its writer died before writing
  }
}

export interface Lock {
  /** Gives it back; a second call does nothing. */
  release(): Promise<void>;
}

/**
 * Takes the lock file `path` for this process. A lock whose process is dead is taken over.
 * @throws FrameloomError bad-option when a living process holds it; disk-full, write-failed
 */
export async function takeLock(path: string, options: { log?: Logger } = {}): Promise<Lock> {
  const log = options.log ?? silentLogger;
  const absolute = resolve(path);
  const refuse = (by: string): never => {
    throw new FrameloomError('bad-option', `another training (${by}) is using this run`, {
      path,
      hint: `wait for it or name another run; if it is surely gone, delete ${path}`,
    });
  };
  if (heldHere.has(absolute)) refuse('of this process');
  const owner = await thisOwner();
  for (let attempt = 0; ; attempt += 1) {
    try {
      const file = await open(absolute, 'wx');
      try {
        await file.writeFile(JSON.stringify(owner));
      } finally {
        await file.close();
      }
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(path, error);
    }
    // A lock that says nothing yet is being written at this moment, or its writer died.
    const other = (await readOwner(absolute)) ?? (await sleep(200).then(() => readOwner(absolute)));
    const own = other?.pid === process.pid && other.host === owner.host;
    // Another machine's process cannot be seen from here: it counts as alive.
    const alive = other && !own && ((await isAlive(other)) ?? true);
    if (alive) refuse(`process ${other.pid} on ${other.host}`);
    if (attempt > 2) refuse('started at the same moment');
    log.warn(`taking over the lock of a training that died${other ? ` (${other.pid})` : ''}`);
    await rm(absolute, { force: true });
  }
  heldHere.add(absolute);
  let held = true;
  return {
    release: async (): Promise<void> => {
      if (!held) return;
      held = false;
      heldHere.delete(absolute);
      await rm(absolute, { force: true });
    },
  };
}
