import { mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeRun } from '../../synthesis/make-run.js';
import { scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

describe('frameloom live --export', () => {
  it('writes the page of a run into a folder, and says what it takes', async () => {
    const run = await makeRun();
    const folder = scratchPath('page');
    const first = await frameloom('live', run, '--export', folder);
    expect({ code: first.code, stderr: first.stderr }).toMatchObject({ code: 0 });
    // There is no clip any more, and the page says nothing of one.
    expect(first.stderr).toContain('the page begins without a clip');
    expect(first.stdout).toMatch(
      /files, .* MiB; gzipped .* MiB \(page .*, ONNX Runtime .*, generator .*\)/,
    );
    expect(await readdir(folder)).toContain('index.html');
    const again = await frameloom('live', run, '--export', folder);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain(`${folder} is there already`);
    // Through a link it is the folder that is replaced, and the link stays.
    const link = scratchPath('a link');
    await symlink(folder, link);
    const over = await frameloom('live', run, '--export', link, '-y');
    expect(over.stdout).toContain(`--directory '${link}'`);
    expect([await readlink(link), await readdir(link)]).toEqual([folder, await readdir(folder)]);
  });

  it('replaces no folder of somebody else’s, and says why nothing can be written', async () => {
    const run = await makeRun();
    const into = async (place: string): Promise<string> =>
      (await frameloom('live', run, '--export', place, '-y')).stderr;
    const own = scratchPath('own-page');
    await mkdir(own);
    // A page like many others: nothing in it says that it is an export.
    await writeFile(join(own, 'index.html'), 'mine');
    expect(await into(own)).toContain('holds index.html, which would be lost');
    expect(await readdir(own)).toEqual(['index.html']);
    expect(await into(run)).toContain('which would be lost');
    const file = join(own, 'index.html');
    expect(await into(file)).toContain('is no folder');
    expect(await into(join(file, 'page'))).toMatch(/^error: cannot write .*page: not a directory/m);
    await symlink(join(own, 'none'), join(own, 'dead'));
    expect(await into(join(own, 'dead'))).toContain('is a link that leads nowhere');
    expect(await into('')).toContain('has no name');
  });

  it('refuses what would do nothing', async () => {
    const run = await makeRun();
    const refused = async (...words: string[]): Promise<string> =>
      (await frameloom('live', run, ...words)).stderr;
    const folder = scratchPath('none');
    expect(await refused('--export', folder, '--port', '8000')).toContain('--port does nothing');
    expect(await refused('--export', folder, '--no-open')).toContain('--no-open does nothing');
    expect(await refused('-y')).toContain('--overwrite does nothing without --export');
  });
});
