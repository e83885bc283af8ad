// One set-up at a time for one thing: two terminals in one checkout, two checkouts and one cache.
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const BEAT_MS = 2000;
/** A lock whose holder has not touched it for this long is nobody's (killed, or power lost). */
const STALE_MS = 30_000;

/**
 * Runs `work` while holding the lock folder `path`, waiting for whoever holds it.
 *
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {{ onWait?: () => void, pollMs?: number, staleMs?: number }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(path, work, options = {}) {
  const { onWait, pollMs = 300, staleMs = STALE_MS } = options;
  await mkdir(dirname(path), { recursive: true });
  for (let told = false; !(await take(path));) {
    if (await isStale(path, staleMs)) {
      await discard(path);
      continue;
    }
    if (!told) onWait?.();
    told = true;
    await sleep(pollMs);
  }
  const beat = setInterval(() => {
    const now = new Date();
    // A missed beat only brings the lock nearer to being stale; the next one comes in two seconds.
    utimes(path, now, now).catch(() => undefined);
  }, BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(path, { recursive: true, force: true });
  }
}

/**
 * @param {string} path
 * @returns {Promise<boolean>} whether it is ours now
 */
async function take(path) {
  try {
    await mkdir(path);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
  await writeFile(
    join(path, 'holder.json'),
    JSON.stringify({ pid: process.pid, host: hostname() }),
  );
  return true;
}

/**
 * @param {string} path
 * @param {number} staleMs
 */
async function isStale(path, staleMs) {
  try {
    if (Date.now() - (await stat(path)).mtimeMs > staleMs) return true;
    const holder = JSON.parse(await readFile(join(path, 'holder.json'), 'utf8'));
    return holder.host === hostname() && !isAlive(holder.pid);
  } catch {
    // Gone meanwhile, or its holder is between making it and writing its name: look again later.
    return false;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * Renamed before it is removed, so that of two waiters only one takes it away.
 *
 * @param {string} path
 */
async function discard(path) {
  const aside = `${path}.stale-${process.pid}`;
  try {
    await rename(path, aside);
  } catch {
    return; // another waiter was first
  }
  await rm(aside, { recursive: true, force: true });
}
