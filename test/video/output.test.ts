import * as fs from 'node:fs/promises';
import {
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../src/base/log.js';
import { flush } from '../../src/base/flush.js';
import { temporaryBeside } from '../../src/base/temporaries.js';
import { assertNotAnInput } from '../../src/video/kept-files.js';
import { openTarget, type FileTarget, type TargetOptions } from '../../src/video/output.js';
import { scratchPath } from './make-clip.js';

vi.mock('node:fs/promises', { spy: true });
vi.mock('../../src/base/flush.js', { spy: true });
afterEach(() => vi.resetAllMocks());

async function fileTarget(
  path: string,
  pictures: boolean,
  options: TargetOptions = {},
): Promise<FileTarget> {
  const target = await openTarget(path, pictures, options);
  if (target.kind !== 'file') throw new Error('not a file');
  return target;
}

/** Pictures as ffmpeg leaves them; the text tells them apart. */
async function picturesInto(pattern: string, texts: string[], options: TargetOptions = {}) {
  const target = await fileTarget(pattern, true, options);
  for (const [i, text] of texts.entries()) {
    await writeFile(join(target.temporary, `${i + 1}.png`), text);
  }
  return target;
}

const contents = async (folder: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(folder))
        .sort()
        .map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const),
    ),
  );

const logged = () => {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const log: Logger = { error: say, warn: say, info: () => undefined, debug: () => undefined };
  return { log, said };
};

