import { link, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '../base/error.js';
import {
  existsError,
  placeFile,
  syncFile,
  syncFolder,
  writeError,
  type PlaceOptions,
} from '../base/outputs.js';
import { keptName, removeTemporary } from '../base/temporaries.js';
import { pictureNumber, PLAN, writePlan } from './placing.js';
import { numberedName, numberedNames } from './sequence.js';

/** Pictures written out to the disk at once: a journal takes many together. */
const SYNCED_AT_ONCE = 16;

async function syncAll(paths: readonly string[]): Promise<void> {
  const left = [...paths];
  const worker = async (): Promise<void> => {
    for (let path = left.pop(); path !== undefined; path = left.pop()) await syncFile(path);
  };
  await Promise.all(Array.from({ length: SYNCED_AT_ONCE }, worker));
}

/** One more name for a file, or where the disk knows no such thing its only one. */
async function keep(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => rename(from, to));
}

/**
 * Puts the pictures of a temporary folder in place, all or none of them: until the last one is there
 * those before are kept aside, and an error brings them back. Then what the pattern named before and
 * nothing names now goes, so that whoever reads it reads these pictures and no others. A process that is
 * killed over it leaves what `finishPlacing` finishes.
 * @param temporary is the caller's to remove, whatever becomes of this
 * @param pattern such as `out/%05d.png`
 * @throws FrameloomError exists, disk-full, write-failed
 */
export async function commitPictures(
  temporary: string,
  pattern: string,
  options: PlaceOptions,
): Promise<void> {
  const folder = dirname(pattern);
  const made = (await readdir(temporary)).sort((a, b) => pictureNumber(a) - pictureNumber(b));
  const old = new Set((await numberedNames(pattern)).map(({ name }) => name));
  const [first] = old;
  if (first !== undefined && !options.overwrite) throw existsError(join(folder, first));
  await syncAll(made.map((name) => join(temporary, name)));
  await writePlan(temporary, {
    pattern: basename(pattern),
    names: made.map((name) => numberedName(pattern, pictureNumber(name))),
    old: [...old],
    overwrite: options.overwrite ?? false,
  });
  await syncFolder(temporary);
  const whole = keptName(temporary);
  await rename(temporary, whole);
  await syncFolder(folder);
  const aside = join(whole, 'before');
  const kept: string[] = [];
  const placed: string[] = [];
  try {
    await mkdir(aside);
    for (const name of old) {
      await keep(join(folder, name), join(aside, name));
      kept.push(name);
    }
    for (const name of made) {
      const final = numberedName(pattern, pictureNumber(name));
      await placeFile(join(whole, name), join(folder, final), options);
      placed.push(final);
    }
    const present = new Set(placed);
    for (const name of old) {
      if (!present.has(name)) await rm(join(folder, name), { force: true });
    }
  } catch (error) {
    for (const name of placed) {
      if (!old.has(name)) await removeTemporary(join(folder, name), options.log);
    }
    // Not to be gone on with: what was there before is there again.
    await rm(join(whole, PLAN), { force: true }).catch(() => undefined);
    const isBack = await putBack(aside, folder, kept, options);
    if (isBack) await rename(whole, temporary).catch(() => undefined);
    throw writeError(join(folder, basename(pattern)), error);
  }
  await syncFolder(folder);
  // Nothing in it is wanted any more: it is a temporary again, which the caller removes.
  await rename(whole, temporary).catch((error: unknown) => {
    options.log?.warn(`${whole} cannot be renamed, and is left: ${messageOf(error)}`);
  });
}

/** Pictures that cannot be brought back are not lost with the temporary folder. */
async function putBack(
  aside: string,
  folder: string,
  names: readonly string[],
  { log }: PlaceOptions,
): Promise<boolean> {
  for (const name of names) {
    try {
      await rename(join(aside, name), join(folder, name));
    } catch {
      const refuge = join(folder, `frameloom-before-${Date.now()}`);
      return rename(aside, refuge).then(
        () => {
          log?.error(`the pictures that were in ${folder} before are in ${refuge}`);
          return true;
        },
        () => {
          log?.error(`the pictures that were in ${folder} before are in ${aside}`);
          return false;
        },
      );
    }
  }
  return true;
}
