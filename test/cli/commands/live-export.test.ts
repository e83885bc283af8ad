import { readdir } from 'node:fs/promises';
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
    const over = await frameloom('live', run, '--export', folder, '-y', '--json');
    expect(JSON.parse(over.stdout)).toMatchObject({ folder, clipFrames: 0 });
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