describe('a film', () => {
  it('is written beside and put in place, whatever its name is', async () => {
    const folder = scratchPath('out');
    // As long as a name can be: nothing may be added to it.
    for (const name of [`${'長'.repeat(83)}.mp4`, 'a 50%.mp4', '-x.mp4']) {
      const target = await fileTarget(join(folder, name), false);
      expect(dirname(target.temporary)).toBe(folder);
      await writeFile(target.temporary, name);
      await target.commit();
      expect(await readFile(join(folder, name), 'utf8')).toBe(name);
    }
    expect(await readdir(folder)).toHaveLength(3);
  });

  it('is on the disk before it has its name', async () => {
    const path = scratchPath('film.mp4');
    const target = await fileTarget(path, false);
    await writeFile(target.temporary, 'film');
    const order: string[] = [];
    const { open } = await vi.importActual<typeof fs>('node:fs/promises');
    const names = new Map<number, string>();
    vi.mocked(fs.open).mockImplementation(async (...args) => {
      const file = await open(...args);
      names.set(file.fd, basename(String(args[0])));
      return file;
    });
    vi.mocked(flush).mockImplementation((file) => {
      order.push(`sync ${names.get(file.fd)}`);
      return Promise.resolve();
    });
    vi.mocked(fs.link).mockImplementation(async (from, to) => {
      order.push('name');
      const real = await vi.importActual<typeof fs>('node:fs/promises');
      await real.link(from, to);
    });
    await target.commit();
    expect(order).toEqual([
      `sync ${basename(target.temporary)}`,
      'name',
      `sync ${basename(dirname(path))}`,
    ]);
  });

  it('replaces nothing unasked, not even what comes while it is made', async () => {
    const path = scratchPath('film.mp4');
    await writeFile(path, 'theirs');
    await expect(openTarget(path, false)).rejects.toMatchObject({ code: 'exists', path });
    const other = scratchPath('other.mp4');
    const target = await fileTarget(other, false);
    await writeFile(target.temporary, 'ours');
    await writeFile(other, 'theirs');
    await expect(target.commit()).rejects.toMatchObject({ code: 'exists', path: other });
    expect(await readFile(other, 'utf8')).toBe('theirs');
    const asked = await fileTarget(path, false, { overwrite: true });
    await writeFile(asked.temporary, 'ours');
    expect(await readFile(path, 'utf8')).toBe('theirs');
    await asked.commit();
    expect(await readFile(path, 'utf8')).toBe('ours');
    expect((await readdir(dirname(path))).filter((name) => name.includes('.partial'))).toEqual([]);
  });

  it('goes through a link to where it leads', async () => {
    const folder = scratchPath('out');
    await mkdir(join(folder, 'real'), { recursive: true });
    await writeFile(join(folder, 'real', 'film.mp4'), 'old');
    await symlink(join('real', 'film.mp4'), join(folder, 'film.mp4'));
    const target = await fileTarget(join(folder, 'film.mp4'), false, { overwrite: true });
    expect(dirname(target.temporary)).toBe(await fs.realpath(join(folder, 'real')));
    await writeFile(target.temporary, 'new');
    await target.commit();
    expect(await readlink(join(folder, 'film.mp4'))).toBe(join('real', 'film.mp4'));
    expect(await contents(join(folder, 'real'))).toEqual({ 'film.mp4': 'new' });
  });

  it('takes its second temporary along', async () => {
    const path = scratchPath('film.mp4');
    for (const end of ['commit', 'discard'] as const) {
      const target = await fileTarget(path, false, { overwrite: true });
      const second = target.beside('.mkv');
      expect([dirname(second), second.slice(-4)]).toEqual([dirname(path), '.mkv']);
      await writeFile(target.temporary, 'film');
      await writeFile(second, 'sound');
      await target[end]();
      await expect(stat(second)).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(stat(target.temporary)).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });

  it('clears away what a killed process left in its folder', async () => {
    const path = join(scratchPath('out'), 'film.mp4');
    await mkdir(dirname(path));
    const own = basename(await temporaryBeside(path));
    const [random, , ...rest] = own.split('-');
    // One that began at another time than the living process of its number.
    const dead = join(dirname(path), [random, process.pid, '1', ...rest.slice(1)].join('-'));
    await writeFile(dead, 'half a film');
    const target = await fileTarget(path, false);
    expect(await readdir(dirname(path))).toEqual([]);
    await target.discard();
  });

  it('is refused where a folder is, or nothing can be', async () => {
    const folder = scratchPath('folder.mp4');
    await mkdir(folder);
    for (const path of [folder, `${scratchPath('none')}/`]) {
      await expect(openTarget(path, false)).rejects.toMatchObject({ code: 'bad-option', path });
    }
    for (const path of ['', 'a\0b']) {
      await expect(openTarget(path, false)).rejects.toMatchObject({ code: 'bad-option' });
    }
  });
});

describe('numbered pictures', () => {
  it('are written inside their folder, whatever is above it', async () => {
    const folder = scratchPath('out 100%');
    const target = await picturesInto(join(folder, 'a-%03d.png'), ['1', '2']);
    expect(dirname(target.temporary)).toBe(folder);
    expect(target.single).toBe(false);
    await target.commit();
    expect(await contents(folder)).toEqual({ 'a-001.png': '1', 'a-002.png': '2' });
  });

  it.runIf(process.platform === 'linux')('go to another disk', async () => {
    const folder = await fs.mkdtemp('/dev/shm/frameloom-');
    try {
      const target = await picturesInto(join(folder, '%05d.png'), ['1']);
      await target.commit();
      expect(await contents(folder)).toEqual({ '00001.png': '1' });
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });

  it('are named by their pattern, percent signs of names being no numbers', async () => {
    const folder = scratchPath('out');
    for (const [pattern, name] of [
      ['50%-%03d.png', '50%-001.png'],
      ['%d.png', '1.png'],
      ['100%% %05d 7.png', '100%% 00001 7.png'],
    ] as const) {
      await (await picturesInto(join(folder, pattern), ['x'])).commit();
      expect(await readdir(folder)).toContain(name);
    }
  });

  it('replace none unasked', async () => {
    const folder = scratchPath('out');
    const pattern = join(folder, '%03d.png');
    await (await picturesInto(pattern, ['1'])).commit();
    await expect(openTarget(pattern, true)).rejects.toMatchObject({
      ...{ code: 'exists', path: join(folder, '001.png') },
    });
    const late = await picturesInto(join(folder, 'late-%d.png'), ['ours', 'ours']);
    await writeFile(join(folder, 'late-2.png'), 'theirs');
    await expect(late.commit()).rejects.toMatchObject({ code: 'exists' });
    expect(await contents(folder)).toEqual({ '001.png': '1', 'late-2.png': 'theirs' });
  });

  it('leave no tail of a longer sequence, and nothing else of the folder gone', async () => {
    const folder = scratchPath('out');
    const pattern = join(folder, '%03d.png');
    await (await picturesInto(pattern, ['a', 'b', 'c', 'd'])).commit();
    await writeFile(join(folder, '000.png'), 'before the first');
    for (const name of ['x-001.png', '01.png', '001.jpg']) await writeFile(join(folder, name), '');
    await (await picturesInto(pattern, ['A', 'B'], { overwrite: true })).commit();
    expect(await contents(folder)).toEqual({
      ...{ '001.png': 'A', '002.png': 'B' },
      ...{ 'x-001.png': '', '01.png': '', '001.jpg': '' },
    });
  });

  it.each([true, false])('come all or not at all (hard links: %s)', async (links) => {
    if (!links) {
      const refused = Object.assign(new Error('no links here'), { code: 'EPERM' });
      vi.mocked(fs.link).mockRejectedValue(refused);
    }
    const folder = scratchPath('out');
    const pattern = join(folder, '%d.png');
    await (await picturesInto(pattern, ['a', 'b', 'c', 'd', 'e'])).commit();
    const before = await contents(folder);
    const next = await picturesInto(pattern, ['A', 'B', 'C', 'D'], { overwrite: true });
    const real = await vi.importActual<typeof fs>('node:fs/promises');
    let renamed = 0;
    vi.mocked(fs.rename).mockImplementation(async (from, to) => {
      if (basename(String(to)) === '3.png') {
        renamed += 1;
        if (renamed === (links ? 1 : 2)) {
          throw Object.assign(new Error('disk gone'), { code: 'EIO' });
        }
      }
      await real.rename(from, to);
    });
    await expect(next.commit()).rejects.toMatchObject({ code: 'write-failed', path: pattern });
    expect(await contents(folder)).toEqual(before);
  });

  it('keep those before even where they cannot be brought back', async () => {
    const folder = scratchPath('out');
    const pattern = join(folder, '%d.png');
    await (await picturesInto(pattern, ['a', 'b'])).commit();
    const { log, said } = logged();
    const next = await picturesInto(pattern, ['A', 'B'], { overwrite: true, log });
    const real = await vi.importActual<typeof fs>('node:fs/promises');
    vi.mocked(fs.rename).mockImplementation(async (from, to) => {
      const late = /[\\/]2\.png$/.test(String(to)) || String(from).includes('before');
      if (late && String(to).endsWith('.png')) throw new Error('disk gone');
      await real.rename(from, to);
    });
    await expect(next.commit()).rejects.toMatchObject({ code: 'write-failed' });
    const refuge = (await readdir(folder)).find((name) => name.startsWith('frameloom-before'));
    expect(await contents(join(folder, refuge!))).toEqual({ '1.png': 'a', '2.png': 'b' });
    expect(said).toEqual([expect.stringContaining(refuge!)]);
  });
});

describe('a clean-up that fails', () => {
  const failing = (): void => {
    vi.mocked(fs.rm).mockRejectedValue(Object.assign(new Error('busy'), { code: 'EBUSY' }));
  };

  it('is told and decides nothing', async () => {
    const folder = scratchPath('out');
    for (const overwrite of [false, true]) {
      const { log, said } = logged();
      const film = await fileTarget(join(folder, `film-${overwrite}.mp4`), false, {
        ...{ log, overwrite },
      });
      await writeFile(film.temporary, 'film');
      const pictures = await picturesInto(join(folder, `${overwrite}-%d.png`), ['1'], {
        ...{ log, overwrite },
      });
      const given = await fileTarget(join(folder, 'never.mp4'), false, { log });
      await writeFile(given.temporary, 'x');
      failing();
      await film.commit();
      await pictures.commit();
      await given.discard();
      expect(said.length).toBeGreaterThan(0);
      for (const line of said) expect(line).toMatch(/could not be removed .*: busy/);
      expect(await readFile(join(folder, `film-${overwrite}.mp4`), 'utf8')).toBe('film');
      expect(await readFile(join(folder, `${overwrite}-1.png`), 'utf8')).toBe('1');
      vi.resetAllMocks();
    }
  });

  it('does not hide why a file could not be put in place', async () => {
    const path = scratchPath('film.mp4');
    const { log } = logged();
    const target = await fileTarget(path, false, { log });
    await writeFile(target.temporary, 'film');
    failing();
    vi.mocked(fs.link).mockRejectedValue(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    await expect(target.commit()).rejects.toMatchObject({ code: 'disk-full', path });
  });
});

describe('what is read', () => {
  it('is never written over, by whatever name', async () => {
    const folder = scratchPath('in');
    await mkdir(join(folder, 'sub'), { recursive: true });
    const input = join(folder, 'a.mp4');
    await writeFile(input, 'film');
    await writeFile(join(folder, 'b.mp4'), 'film');
    await symlink(input, join(folder, 'link.mp4'));
    await link(input, join(folder, 'hard.mp4'));
    await symlink(folder, join(folder, 'sub', 'up'));
    for (const output of [
      input,
      join(folder, '.', 'sub', '..', 'a.mp4'),
      join(folder, 'link.mp4'),
      join(folder, 'hard.mp4'),
      join(folder, 'sub', 'up', 'a.mp4'),
    ]) {
      await expect(assertNotAnInput(output, ['-', input])).rejects.toMatchObject({
        ...{ code: 'bad-option', message: expect.stringContaining('one of the inputs') as string },
      });
    }
    for (const output of ['-', join(folder, 'b.mp4'), join(folder, 'new.mp4')]) {
      await expect(assertNotAnInput(output, [input])).resolves.toBeUndefined();
    }
  });

  it('is each picture of a sequence', async () => {
    const folder = scratchPath('in');
    await mkdir(folder);
    for (const name of ['0001.png', '0002.png', 'x.txt']) await writeFile(join(folder, name), name);
    const pattern = join(folder, '%04d.png');
    const refused = { code: 'bad-option' };
    for (const inputs of [[folder], [pattern], [join(folder, '0002.png')]]) {
      await expect(assertNotAnInput(pattern, inputs, true)).rejects.toMatchObject(refused);
    }
    const single = join(folder, '0002.png');
    await expect(assertNotAnInput(single, [pattern], true)).rejects.toMatchObject(refused);
    // Another picture in a folder that is read whole would be one more frame of it.
    const more = join(folder, 'more-%d.png');
    await expect(assertNotAnInput(more, [folder], true)).rejects.toMatchObject(refused);
    await expect(assertNotAnInput(more, [pattern], true)).resolves.toBeUndefined();
    for (const output of ['0003.png', '%d.png', '%05d.png']) {
      const place = join(folder, output);
      await expect(assertNotAnInput(place, [pattern], true)).rejects.toMatchObject(refused);
      const elsewhere = join(folder, 'sub', output);
      await expect(assertNotAnInput(elsewhere, [pattern], true)).resolves.toBeUndefined();
    }
    const film = join(folder, 'film.mp4');
    await expect(assertNotAnInput(film, [folder])).resolves.toBeUndefined();
  });
});

it('renames are not mocked between tests', async () => {
  const [from, to] = [scratchPath('from'), scratchPath('to')];
  await writeFile(from, 'x');
  await rename(from, to);
  expect(await readFile(to, 'utf8')).toBe('x');
});
