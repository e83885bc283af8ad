import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSet } from '../../src/base/same-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frameloom-same-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a set of files', () => {
  it('knows a file by whatever name', async () => {
    const path = join(folder, 'a.mp4');
    await writeFile(path, 'x');
    await writeFile(join(folder, 'b.mp4'), 'x');
    await symlink(path, join(folder, 'link.mp4'));
    await link(path, join(folder, 'hard.mp4'));
    await symlink(folder, join(folder, 'here'));
    const set = new FileSet();
    await set.add(path);
    const names = ['a.mp4', 'link.mp4', 'hard.mp4', join('here', 'a.mp4')];
    for (const name of names) expect(await set.find(join(folder, name))).toBe(path);
    expect(await set.find(relative(process.cwd(), path))).toBe(path);
    expect(await set.find(join(folder, 'b.mp4'))).toBeUndefined();
    expect(await set.find(join(folder, 'none.mp4'))).toBeUndefined();
  });

  it('knows what is not there yet by its folder', async () => {
    await mkdir(join(folder, 'real'));
    await symlink(join(folder, 'real'), join(folder, 'link'));
    const set = new FileSet();
    await set.add(join(folder, 'real', 'x', 'new.mp4'));
    expect(await set.find(join(folder, 'link', 'x', 'new.mp4'))).toBeDefined();
    expect(await set.find(join(folder, 'link', 'y', 'new.mp4'))).toBeUndefined();
  });

  it.runIf(process.platform !== 'win32')('holds no devices', async () => {
    const set = new FileSet();
    await set.add('/dev/null');
    expect(await set.find('/dev/null')).toBeUndefined();
  });
});
