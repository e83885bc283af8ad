import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic } from '../../src/base/outputs.js';
import { isTemporary, sweepTemporaries, temporaryBeside } from '../../src/base/temporaries.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frameloom-temporaries-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Our own temporary as another process would have named it. */
async function temporaryOf(change: {
  pid?: number;
  born?: number;
  place?: string;
  extension?: string;
}) {
  const own = await temporaryBeside(join(folder, `x${change.extension ?? '.mp4'}`));
  const [random, pid, born, boot, rest] = basename(own).split('-') as [
    string,
    string,
    string,
    string,
    string,
  ];
  const parts = [random, change.pid ?? pid, change.born ?? born, boot];
  return join(folder, `${parts.join('-')}-${change.place ?? rest.slice(0, 8)}${rest.slice(8)}`);
}

/** A process's number that no process has any more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);

describe('temporaryBeside', () => {
  it('is hidden, in the same folder, of the same kind, never twice the same', async () => {
    const path = join('runs', 'out', 'clip.mp4');
    const temporary = await temporaryBeside(path);
    expect(dirname(temporary)).toBe(dirname(path));
    expect(isTemporary(basename(temporary))).toBe(true);
    expect(basename(temporary)).toMatch(/^\.[0-9a-f]{8}-/);
    expect(extname(temporary)).toBe('.mp4');
    expect(await temporaryBeside(path)).not.toBe(temporary);
  });

  it('is short however long the target’s name is', async () => {
    for (const name of [`${'長'.repeat(83)}.mp4`, `x.${'y'.repeat(250)}`]) {
      const path = join(folder, name);
      expect(Buffer.byteLength(basename(await temporaryBeside(path)))).toBeLessThan(100);
      await writeFileAtomic(path, 'whole');
    }
    expect(await readdir(folder)).toHaveLength(2);
  });

  it.each(['.hidden', 'a.partial.mp4', '.0a1b2c3d.mp4', '.x-1-2-aaaaaa-bbbbbbbb.partial'])(
    'is not what %s is',
    (name) => expect(isTemporary(name)).toBe(false),
  );
});

describe('sweepTemporaries', () => {
  it('removes files and folders of dead processes, and no others', async () => {
    const pid = await deadPid();
    const go = [
      await temporaryOf({ pid }),
      await temporaryOf({ pid, extension: '' }),
      // The number is another process's now.
      await temporaryOf({ born: 1 }),
    ];
    await writeFile(go[0]!, 'x');
    await mkdir(go[1]!);
    await writeFile(join(go[1]!, '1.png'), 'x');
    await writeFile(go[2]!, 'x');
    const stay = [
      await temporaryBeside(join(folder, 'own.mp4')),
      await temporaryOf({ place: '00000000', pid }),
      ...['a.mp4', '.hidden', '.partial.mp4'].map((name) => join(folder, name)),
    ];
    for (const path of stay) await writeFile(path, 'x');
    await sweepTemporaries(folder);
    expect((await readdir(folder)).sort()).toEqual(stay.map((path) => basename(path)).sort());
  });

  it('removes what another machine left when nobody has written to it for a day', async () => {
    const old = await temporaryOf({ place: '00000000' });
    const young = await temporaryOf({ place: '00000000' });
    const unnamed = join(folder, '.0123abcd.partial.a.mp4');
    for (const path of [old, young, unnamed]) await writeFile(path, 'x');
    await utimes(old, daysAgo(2), daysAgo(2));
    await utimes(unnamed, daysAgo(2), daysAgo(2));
    await utimes(young, daysAgo(0.9), daysAgo(0.9));
    await sweepTemporaries(folder);
    expect(await readdir(folder)).toEqual([basename(young)]);
  });

  it('is no error where there is no folder', async () => {
    await expect(sweepTemporaries(join(folder, 'none'))).resolves.toBeUndefined();
  });
});
