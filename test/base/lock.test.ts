import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmdirSync } from 'node:fs';
import { link, mkdir, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import {
  sweepLocks,
  tryLock,
  withLock,
  type Lock,
  type LockOptions,
} from '../../src/base/lock.mjs';
import { isAlive, ownerIn, thisOwner } from '../../src/base/owner.mjs';
import { scratchPath } from '../video/make-clip.js';
import { countOwners, lockNames, LockRace } from './lock-race.js';

const MODULE = fileURLToPath(new URL('../../src/base/lock.mjs', import.meta.url));

const taken: Lock[] = [];
afterEach(async () => {
  for (const lock of taken.splice(0)) await lock.release();
});

async function take(path: string, options: LockOptions = {}): Promise<Lock | undefined> {
  const { lock } = await tryLock(path, options);
  if (lock) taken.push(lock);
  return lock;
}

interface Text {
  readonly id: string;
  readonly pid: number;
  readonly note?: unknown;
}
const textOf = async (path: string): Promise<Text> =>
  JSON.parse(await readFile(path, 'utf8')) as Text;

/** Runs `tryLock` in a process that ends without giving back; kills itself at a step where one is named. */
async function takeAndDie(path: string, step?: string, options: object = {}): Promise<number> {
  const code = `
    import { tryLock } from ${JSON.stringify(MODULE)};
    const onStep = (step) => { if (step === process.argv[2]) process.kill(process.pid, 'SIGKILL'); };
    await tryLock(process.argv[1], { ...JSON.parse(process.argv[3]), onStep });
    process.exit(7);`;
  const words = ['--input-type=module', '-e', code, path, step ?? '', JSON.stringify(options)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [status, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect([status, signal]).toEqual(step === undefined ? [7, null] : [null, 'SIGKILL']);
  return child.pid!;
}

/** A lock file as another process would have written it. */
async function writeLock(path: string, changes: object, ageMs = 0): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(
    path,
    JSON.stringify({ ...(await thisOwner()), id: 'ab'.repeat(16), ...changes }),
  );
  const date = new Date(Date.now() - ageMs);
  await utimes(path, date, date);
}

describe('a lock', () => {
  it('is taken once, tells who has it, and leaves nothing when it is given back', async () => {
    const path = join(scratchPath('locks'), 'deep', 'a');
    const lock = await take(path, { note: { of: 'a' } });
    expect(lock?.previous).toBeUndefined();
    const { holder } = await tryLock(path);
    expect(holder).toMatchObject({ here: true, owner: { pid: process.pid }, note: { of: 'a' } });
    await lock?.release();
    await lock?.release();
    expect(await readdir(dirname(path))).toEqual([]);
    expect(await take(path)).toBeDefined();
  });

  it('goes to one of many that ask at once in one process', async () => {
    const path = join(scratchPath('locks'), 'a');
    const results = await Promise.all(Array.from({ length: 20 }, () => take(path)));
    expect(results.filter((lock) => lock !== undefined)).toHaveLength(1);
    expect(await readdir(dirname(path))).toEqual(['a']);
  });

  it('that is somebody else’s by now is not removed, and its loss is told', async () => {
    const path = join(scratchPath('locks'), 'a');
    let lost = 0;
    const lock = await take(path, { staleMs: 40, onLost: () => (lost += 1) });
    await writeLock(path, { pid: process.ppid, born: null });
    while (lost === 0) await sleep(5);
    await lock?.release();
    expect((await textOf(path)).pid).toBe(process.ppid);
    await sleep(40);
    expect(lost).toBe(1);
  });

  it('is renewed while it is held, by the disk’s clock, and its text stays', async () => {
    const path = join(scratchPath('locks'), 'a');
    await take(path, { staleMs: 40, note: 1 });
    const text = await readFile(path, 'utf8');
    await utimes(path, 1, 1);
    while ((await stat(path)).mtimeMs < 2000) await sleep(5);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('survives that its folder is removed between making it and writing into it', async () => {
    const folder = scratchPath('locks');
    let removed = 0;
    // A note is put into words just before it is written.
    const toJSON = (): string => {
      if (removed < 3) rmdirSync(folder);
      removed += 1;
      return 'note';
    };
    expect(await take(join(folder, 'a'), { note: { toJSON } })).toBeDefined();
    expect([removed, (await textOf(join(folder, 'a'))).note]).toEqual([4, 'note']);
  });

  it('gives up where its folder is never there', async () => {
    const folder = scratchPath('locks');
    const note = { toJSON: () => rmdirSync(folder) };
    await expect(tryLock(join(folder, 'a'), { note })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says where it cannot be made', async () => {
    const file = scratchPath('file');
    await writeFile(file, '');
    await expect(tryLock(join(file, 'a'))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(file, 'utf8')).toBe('');
  });
});

describe('waiting for a lock', () => {
  it('lets one work at a time, and tells once that somebody has it', async () => {
    const path = join(scratchPath('locks'), 'a');
    let [inside, most, waited] = [0, 0, 0];
    const work = async (): Promise<number> => {
      most = Math.max(most, (inside += 1));
      await sleep(30);
      return (inside -= 1);
    };
    const options = { pollMs: 5, onWait: () => void (waited += 1) };
    await Promise.all([1, 2, 3].map(() => withLock(path, work, options)));
    expect({ most, waited }).toEqual({ most: 1, waited: 2 });
  });

  it('ends with a failure of the work too', async () => {
    const path = scratchPath('lock');
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withLock(path, () => Promise.resolve('yes'))).toBe('yes');
  });
});

describe('the lock of an owner that', () => {
  it('died is taken over at once, with what it was doing', async () => {
    const path = join(scratchPath('locks'), 'a');
    const pid = await takeAndDie(path, undefined, { note: 'work' });
    const lock = await take(path);
    expect(lock?.previous).toMatchObject({ owner: { pid }, note: 'work' });
    expect((await textOf(path)).pid).toBe(process.pid);
    expect(await readdir(dirname(path))).toEqual(['a']);
  });

  it('died leaves its note to be thought of in the next one’s', async () => {
    const path = join(scratchPath('locks'), 'a');
    await takeAndDie(path, undefined, { note: 'first' });
    await take(path, { note: 'second', inherit: (own, previous) => [own, previous] });
    expect((await textOf(path)).note).toEqual(['second', 'first']);
  });

  it.each([
    ['is on another machine', { host: 'elsewhere', pid: 1 }],
    ['is on another machine of the same name', { machine: 'f'.repeat(32) }],
    ['is in another container', { pidNamespace: 'pid:[4026539999]', pid: 2 ** 30 }],
    [
      'was in a container of the same name before the boot',
      { boot: 'x', pidNamespace: 'pid:[4026539999]', pid: 2 ** 30 },
    ],
  ])('%s is respected while it is renewed', async (_which, owner) => {
    const path = join(scratchPath('locks'), 'a');
    await writeLock(path, owner, 30_000);
    expect(await take(path)).toBeUndefined();
    await writeLock(path, owner, 90_000);
    expect((await take(path))?.previous).toMatchObject({ owner });
  });

  it.each([
    ['ran before the last boot', { boot: 'x', pidNamespace: 'pid:[4026531836]' }, true],
    ['had our number once', { born: '1' }, true],
    ['is our parent', { pid: process.ppid, born: null }, false],
  ])('%s is seen for what it is', async (_which, owner, dead) => {
    const path = join(scratchPath('locks'), 'a');
    const outermost = { ...(await thisOwner()), pidNamespace: 'pid:[4026531836]' };
    const here = (await thisOwner()).pidNamespace === outermost.pidNamespace;
    await writeLock(path, owner);
    // Of a boot in a container nothing can be said: it is respected while it is young.
    expect((await take(path)) !== undefined).toBe(dead && (here || !('boot' in owner)));
  });

  it.runIf(process.platform === 'linux')(
    'is dead and not yet taken note of by its parent is dead',
    async () => {
      // exec: the shell's child is left to a program that never asks for it.
      const child = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60']);
      const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
      const owner = { ...(await thisOwner()), pid: Number(chunk), born: null };
      for (let i = 0; i < 400 && (await isAlive(owner)) !== false; i += 1) await sleep(5);
      const alive = await isAlive(owner);
      const state = await readFile(`/proc/${owner.pid}/stat`, 'utf8').catch(() => ' Z ');
      child.kill('SIGKILL');
      await once(child, 'close');
      expect([alive, state.includes(' Z ')]).toEqual([false, true]);
    },
  );

  it('cannot be read is respected while it may be being written', async () => {
    const path = join(scratchPath('locks'), 'a');
    await mkdir(dirname(path));
    for (const text of ['', '{"pid":', 'null', '{"pid":-1,"host":"h"}']) {
      await writeFile(path, text);
      expect((await tryLock(path)).holder).toMatchObject({ owner: undefined, here: false });
      const old = new Date(Date.now() - 10_000);
      await utimes(path, old, old);
      const lock = await take(path);
      expect(lock?.previous).toMatchObject({ owner: undefined });
      await lock?.release();
    }
  });

  it('has a number that is none is not asked for', () => {
    expect(ownerIn({ pid: 1, host: 'h' })).toMatchObject({ pid: 1, boot: null, born: null });
    for (const pid of [0, -1, 1.5, 2 ** 31, '1', null])
      expect(ownerIn({ pid, host: 'h' })).toBe(undefined);
  });
});

const linked = { hardLinks: true };
const unlinked = { hardLinks: false };

describe.each([
  ['with hard links', linked],
  ['without hard links', unlinked],
])('a taker that is killed, %s,', (_how, options) => {
  it.each(['written', 'dead', 'named', 'sure', 'renamed', 'taken'])(
    'at “%s” is followed by the next one',
    async (step) => {
      const path = join(scratchPath('locks'), 'a');
      await takeAndDie(path, undefined, options);
      await takeAndDie(path, step, options);
      const lock = await take(path, options);
      expect(lock?.previous?.owner).toBeDefined();
      expect(await readdir(dirname(path))).toEqual(['a']);
      await lock?.release();
    },
  );

  it('again and again just when it had won leaves a line that is followed to its end', async () => {
    const path = join(scratchPath('locks'), 'a');
    const first = await takeAndDie(path, undefined, { ...options, note: 'the work' });
    for (let i = 0; i < 4; i += 1) await takeAndDie(path, 'named', options);
    expect(await readdir(dirname(path))).toHaveLength(1 + 4 * 2);
    // The first is the one that did something: the others never knew that they had it.
    expect((await take(path, options))?.previous).toMatchObject({
      owner: { pid: first },
      note: 'the work',
    });
    expect(await readdir(dirname(path))).toEqual(['a']);
  });
});

describe('a taker that comes late', () => {
  it('withdraws where the line has ended meanwhile', async () => {
    const path = join(scratchPath('locks'), 'a');
    await takeAndDie(path);
    let other: Lock | undefined;
    const onStep = async (step: string): Promise<void> => {
      // It has seen a dead lock; now another one takes it over, and all of that is swept away.
      if (step === 'dead') other ??= await take(path);
    };
    expect(await take(path, { onStep })).toBeUndefined();
    expect(other).toBeDefined();
    expect(await readdir(dirname(path))).toEqual(['a']);
  });

  it('begins again where it was taken over and given back meanwhile', async () => {
    const path = join(scratchPath('locks'), 'a');
    await takeAndDie(path);
    let others = 0;
    const onStep = async (step: string): Promise<void> => {
      if (step !== 'dead' || others > 0) return;
      others += 1;
      await (await take(path))?.release();
    };
    const lock = await take(path, { onStep });
    expect([others, lock !== undefined, lock?.previous]).toEqual([1, true, undefined]);
    expect(await readdir(dirname(path))).toEqual(['a']);
  });
});

describe('sweeping', () => {
  it('removes what the dead left beside locks, and nothing of the living', async () => {
    const folder = scratchPath('locks');
    const paths = ['dead', 'held', 'line'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await take(paths[1]);
    await takeAndDie(paths[0], 'written');
    await takeAndDie(paths[2]);
    await takeAndDie(paths[2], 'named');
    // Made and never written, by a dead process; of a line that has ended; no lock's at all.
    await writeFile(join(folder, `held.new-${2 ** 30}-0a`), '');
    await link(paths[1], join(folder, 'held.after-0123456789abcdef'));
    await writeFile(join(folder, 'held.new'), '');
    await writeFile(join(folder, `held.new-${process.pid}-0b`), '');
    await sweepLocks(folder);
    const left = await readdir(folder);
    const line = left.filter((name) => name.startsWith('line.after-'));
    expect(line).toHaveLength(1);
    expect(left.sort()).toEqual(
      ['held', 'held.new', `held.new-${process.pid}-0b`, 'line', ...line].sort(),
    );
    expect(await take(paths[2])).toBeDefined();
    await rm(join(folder, 'held.new'));
  });
});

describe('eight processes', () => {
  it('that want sixty dead locks at once get each of them once, and never two at once', async () => {
    const race = new LockRace(scratchPath('race'));
    const names = lockNames(60);
    try {
      await race.leaveDead(names);
      const owners = countOwners(names, await race.together('keep', 8, names));
      expect(owners).toEqual({ none: 0, one: 60, several: 0 });
      // All dead again; now each of them wants each, one after the other.
      await race.kill();
      const shared = await race.together('turns', 8, names.slice(0, 8));
      expect(shared.flat()).toEqual([]);
      await race.kill();
      expect(await race.leftovers(names)).toEqual([]);
    } finally {
      await race.kill();
    }
  });
});
