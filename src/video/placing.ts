/**
 * Pictures are put in place one by one, which takes a moment in which a process may be killed. So the
 * folder with all of them, written out to the disk, is first given a name that says that they are whole
 * (`keptName`) and holds the plan: from then on they only have to be moved, by whoever comes next.
 */
import { readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { tryLock } from '../base/lock.mjs';
import { FrameloomError, isFrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { placeFile, syncFile } from '../base/outputs.js';
import { isAbandoned, keptIn, removeTemporary } from '../base/temporaries.js';
import { numberedName } from './sequence.js';

/** What ffmpeg calls pictures in a temporary folder, whatever they are called afterwards. */
export const TEMPORARY_PATTERN = '%d.png';
export const pictureNumber = (name: string): number => Number(name.slice(0, -'.png'.length));

/** Without it, what is in the folder is nobody's to move. */
export const PLAN = 'plan.json';
const planSchema = z.object({
  /** Names in the folder, by a `%05d` pattern. */
  pattern: z.string(),
  /** What was to be there instead, and what was there. */
  names: z.array(z.string()),
  old: z.array(z.string()),
  overwrite: z.boolean(),
});
export type PlacingPlan = z.output<typeof planSchema>;

/** Writes the plan, before the folder gets the name by which it is followed. */
export async function writePlan(folder: string, plan: PlacingPlan): Promise<void> {
  const path = join(folder, PLAN);
  await writeFile(path, JSON.stringify(plan));
  await syncFile(path);
}

async function readPlan(folder: string): Promise<PlacingPlan | undefined> {
  const text = await readFile(join(folder, PLAN), 'utf8').catch(() => 'null');
  try {
    return planSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * Finishes what processes began that died while they put pictures in place in a folder, so that what is
 * there is all of theirs, and no mixture with what was there before.
 */
export async function finishPlacing(folder: string, log: Logger = silentLogger): Promise<void> {
  for (const name of await keptIn(folder)) {
    if (!(await isAbandoned(name))) continue;
    const kept = join(folder, name);
    const { lock } = await tryLock(join(kept, 'lock'));
    if (!lock) continue;
    try {
      const plan = await readPlan(kept);
      if (!plan) continue;
      await follow(plan, kept, folder);
      log.warn(
        `${join(folder, plan.pattern)}: a process died while it put ${plan.names.length} pictures in place; they are all there now`,
      );
      await removeTemporary(kept, log);
    } finally {
      await lock.release();
      // Empty, where another was done with it before us.
      await rmdir(kept).catch(() => undefined);
    }
  }
}

async function follow(plan: PlacingPlan, kept: string, folder: string): Promise<void> {
  const { pattern, names, old, overwrite } = plan;
  for (const name of (await readdir(kept)).filter((file) => /^\d+\.png$/.test(file))) {
    const to = join(folder, numberedName(pattern, pictureNumber(name)));
    await placeFile(join(kept, name), to, { overwrite }).catch((error: unknown) => {
      // Placed already, or another's since.
      if (!isFrameloomError(error, 'exists')) throw error;
    });
  }
  const present = new Set(names);
  for (const name of old) if (!present.has(name)) await rm(join(folder, name), { force: true });
}

/**
 * Refuses pictures of which some are of one making and some of another.
 * @param files of one folder
 * @throws FrameloomError bad-input while a process puts others in their place, or has died over it
 */
export async function assertSettled(files: readonly string[]): Promise<void> {
  const folder = dirname(files[0] ?? '');
  for (const kept of await keptIn(folder)) {
    const plan = await readPlan(join(folder, kept));
    if (!plan) continue;
    const touched = new Set([...plan.names, ...plan.old]);
    if (!files.some((file) => touched.has(basename(file)))) continue;
    // It may have been done since the folder was listed.
    if (!(await stat(join(folder, kept)).catch(() => undefined))) continue;
    const pattern = join(folder, plan.pattern);
    const dead = await isAbandoned(kept);
    throw new FrameloomError(
      'bad-input',
      dead
        ? `${pattern} is a mixture: a process died while it replaced these pictures`
        : `${pattern} is just being replaced`,
      {
        path: pattern,
        hint: dead
          ? 'the same call that made them, or any other that writes into the folder, puts the rest in place'
          : 'wait until that is done',
      },
    );
  }
}
