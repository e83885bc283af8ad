// A process of the lock race: does what its parent tells it, to locks that others are at as well.
// Plain JavaScript, so that eight of them are there in an instant.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, thisOwner } from '../../src/base/owner.mjs';

const [folder, module] = process.argv.slice(2);
const { tryLock } = await import(module);
const own = String(process.pid);
const self = await thisOwner();

/** Now and then, between two steps of ours, others have time for all of theirs. */
const onStep = () => (Math.random() < 0.2 ? sleep(Math.random() * 30) : undefined);

/** @param {string} name */
const take = (name) => tryLock(join(folder, 'locks', name), { onStep });

/**
 * Says that we are inside, then looks who else is: of two, one at least sees the other.
 *
 * @param {string} name
 * @returns {Promise<boolean>} whether nobody living is inside but us
 */
async function enter(name) {
  const inside = join(folder, 'inside', name);
  await mkdir(inside, { recursive: true });
  await writeFile(join(inside, own), '');
  for (const pid of await readdir(inside)) {
    if (pid !== own && (await isAlive({ ...self, pid: Number(pid), born: null }))) return false;
    if (pid !== own) await rm(join(inside, pid), { force: true });
  }
  return true;
}

const tasks = {
  /** Takes what it gets, of all at once, and keeps it. */
  async keep(names) {
    const results = await Promise.all(names.map((name) => take(name)));
    return names.filter((_, i) => results[i].lock);
  },

  /** Takes each, waiting for it; tells of those where it was not alone inside. */
  async turns(names) {
    const shared = [];
    for (const name of names) {
      let { lock } = await take(name);
      while (lock === undefined) {
        await sleep(1);
        ({ lock } = await take(name));
      }
      if (!(await enter(name))) shared.push(name);
      await sleep(1);
      await rm(join(folder, 'inside', name, own));
      await lock.release();
    }
    return shared;
  },

  /** Goes on taking and giving back, until it is killed or told to stop. */
  async roam(names) {
    const shared = [];
    for (let i = process.pid; !stopped; i += 1) {
      const name = names[(i * 7) % names.length];
      const { lock } = await take(name);
      if (lock === undefined) continue;
      if (!(await enter(name))) shared.push(name);
      if (shared.length > 0) process.send(shared.splice(0));
      await rm(join(folder, 'inside', name, own), { force: true });
      await lock.release();
    }
    return [];
  },
};

let stopped = false;
process.on('message', ({ task, names }) => {
  if (task === 'stop') stopped = true;
  else tasks[task](names).then((result) => process.send(result));
});
process.send('ready');
