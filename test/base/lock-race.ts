// Processes that want the same locks at once, for the tests and for `npm run bench -- --only lock-race`.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sweepLocks, tryLock } from '../../src/base/lock.mjs';

const RACER = fileURLToPath(new URL('lock-racer.mjs', import.meta.url));
const LOCK = new URL('../../src/base/lock.mjs', import.meta.url).href;

export const lockNames = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `lock-${i}`);

/** Processes over the locks of `folder/locks`. */
export class LockRace {
  readonly #folder: string;
  readonly #module: string;
  readonly #racers = new Set<ChildProcess>();

  /** @param module what has `tryLock`; the one lock unless given */
  constructor(folder: string, module = LOCK) {
    this.#folder = folder;
    this.#module = module;
  }

  get locks(): string {
    return join(this.#folder, 'locks');
  }

  async start(): Promise<ChildProcess> {
    const racer = fork(RACER, [this.#folder, this.#module], { execArgv: [] });
    this.#racers.add(racer);
    racer.once('exit', () => this.#racers.delete(racer));
    await once(racer, 'message');
    return racer;
  }

  /** Ends all that run, in the hardest way. */
  async kill(racers: Iterable<ChildProcess> = this.#racers): Promise<void> {
    await Promise.all(
      [...racers].map(async (racer) => {
        const gone = once(racer, 'exit');
        racer.kill('SIGKILL');
        await gone;
      }),
    );
  }

  /** Locks whose owner was killed while it had them. */
  async leaveDead(names: readonly string[]): Promise<void> {
    await mkdir(this.locks, { recursive: true });
    const racer = await this.start();
    const got = await ask(racer, 'keep', names);
    if (got.length !== names.length) throw new Error(`took ${got.length} of ${names.length} locks`);
    await this.kill([racer]);
  }

  /** All of them want all locks at once. @returns what each of them said */
  async together(task: 'keep' | 'turns', processes: number, names: readonly string[]) {
    const racers = await Promise.all(Array.from({ length: processes }, () => this.start()));
    return Promise.all(racers.map((racer) => ask(racer, task, names)));
  }

  /**
   * Processes take and give back while one after another is killed, wherever it just is.
   * @returns locks that two living processes were inside of
   */
  async roam(processes: number, kills: number, names: readonly string[]): Promise<string[]> {
    const shared: string[] = [];
    const begin = async (): Promise<ChildProcess> => {
      const racer = await this.start();
      racer.on('message', (said: string[]) => shared.push(...said));
      racer.send({ task: 'roam', names });
      return racer;
    };
    let racers = await Promise.all(Array.from({ length: processes }, begin));
    for (let killed = 0; killed < kills; killed += 1) {
      // Each at another moment of what it does.
      await sleep((killed * 7) % 31);
      const [victim, ...others] = racers;
      await this.kill([victim!]);
      racers = [...others, await begin()];
    }
    const ends = racers.map((racer) => once(racer, 'message'));
    for (const racer of racers) racer.send({ task: 'stop' });
    await Promise.all(ends);
    await this.kill(racers);
    return shared;
  }

  /** Takes and gives back every lock. @returns what is left in the folder then */
  async leftovers(names: readonly string[]): Promise<string[]> {
    for (const name of names) {
      const { lock, holder } = await tryLock(join(this.locks, name));
      if (!lock) throw new Error(`${name} is still held by ${holder.owner?.pid}`);
      await lock.release();
    }
    await sweepLocks(this.locks);
    return readdir(this.locks);
  }
}

async function ask(racer: ChildProcess, task: string, names: readonly string[]): Promise<string[]> {
  const answer = once(racer, 'message');
  racer.send({ task, names });
  const [said] = (await answer) as [string[]];
  return said;
}

/** Locks by how many processes got them. */
export function countOwners(
  names: readonly string[],
  taken: readonly (readonly string[])[],
): { none: number; one: number; several: number } {
  const counts = { none: 0, one: 0, several: 0 };
  for (const name of names) {
    const owners = taken.filter((each) => each.includes(name)).length;
    counts[owners === 0 ? 'none' : owners === 1 ? 'one' : 'several'] += 1;
  }
  return counts;
}
