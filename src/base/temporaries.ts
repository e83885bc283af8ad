import { createHash, randomBytes } from 'node:crypto';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { messageOf } from './error.js';
import { silentLogger, type Logger } from './log.js';
import { isAlive, thisOwner, type Owner } from './owner.mjs';

/**
 * `.<random>-<pid>-<born>-<boot>-<place>.partial<extension>`: its owner is in the name, so that
 * whoever finds one knows whether it is still being written. Nothing of the target's name is: that
 * may be as long as the disk allows.
 */
const NAME =
  /^\.[0-9a-f]{8}-([1-9]\d{0,9})-(\d+)-([0-9a-f]{6})-([0-9a-f]{8})\.partial(?:\.[^.]*)?$/;

/** As they were named once, without an owner. */
const OLD_NAME = /^\.[0-9a-f]{8}\.partial\../;

/** A longer extension says nothing to anybody, and the name is to stay short. */
const LONGEST_EXTENSION = 16;

/** What cannot be seen to be dead, another machine's, is taken for it after a day without a change. */
const FOREIGN_MS = 24 * 3_600_000;

/** A folder of very many files is not listed again before so many times as long as listing it took. */
const PAUSE_FACTOR = 50;

const shortHash = (text: string, digits: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digits);

/** What stands for an owner in a name: all but the process's number and start as hashes. */
const markOf = ({ host, machine, boot, pidNamespace }: Owner) => ({
  boot: shortHash(String(boot), 6),
  place: shortHash([host, machine, pidNamespace].join('\0'), 8),
});

function nameFor(owner: Owner, extension: string): string {
  const kept = extension.length <= LONGEST_EXTENSION ? extension : '';
  const random = randomBytes(4).toString('hex');
  const { boot, place } = markOf(owner);
  return `.${random}-${owner.pid}-${owner.born ?? 0}-${boot}-${place}.partial${kept}`;
}

/**
 * Names of temporaries in a folder, hidden, each another one, of this process.
 * @returns a function of the extension (`.mp4`, or nothing for a folder)
 */
export async function temporariesIn(folder: string): Promise<(extension: string) => string> {
  const owner = await thisOwner();
  return (extension) => join(folder, nameFor(owner, extension));
}

/** A hidden name in the same folder (so that renaming is atomic) that keeps the extension. */
export async function temporaryBeside(path: string): Promise<string> {
  return (await temporariesIn(dirname(path)))(extname(path));
}

/** Whether a file's name is that of a temporary, whoever it belongs to. */
export const isTemporary = (name: string): boolean => NAME.test(name) || OLD_NAME.test(name);

/**
 * Removes a temporary file or folder. Never rejects: what was made is whole, or the error that it
 * was not made is the one to be told, whatever becomes of the clean-up. What stays is swept later.
 */
export async function removeTemporary(path: string, log: Logger = silentLogger): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 2, retryDelay: 50 });
  } catch (error) {
    log.warn(`${path} could not be removed and is left behind: ${messageOf(error)}`);
  }
}

/** Of a temporary, a name that keeps its owner and that no sweep takes: what is in it is whole. */
export const keptName = (temporary: string): string =>
  temporary.replace(/\.partial[^/\\]*$/, '.kept');

/** Names in a folder that `keptName` gave. */
export const keptIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).filter(
    (name) => name.endsWith('.kept') && NAME.test(name.replace(/kept$/, 'partial')),
  );

/** Whether the process of what was kept is gone; false also where it cannot be seen from here. */
export const isAbandoned = async (kept: string): Promise<boolean> =>
  (await isOwned(kept.replace(/kept$/, 'partial'))) === false;

/** Whether a temporary's process is at work; undefined where it cannot be seen from here. */
async function isOwned(name: string): Promise<boolean | undefined> {
  const [, pid, born, boot, place] = NAME.exec(name) ?? [];
  const here = await thisOwner();
  const mark = markOf(here);
  if (place !== mark.place) return undefined;
  return isAlive({
    ...here,
    pid: Number(pid),
    born: born === '0' ? null : (born ?? null),
    boot: boot === mark.boot ? here.boot : 'another',
  });
}

/** The clock of the disk that a folder is on, which need not be this machine's. */
async function diskClock(folder: string): Promise<number> {
  const path = (await temporariesIn(folder))('.clock');
  try {
    const file = await open(path, 'wx');
    try {
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

const notBefore = new Map<string, number>();

/**
 * Removes the temporaries in a folder whose process is dead: what a kill or a power cut left. One of
 * another machine, or of a container whose processes cannot be seen from here, only when nothing was
 * written to it for a day. Never rejects; what cannot be removed is logged.
 */
export async function sweepTemporaries(folder: string, log: Logger = silentLogger): Promise<void> {
  const started = performance.now();
  if (started < (notBefore.get(folder) ?? 0)) return;
  try {
    await sweep(folder, log);
  } catch (error) {
    log.debug(`${folder} cannot be gone through for leftovers: ${messageOf(error)}`);
  }
  const took = performance.now() - started;
  // Small folders, nearly all there are, are looked at each time.
  if (took > 100) notBefore.set(folder, performance.now() + took * PAUSE_FACTOR);
}

async function sweep(folder: string, log: Logger): Promise<void> {
  const foreign: string[] = [];
  for (const name of (await readdir(folder)).filter(isTemporary)) {
    const path = join(folder, name);
    const owned = await isOwned(name);
    if (owned === undefined) foreign.push(path);
    if (owned !== false) continue;
    log.debug(`removing ${path}, which a process that died left`);
    await removeTemporary(path, log);
  }
  if (foreign.length === 0) return;
  const now = await diskClock(folder);
  for (const path of foreign) {
    const facts = await stat(path).catch(() => undefined);
    if (!facts || now - facts.mtimeMs < FOREIGN_MS) continue;
    log.debug(`removing ${path}, which nobody has written to for a day`);
    await removeTemporary(path, log);
  }
}
