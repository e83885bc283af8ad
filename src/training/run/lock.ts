import { readFile, open, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { writeError } from '../../base/atomic-write.js';
import { FrameloomError } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';

const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** Kernel ticks at which the process began, which a later process of the same pid differs in. */
  born: z.string().nullable(),
});
type Owner = z.output<typeof ownerSchema>;

/** Locks of this very process, which looks alive to itself. */
const heldHere = new Set<string>();

/** Field 22 of /proc/<pid>/stat with the boot's id, where there is such a thing. */
async function bornAt(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    // The second field is the program's name in brackets and may hold spaces.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? null : `${boot.trim()}/${ticks}`;
  } catch {
    return null; // not Linux, or the process is gone
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.host !== hostname()) return true; // cannot be known from here
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return owner.born === null || owner.born === (await bornAt(owner.pid));
}

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
  const owner: Owner = { pid: process.pid, host: hostname(), born: await bornAt(process.pid) };
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
    if (other && !own && (await isAlive(other))) refuse(`process ${other.pid} on ${other.host}`);
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
