import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  commitFile,
  temporaryBeside,
  writeError,
  writeFileAtomic,
} from '../../src/base/atomic-write.js';

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

describe('commitFile', () => {
  it('renames a finished temporary into place', async () => {
    const path = join(folder, 'clip.mp4');
    const temporary = temporaryBeside(path);
    await writeFile(temporary, 'whole');
    await commitFile(temporary, path);
    expect(await readdir(folder)).toEqual(['clip.mp4']);
  });

  it('removes the temporary when it cannot', async () => {
    const path = join(folder, 'missing', 'clip.mp4');
    const temporary = join(folder, 'temporary');
    await writeFile(temporary, 'whole');
    await expect(commitFile(temporary, path)).rejects.toMatchObject({ code: 'write-failed' });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('temporaryBeside', () => {
  it('is hidden, in the same folder, of the same kind, never twice the same', () => {
    const path = join('runs', 'out', 'clip.mp4');
    const temporary = temporaryBeside(path);
    expect(dirname(temporary)).toBe(dirname(path));
    expect(basename(temporary)).toMatch(/^\.[0-9a-f]{8}\.partial\./);
    expect(extname(temporary)).toBe('.mp4');
    expect(temporaryBeside(path)).not.toBe(temporary);
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
});
