import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';

/** A process that owns a file, as the file names it. */
export const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** When the process began, which a later one of the same number differs in; null if unknown. */
  born: z.string().nullable(),
});
export type Owner = z.output<typeof ownerSchema>;

/** Field 22 of /proc/<pid>/stat with the boot's id, where there is such a thing. */
async function bornAt(pid: number): Promise<string | null> {
  try {
    const facts = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    // The second field is the program's name in brackets and may hold spaces.
    const ticks = facts.slice(facts.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? null : `${boot.trim()}/${ticks}`;
  } catch {
    return null; // not Linux, or the process is gone
  }
}

/** This process. */
export const thisOwner = async (): Promise<Owner> => ({
  pid: process.pid,
  host: hostname(),
  born: await bornAt(process.pid),
});

/** Does the process still run? Undefined of another machine's, which cannot be seen from here. */
export async function isAlive({ pid, host, born }: Owner): Promise<boolean | undefined> {
  if (host !== hostname()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return born === null || born === (await bornAt(pid));
}
