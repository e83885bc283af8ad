import { link, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  existsError,
  placeFile,
  syncFile,
  syncFolder,
  writeError,
  type PlaceOptions,
} from '../base/outputs.js';
import { removeTemporary } from '../base/temporaries.js';
import { numberedName, numberedNames } from './sequence.js';

/** Pictures written out to the disk at once: a journal takes many together. */
const SYNCED_AT_ONCE = 16;

/** What ffmpeg calls pictures in a temporary folder, whatever they are called afterwards. */
export const TEMPORARY_PATTERN = '%d.png';
const number = (name: string): number => Number(name.slice(0, -'.png'.length));

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
 * nothing names now goes, so that whoever reads it reads these pictures and no others.
 * @param pattern such as `out/%05d.png`
 * @throws FrameloomError exists, disk-full, write-failed
 */
export async function commitPictures(
  temporary: string,
  pattern: string,
  options: PlaceOptions,
): Promise<void> {
  const folder = dirname(pattern);
  const aside = join(temporary, 'before');
  const made = (await readdir(temporary)).sort((a, b) => number(a) - number(b));
  const old = new Set((await numberedNames(pattern)).map(({ name }) => name));
  const [first] = old;
  if (first !== undefined && !options.overwrite) throw existsError(join(folder, first));
  await syncAll(made.map((name) => join(temporary, name)));
  await mkdir(aside);
  const kept: string[] = [];
  const placed: string[] = [];
  try {
    for (const name of old) {
      await keep(join(folder, name), join(aside, name));
      kept.push(name);
    }
    for (const name of made) {
      const final = numberedName(pattern, number(name));
      await placeFile(join(temporary, name), join(folder, final), options);
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
    await putBack(aside, folder, kept, options);
    throw writeError(join(folder, basename(pattern)), error);
  }
  await syncFolder(folder);
}

/** Pictures that cannot be brought back are not lost with the temporary folder. */
async function putBack(
  aside: string,
  folder: string,
  names: readonly string[],
  { log }: PlaceOptions,
): Promise<void> {
  for (const name of names) {
    try {
      await rename(join(aside, name), join(folder, name));
    } catch {
      const refuge = join(folder, `frameloom-before-${Date.now()}`);
      await rename(aside, refuge).then(
        () => log?.error(`the pictures that were in ${folder} before are in ${refuge}`),
        () => log?.error(`the pictures that were in ${folder} before are in ${aside}`),
      );
      return;
    }
  }
}
