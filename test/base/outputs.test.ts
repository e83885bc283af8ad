import { execFileSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrameloomError } from '../../src/base/error.js';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { commitFile, refuseExisting, writeError, writeFileAtomic } from '../../src/base/outputs.js';
import { temporaryBeside } from '../../src/base/temporaries.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frameloom-atomic-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('writeFileAtomic', () => {
  it('writes bytes and text, making folders, leaving nothing else', async () => {
    const path = join(folder, 'a', 'b', 'bytes.bin');
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 256);
    await writeFileAtomic(path, bytes);
    expect(Uint8Array.from(await readFile(path))).toEqual(bytes);
    await writeFileAtomic(path, 'über');
    expect(await readFile(path, 'utf8')).toBe('über');
    expect(await readdir(dirname(path))).toEqual(['bytes.bin']);
  });

  it('leaves the file whole whoever writes at once', async () => {
    const path = join(folder, 'shared.txt');
    const texts = Array.from({ length: 8 }, (_, i) => String(i).repeat(50_000));
    await Promise.all(texts.map((text) => writeFileAtomic(path, text)));
    expect(texts).toContain(await readFile(path, 'utf8'));
    expect(await readdir(folder)).toEqual(['shared.txt']);
  });

  it('leaves what was there, and nothing beside it, when it cannot be put in place', async () => {
    const path = join(folder, 'taken');
    await mkdir(path);
    await writeFile(join(path, 'inside'), 'old');
    await expect(writeFileAtomic(path, 'new')).rejects.toMatchObject({
      code: 'write-failed',
      path,
    });
    expect(await readFile(join(path, 'inside'), 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['taken']);
  });

  it('says that a folder is in the way', async () => {
    await writeFile(join(folder, 'file'), '');
    const path = join(folder, 'file', 'below.txt');
    await expect(writeFileAtomic(path, 'x')).rejects.toMatchObject({ code: 'write-failed', path });
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'says that it may not write',
    async () => {
      await chmod(folder, 0o500);
      const path = join(folder, 'x.txt');
      await expect(writeFileAtomic(path, 'x')).rejects.toMatchObject({ code: 'write-failed' });
      await chmod(folder, 0o700);
    },
  );
});

describe('what is there', () => {
  it('stays when it is not to be replaced, a dead link too', async () => {
    const path = join(folder, 'kept.txt');
    await writeFile(path, 'old');
    await expect(writeFileAtomic(path, 'new', { overwrite: false })).rejects.toMatchObject({
      code: 'exists',
      hint: expect.stringContaining('overwrite: true') as string,
    });
    expect(await readFile(path, 'utf8')).toBe('old');
    const dead = join(folder, 'dead');
    await symlink(join(folder, 'nowhere'), dead);
    await expect(refuseExisting(dead)).rejects.toMatchObject({ code: 'exists' });
    await expect(refuseExisting(join(folder, 'nowhere'))).resolves.toBeUndefined();
  });
});

describe('makeFolder', () => {
  it('makes what is missing, and is content with what is there', async () => {
    const path = join(folder, 'a', 'b', 'c');
    await Promise.all([makeFolder(path), makeFolder(join(folder, 'a', 'b', 'd'))]);
    await makeFolder(path);
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['c', 'd']);
  });

  it.runIf(process.platform === 'linux')('ends where no folder can be', async () => {
    await expect(makeFolder('/proc/nothing/here')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('commitFile', () => {
  it('renames a finished temporary into place', async () => {
    const path = join(folder, 'clip.mp4');
    const temporary = await temporaryBeside(path);
    await writeFile(temporary, 'whole');
    await commitFile(temporary, path);
    expect(await readdir(folder)).toEqual(['clip.mp4']);
    expect(await readFile(path, 'utf8')).toBe('whole');
  });

  it('leaves what came meanwhile, unless it may be replaced', async () => {
    const path = join(folder, 'clip.mp4');
    await writeFile(path, 'theirs');
    const temporary = await temporaryBeside(path);
    await writeFile(temporary, 'ours');
    await expect(commitFile(temporary, path)).rejects.toMatchObject({ code: 'exists', path });
    expect([await readFile(path, 'utf8'), await readdir(folder)]).toEqual(['theirs', ['clip.mp4']]);
    await writeFile(temporary, 'ours');
    await commitFile(temporary, path, { overwrite: true });
    expect([await readFile(path, 'utf8'), await readdir(folder)]).toEqual(['ours', ['clip.mp4']]);
  });

  it('removes the temporary when it cannot', async () => {
    const path = join(folder, 'missing', 'clip.mp4');
    const temporary = join(folder, 'temporary');
    await writeFile(temporary, 'whole');
    await expect(commitFile(temporary, path)).rejects.toMatchObject({ code: 'write-failed' });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('writeError', () => {
  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EACCES', 'write-failed'],
  ])('calls %s %s', (code, ours) => {
    const cause = Object.assign(new Error(code), { code });
    expect(writeError('out.mp4', cause)).toMatchObject({ code: ours, path: 'out.mp4', cause });
    expect(writeError('out.mp4', cause).message).toContain('out.mp4');
  });

  it('leaves our own errors as they are', () => {
    const error = new FrameloomError('exists', 'there');
    expect(writeError('out.mp4', error)).toBe(error);
  });
});

it.runIf(process.platform !== 'win32')('nothing but a file is ever replaced', async () => {
  const place = await mkdtemp(join(tmpdir(), 'frameloom-outputs-'));
  const pipe = join(place, 'pipe');
  execFileSync('mkfifo', [pipe], { stdio: 'pipe' });
  await expect(writeFileAtomic(pipe, 'text', { overwrite: true })).rejects.toMatchObject({
    code: 'bad-option',
  });
  expect((await stat(pipe)).isFIFO()).toBe(true);
  expect(await readdir(place)).toEqual(['pipe']);
  await rm(place, { recursive: true });
});
