// @ts-check
// The one lock, for batch claims, training runs and set-up. Plain JavaScript: set-up runs it on bare
// Node, before anything is compiled.
//
// A lock is a small file that names its owner. Who creates the file has the lock. It is created whole
// and at once, by linking a finished file of one's own to the lock's name, so nobody reads half of one.
//
// The lock of a dead owner is never removed by others: between looking and removing it may have become
// somebody else's. It is succeeded. Who creates the file PATH.after-HASH, with the hash of the dead
// owner's text, is its successor; that name can be created once. A successor that died in its turn is
// succeeded by the same rule, and the last of the line has the lock. It renames its own file over the
// lock, which ends the line, and then removes the names beside it.
//
// Why that is never two: every text has a random id in it, so a lock that no longer says what it said
// never says it again. Only the last of the line renames, and no name of the line is removed before
// that. So who created a name and after that still finds the lock saying what it began with is the last of
// the line. Who comes late, when the line has ended and its names are gone, may create a name too, but
// then finds another text in the lock, or none; it takes its name away and begins again. Nobody reads
// that name meanwhile, because no line leads to it.
//
// Killed before it created a name, a taker leaves its own file, which means nothing. Killed after that,
// it is a dead successor, and the next one succeeds it. Killed after renaming, it is a dead owner, and
// the names beside the lock belong to no line any more; the next one sweeps them away.
//
// An owner that cannot be seen (another machine, another container) is alive while it renews its lock.
// Age is measured by the disk's own clock, that of a file just written there. What such a lock cannot
// give is safety from an owner that slept for longer than that and goes on: it is told by `onLost`.
import { createHash, randomBytes } from 'node:crypto';
import { link, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from './make-folder.mjs';
import { isAlive, ownerIn, thisOwner } from './owner.mjs';

/** An owner that cannot be seen and has not renewed its lock for this long is gone. */
const STALE_MS = 60_000;
/** Where disks have no hard links, a lock is empty until it is written; longer than this it never is. */
const UNREADABLE_MS = 5000;
/** Who was slower than this over writing it cannot be sure that nobody lost patience. */
const WRITING_MS = 2000;
/** Times that a folder may vanish while it is made: others remove it when they find it empty. */
const FOLDER_ATTEMPTS = 20;

/**
 * @typedef {import('./owner.mjs').Owner} Owner
 *
 * @typedef {object} Holder what a lock file says of its owner
 * @property {Owner | undefined} owner undefined while it cannot be read
 * @property {boolean} here whether it is this very process
 * @property {unknown} note what the owner had to say
 *
 * @typedef {object} Lock
 * @property {Holder | undefined} previous who held it and died, where somebody did
 * @property {() => Promise<void>} release gives it back; a second call does nothing
 *
 * @typedef {object} LockOptions
 * @property {unknown} [note] anything for JSON, for whoever finds the lock
 * @property {(note: unknown, previous: unknown) => unknown} [inherit] a dead owner's note is known only
 *   when its lock is taken over: the note to leave then
 * @property {number} [staleMs] age from which an owner that cannot be seen is gone; renewed four times
 *   as often. A minute unless given
 * @property {() => void} [onLost] the lock was taken from us: by hand, or because it was not renewed
 * @property {boolean} [hardLinks] false where the disk is known to have none; else it is tried
 * @property {(step: Step) => void | Promise<void>} [onStep] told between the steps of taking, for tests
 *
 * @typedef {'written' | 'dead' | 'named' | 'sure' | 'renamed' | 'taken'} Step
 *
 * @typedef {Holder & { id: string | undefined, hash: string, modifiedMs: number }} Sight a lock file
 *   as it was at one moment; `hash` is what its successor's name ends in
 *
 * @typedef {{ id: string, text: string, file: string }} Own our own file, before it is the lock
 */

/** Locks of this very process. Without /proc an earlier process of our number is known only by this. */
const heldHere = new Set();

/**
 * Takes a lock unless a living process has it. Makes the folder where it is missing.
 *
 * @param {string} path
 * @param {LockOptions} [options]
 * @returns {Promise<{ lock: Lock, holder?: undefined } | { lock?: undefined, holder: Holder }>}
 * @throws what the file system says, where the lock can neither be read nor made
 */
export async function tryLock(path, options = {}) {
  for (let attempts = 0; ;) {
    try {
      await makeFolder(dirname(path));
      const result = await attempt(path, options);
      if (result !== undefined) return result;
    } catch (error) {
      // The folder went between making it and writing into it.
      attempts += 1;
      if (codeOf(error) !== 'ENOENT' || attempts >= FOLDER_ATTEMPTS) throw error;
      await sleep(attempts);
    }
  }
}

/**
 * Runs `work` while holding the lock, waiting for whoever holds it.
 *
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {LockOptions & { onWait?: () => void, pollMs?: number }} [options] `onWait` is called once, when
 *   there is somebody to wait for
 * @returns {Promise<T>}
 */
export async function withLock(path, work, options = {}) {
  const { onWait, pollMs = 300 } = options;
  let { lock } = await tryLock(path, options);
  if (lock === undefined) onWait?.();
  while (lock === undefined) {
    await sleep(pollMs);
    ({ lock } = await tryLock(path, options));
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/**
 * @param {string} path
 * @param {LockOptions} options
 * @returns {Promise<{ lock: Lock } | { holder: Holder } | undefined>} undefined: the lock changed
 *   meanwhile, look again
 */
async function attempt(path, options) {
  const { note, inherit, staleMs = STALE_MS, onStep } = options;
  const id = randomBytes(16).toString('hex');
  const owner = await thisOwner();
  /** @param {unknown} said */
  const textOf = (said) =>
    JSON.stringify({ ...owner, id, ...(said === undefined ? {} : { note: said }) });
  /** @type {Own} */
  const own = { id, text: textOf(note), file: `${path}.new-${process.pid}-${id}` };
  let taken = false;
  heldHere.add(id);
  try {
    await writeFile(own.file, own.text, { flag: 'wx' });
    await onStep?.('written');
    if (await create(own, path, options)) {
      taken = true;
      return { lock: grant(path, own, options) };
    }
    const first = await look(path);
    if (first === undefined) return undefined;
    for (let last = first; ;) {
      if (await isHeld(last, own, staleMs)) return { holder: last };
      if (last === first && inherit !== undefined) {
        own.text = textOf(inherit(note, first.note));
        await writeFile(own.file, own.text);
      }
      await onStep?.('dead');
      const name = `${path}.after-${last.hash}`;
      if (await create(own, name, options)) {
        taken = await succeed(path, first, name, own, onStep);
        return taken ? { lock: grant(path, own, options, first) } : undefined;
      }
      const next = await look(name);
      if (next === undefined) return undefined;
      last = next;
    }
  } finally {
    if (!taken) heldHere.delete(id);
    // Left there it means nothing, and is swept when this process is gone.
    await rm(own.file, { force: true }).catch(() => undefined);
  }
}

/**
 * The end of a line of dead owners, whose last successor we are by `name`.
 *
 * @param {string} path
 * @param {Sight} first what the lock said when the line was followed
 * @param {string} name
 * @param {Own} own
 * @param {LockOptions['onStep']} onStep
 * @returns {Promise<boolean>} false when we came late
 */
async function succeed(path, first, name, own, onStep) {
  await onStep?.('named');
  try {
    if ((await look(path))?.hash !== first.hash) {
      await rm(name, { force: true });
      return false;
    }
    await onStep?.('sure');
    await replace(own.file, path);
  } catch (error) {
    // As with links: done, and the second try refused.
    const done = codeOf(error) === 'ENOENT' && (await look(path))?.id === own.id;
    if (!done) {
      // Given up before anything was done under it: the next one may have the name.
      await rm(name, { force: true });
      throw error;
    }
  }
  await onStep?.('renamed');
  // What cannot be removed is in nobody's way, and the lock is ours all the same.
  await sweepLocks(dirname(path), basename(path)).catch(() => undefined);
  await onStep?.('taken');
  return true;
}

/**
 * Renames over what is there.
 *
 * @param {string} from
 * @param {string} to
 */
async function replace(from, to) {
  for (let attempts = 0; ; attempts += 1) {
    try {
      return await rename(from, to);
    } catch (error) {
      // Windows refuses while somebody has the old file open, which a reader has for a moment.
      const open = ['EPERM', 'EACCES', 'EBUSY'].includes(codeOf(error) ?? '');
      if (process.platform !== 'win32' || !open || attempts >= 20) throw error;
      await sleep(25);
    }
  }
}

/** How file systems say that they have no hard links. */
const NO_LINKS = ['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'];

/**
 * Gives our file a second name that nobody else has.
 *
 * @param {Own} own
 * @param {string} path
 * @param {LockOptions} options
 * @returns {Promise<boolean>} false where there is such a file
 */
async function create(own, path, { hardLinks = true }) {
  if (hardLinks) {
    try {
      await link(own.file, path);
      return true;
    } catch (error) {
      // The answer may have been lost on its way through a network, and the second try refused.
      if (codeOf(error) === 'EEXIST') return (await look(path))?.id === own.id;
      if (!NO_LINKS.includes(codeOf(error) ?? '')) throw error;
    }
  }
  const begun = performance.now();
  try {
    await writeFile(path, own.text, { flag: 'wx' });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  // Somebody may have taken the empty file for a dead writer's, and is then soon done with it.
  if (performance.now() - begun > WRITING_MS) await sleep(UNREADABLE_MS);
  return (await look(path))?.id === own.id;
}

/**
 * @param {string} path
 * @returns {Promise<Sight | undefined>} undefined where there is no such file
 */
async function look(path) {
  let facts, text;
  try {
    const file = await open(path, 'r');
    try {
      facts = await file.stat({ bigint: true });
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (['ENOENT', 'ESTALE'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
  const record = parse(text);
  const owner = ownerIn(record);
  const id = typeof record?.['id'] === 'string' ? record['id'] : undefined;
  // Text without an id of its own may come again: the file that it is in does not.
  const unique = id === undefined ? `${facts.ino} ${facts.mtimeNs} ${text}` : text;
  return {
    // What names no owner is damaged, and believed in nothing.
    ...{ id, owner, note: owner && record?.['note'] },
    here: id !== undefined && heldHere.has(id) && (await isThisProcess(owner)),
    hash: createHash('sha256').update(unique).digest('hex').slice(0, 24),
    modifiedMs: Number(facts.mtimeNs) / 1e6,
  };
}

/**
 * @param {string} text
 * @returns {Record<string, unknown> | undefined}
 */
function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // being written, or damaged
  }
}

/** @param {Owner | undefined} owner */
async function isThisProcess(owner) {
  const self = await thisOwner();
  return owner?.pid === self.pid && owner.host === self.host && owner.born === self.born;
}

/**
 * @param {Sight} sight
 * @param {Own} own
 * @param {number} staleMs
 */
async function isHeld({ owner, here, modifiedMs }, own, staleMs) {
  if (here) return true;
  if (owner !== undefined) {
    // Without dates of birth, another owner of our number is an earlier process: what we hold is known.
    if (owner.born === null && (await isThisProcess(owner))) return false;
    const alive = await isAlive(owner);
    if (alive !== undefined) return alive;
  }
  const { mtimeMs } = await stat(own.file);
  return mtimeMs - modifiedMs < (owner === undefined ? UNREADABLE_MS : staleMs);
}

/**
 * What a lock of ours is from now on.
 *
 * @param {string} path
 * @param {Own} own
 * @param {LockOptions} options
 * @param {Sight} [previous]
 * @returns {Lock}
 */
function grant(path, own, { staleMs = STALE_MS, onLost }, previous) {
  let held = true;
  let renewing = false;
  const end = () => {
    held = false;
    clearInterval(timer);
    heldHere.delete(own.id);
  };
  const beat = async () => {
    if (renewing) return;
    renewing = true;
    // A beat that fails only brings the lock nearer to being stale; the next one comes.
    const ours = await renew(path, own).catch(() => true);
    renewing = false;
    if (ours || !held) return;
    end();
    onLost?.();
  };
  const timer = setInterval(() => void beat(), staleMs / 4).unref();
  const release = async () => {
    if (!held) return;
    end();
    if ((await look(path))?.id === own.id) await rm(path, { force: true });
  };
  return { previous, release };
}

/**
 * Writes a lock's own text over it, which dates it by the disk's clock and changes nothing.
 *
 * @param {string} path
 * @param {Own} own
 * @returns {Promise<boolean>} false when it is no longer ours
 */
async function renew(path, own) {
  try {
    const file = await open(path, 'r+');
    try {
      if ((await file.readFile('utf8')) !== own.text) return false;
      await file.write(own.text, 0);
      return true;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

const BESIDE = /^(.+)\.(?:(after)|new-(\d+))-[0-9a-f]+$/;

/**
 * Removes what takers that died left beside the locks of a folder. Locks themselves stay.
 *
 * @param {string} folder
 * @param {string} [only] beside this lock alone
 */
export async function sweepLocks(folder, only) {
  const found = [];
  for (const name of await readdir(folder)) {
    const [, lock, after, pid] = BESIDE.exec(name) ?? [];
    if (lock === undefined || (only !== undefined && lock !== only)) continue;
    found.push({ path: join(folder, name), name, lock, after, pid });
  }
  // After listing: a name that was listed and that no line leads to now is of a line that has ended.
  /** @type {Map<string, Set<string>>} */
  const lines = new Map();
  for (const { path, name, lock, after, pid } of found) {
    if (after === undefined) {
      if (await isAbandoned(path, Number(pid))) await rm(path, { force: true });
      continue;
    }
    const line = lines.get(lock) ?? (await lineOf(join(folder, lock)));
    lines.set(lock, line);
    if (!line.has(name)) await rm(path, { force: true });
  }
}

/**
 * @param {string} path a taker's own file; a living taker that loses it begins again
 * @param {number} pid that its name says
 */
async function isAbandoned(path, pid) {
  const sight = await look(path);
  if (sight === undefined || sight.here) return false;
  // Without an owner it was made and not yet, or never, written.
  const owner = sight.owner ?? { ...(await thisOwner()), pid, born: null };
  const alive = await isAlive(owner);
  if (alive === false) return true;
  if (alive === true && sight.owner !== undefined) return false;
  const probe = path.replace(/[0-9a-f]+$/, randomBytes(16).toString('hex'));
  try {
    await writeFile(probe, '', { flag: 'wx' });
    return (await stat(probe)).mtimeMs - sight.modifiedMs > STALE_MS;
  } finally {
    await rm(probe, { force: true });
  }
}

/**
 * @param {string} path
 * @returns {Promise<Set<string>>} the names of a lock's successors, first to last
 */
async function lineOf(path) {
  const names = new Set();
  for (let sight = await look(path); sight !== undefined;) {
    const name = `${basename(path)}.after-${sight.hash}`;
    sight = await look(join(dirname(path), name));
    if (sight !== undefined) names.add(name);
  }
  return names;
}

/** @param {unknown} error */
const codeOf = (error) => /** @type {NodeJS.ErrnoException} */ (error)?.code;
