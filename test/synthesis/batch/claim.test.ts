import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Claims, isSameWork, type ClaimedWork } from '../../../src/synthesis/batch/claim.js';
import { scratchPath } from '../../video/make-clip.js';

const work = (output: string): ClaimedWork => ({
  output,
  model: { step: 7, sha256: 'b'.repeat(64) },
  settings: { seed: 1, audio: false },
  input: { path: 'in.mp4', bytes: 5, modifiedMs: 1.5, sha256: 'a'.repeat(64) },
  before: null,
});

/** The id of a process that is gone. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return child.pid!;
}

/** Rewrites the only claim of a folder. */
async function change(folder: string, changes: object): Promise<string> {
  const [name] = await readdir(join(folder, '.frameloom-claims'));
  const path = join(folder, '.frameloom-claims', name!);
  const claim = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...claim, ...changes }));
  return path;
}

describe('claims', () => {
  it('give a job to one, and again when it is given back', async () => {
    const folder = scratchPath('out');
    const [a, b] = [new Claims(folder), new Claims(folder)];
    const claims = await Promise.all([a.take(work('x.mp4')), b.take(work('x.mp4'))]);
    expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
    expect(await b.take(work('y.mp4'))).toMatchObject({ abandoned: undefined });
    await claims.find((claim) => claim !== undefined)!.release();
    const later = await b.take(work('x.mp4'));
    expect(later?.abandoned).toBeUndefined();
    await later?.release();
    await a.close();
    await b.close();
    // y.mp4 is still claimed, so the folder stays.
    expect(await readdir(folder)).toEqual(['.frameloom-claims']);
  });

  it('leave nothing behind', async () => {
    const folder = scratchPath('out');
    await mkdir(folder);
    const claims = new Claims(folder);
    await (await claims.take(work('x.mp4')))?.release();
    await claims.close();
    expect(await readdir(folder)).toEqual([]);
  });

  it('are taken over from a process that died, with what it was doing', async () => {
    const folder = scratchPath('out');
    const [dead, living] = [new Claims(folder), new Claims(folder)];
    await dead.take(work('x.mp4'));
    await change(folder, { pid: await deadPid() });
    const claim = await living.take(work('x.mp4'));
    expect(claim?.abandoned).toEqual(work('x.mp4'));
    await claim?.release();
  });

  it('remember what lay there before the first of several that died at the same work', async () => {
    const folder = scratchPath('out');
    const [first, second, third] = [new Claims(folder), new Claims(folder), new Claims(folder)];
    const before = { bytes: 9, modifiedMs: 2 };
    await first.take(work('x.mp4'));
    await change(folder, { pid: await deadPid() });
    // The first one's video is there by now.
    await second.take({ ...work('x.mp4'), before });
    await change(folder, { pid: await deadPid() });
    const claim = await third.take({ ...work('x.mp4'), before });
    expect(claim?.abandoned).toEqual({ ...work('x.mp4'), before: null });
    await claim?.release();
    // Of other work it is only known that it was made by one of them.
    await first.take(work('y.mp4'));
    await change(folder, { pid: await deadPid() });
    const other = { ...work('y.mp4'), settings: { seed: 2 }, before };
    await second.take(other);
    await change(folder, { pid: await deadPid() });
    expect((await third.take(other))?.abandoned).toEqual({ ...other, orphaned: true });
  });

  it('of what is done are cleared away, a living process’s apart', async () => {
    const folder = scratchPath('out');
    const [dead, living] = [new Claims(folder), new Claims(folder)];
    await dead.take(work('x.mp4'));
    await living.clear('x.mp4');
    expect(await living.take(work('x.mp4'))).toBeUndefined();
    await change(folder, { pid: await deadPid() });
    await living.clear('x.mp4');
    await living.close();
    expect(await readdir(folder)).toEqual([]);
  });

  it('are taken over from another machine when they are not renewed', async () => {
    const folder = scratchPath('out');
    const [far, here] = [new Claims(folder), new Claims(folder)];
    await far.take(work('x.mp4'));
    const path = await change(folder, { host: 'elsewhere', pid: 1 });
    expect(await here.take(work('x.mp4'))).toBeUndefined();
    const old = new Date(Date.now() - 120_000);
    await utimes(path, old, old);
    expect((await here.take(work('x.mp4')))?.abandoned).toEqual(work('x.mp4'));
  });

  it('that cannot be read are respected until they are old', async () => {
    const folder = scratchPath('out');
    const [a, b] = [new Claims(folder), new Claims(folder)];
    await a.take(work('x.mp4'));
    const path = await change(folder, { pid: 'nobody' });
    expect(await b.take(work('x.mp4'))).toBeUndefined();
    const old = new Date(Date.now() - 120_000);
    await utimes(path, old, old);
    expect(await b.take(work('x.mp4'))).toMatchObject({ abandoned: undefined });
  });

  it('know the same work from another', () => {
    expect(isSameWork(work('a'), work('b'))).toBe(true);
    expect(isSameWork(work('a'), { ...work('a'), settings: { seed: 2, audio: false } })).toBe(
      false,
    );
    const model = { step: 7, sha256: 'c'.repeat(64) };
    expect(isSameWork(work('a'), { ...work('a'), model })).toBe(false);
    // Whichever of the two was told actions: one who died may have been told none.
    const told = { ...work('a'), settings: { ...work('a').settings, actions: 'd'.repeat(64) } };
    expect([isSameWork(work('a'), told), isSameWork(told, work('a'))]).toEqual([false, false]);
    const older = { ...work('a'), settings: { ...work('a').settings, crf: null } };
    expect([isSameWork(work('a'), older), isSameWork(older, work('a'))]).toEqual([true, true]);
  });
});
