import { chmod, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import { isFrameloomError } from '../../src/base/error.js';
import type { DataInput } from '../../src/clips/index.js';
import { png } from '../cases/pictures.js';
import { runFfmpeg, scratchPath } from '../video/make-clip.js';
import { counting, open } from './make-data.js';

const COUNT = 40;
const picture = (grey: number): Buffer => png(grey, 'rgb', 32, 24);
const nameOf = (k: number): string => `${String(k).padStart(3, '0')}.png`;

/** A folder of flat pictures 001.png to 040.png, each of the grey of its number. */
async function folderOfPictures(): Promise<string> {
  const folder = scratchPath('pictures');
  await mkdir(folder);
  for (let k = 1; k <= COUNT; k += 1) await writeFile(join(folder, nameOf(k)), picture(k));
  return folder;
}

const scansIn = async (cache: string): Promise<string[]> =>
  (await readdir(cache).catch(() => [])).filter((name) => name.startsWith('scan-'));

function listening() {
  let said = '';
  return { log: createLogger({ write: (line) => void (said += line) }), said: () => said };
}

/** Opens, and says the grey of frame `k`, and whether the clip was decoded for it. */
async function look(data: DataInput, cacheFolder: string, k: number) {
  const { log, said } = listening();
  const dataset = await open(data, { cacheFolder, log });
  try {
    const { frames } = await dataset.readFrames(0, k, 1);
    return { grey: frames[0]!, scanned: said().includes('reading '), said: said() };
  } finally {
    await dataset.close();
  }
}

describe('a scan of pictures', () => {
  it.each(['a folder', 'a pattern'])('holds until one of them is mended: %s', async (kind) => {
    const folder = await folderOfPictures();
    const cache = scratchPath('cache');
    const data: DataInput = { clips: [kind === 'a folder' ? folder : join(folder, '%03d.png')] };
    expect(await look(data, cache, 10)).toMatchObject({ grey: 11, scanned: true });
    expect(await look(data, cache, 10)).toMatchObject({ grey: 11, scanned: false });
    const before = await stat(folder);
    // In place: the folder's own date stays what it was.
    await writeFile(join(folder, nameOf(11)), picture(200));
    const later = new Date(Date.now() + 2000);
    await utimes(join(folder, nameOf(11)), later, later);
    await utimes(folder, before.atime, before.mtime);
    expect(await look(data, cache, 10)).toMatchObject({ grey: 200, scanned: true });
    expect(await look(data, cache, 10)).toMatchObject({ grey: 200, scanned: false });
    await rm(join(folder, nameOf(COUNT)));
    expect(await look(data, cache, 0)).toMatchObject({ scanned: true });
    // What no longer holds is written over: one file for a clip.
    expect(await scansIn(cache)).toHaveLength(1);
  });

  it('that turns out not to hold is taken away, so that starting again helps', async () => {
    const folder = await folderOfPictures();
    const cache = scratchPath('cache');
    const data: DataInput = {
      clips: [folder],
      cache: { memoryBytes: 0, diskBytes: 0 },
    };
    const file = join(folder, nameOf(5));
    const date = new Date('2024-05-06T07:08:09Z');
    await utimes(file, date, date);
    await look(data, cache, 0);
    const { size } = await stat(file);
    const mended = picture(99);
    // As bad as it can be: size and date are the same.
    expect(mended).toHaveLength(size);
    await writeFile(file, mended);
    await utimes(file, date, date);
    const first = await look(data, cache, 4).then(
      () => 'no error',
      (error: unknown) => (isFrameloomError(error) ? error.toLine() : String(error)),
    );
    expect(first).toContain(`${folder} changed since it was scanned (start again`);
    expect(await look(data, cache, 4)).toMatchObject({ grey: 99, scanned: true });
  });

  it('is not made of files that change meanwhile', async () => {
    const clip = await counting({ frames: 40 });
    const later = new Date(Date.now() + 5000);
    const touch = (line: string): void => {
      // Said when the first frames have come.
      if (line.includes('reading ')) void utimes(clip, later, later);
    };
    const cacheFolder = scratchPath('cache');
    const outcome = open({ clips: [clip] }, { cacheFolder, log: createLogger({ write: touch }) });
    await expect(outcome).rejects.toMatchObject({ code: 'bad-data', path: clip });
    expect(await scansIn(cacheFolder)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('that cannot be kept is a warning, once', async () => {
    const clips = [await counting({ frames: 20 }), await counting({ frames: 20 })];
    // A file stands where the folder would be, which stops the superuser too.
    const inTheWay = scratchPath('file');
    await writeFile(inTheWay, '');
    const { said, grey } = await look({ clips }, join(inTheWay, 'cache'), 3);
    expect(grey).toBe(3);
    expect(said.match(/what is found in the clips is not kept/g)).toHaveLength(1);
    const locked = scratchPath('locked');
    await mkdir(locked);
    await chmod(locked, 0o500);
    expect((await look({ clips }, locked, 3)).grey).toBe(3);
  });

  it('tells of pictures of several sizes, and tells it again', async () => {
    const folder = await folderOfPictures();
    const cache = scratchPath('cache');
    for (const k of [3, 9]) await writeFile(join(folder, nameOf(k)), png(k, 'rgb', 48, 24));
    const jpeg = scratchPath('photos');
    await mkdir(jpeg);
    for (const [name, size] of [
      ['1.jpg', '32x24'],
      ['2.jpg', '64x48'],
    ] as const) {
      const source = `testsrc=size=${size}`;
      await runFfmpeg('-f', 'lavfi', '-i', source, '-frames:v', '1', join(jpeg, name));
    }
    const said = /sizes: 38 of 32x24 \(001\.png\), 2 of 48x24 \(003\.png\); all are stretched/;
    for (const scanned of [true, false]) {
      const first = await look({ clips: [folder] }, cache, 2);
      expect(first).toMatchObject({ grey: 3, scanned });
      expect(first.said).toMatch(said);
    }
    expect((await look({ clips: [jpeg] }, cache, 0)).said).toContain(
      '1 of 32x24 (1.jpg), 1 of 64x48 (2.jpg)',
    );
  });

  it('goes when nobody has asked for it in three months', async () => {
    const [used, left] = [await folderOfPictures(), await folderOfPictures()];
    const cache = scratchPath('cache');
    for (const clip of [used, left]) await look({ clips: [clip] }, cache, 0);
    const before = await readdir(cache);
    expect(before).toHaveLength(4);
    const old = new Date(Date.now() - 100 * 24 * 60 * 60 * 1000);
    for (const name of before) await utimes(join(cache, name), old, old);
    await writeFile(join(cache, 'scan-notes.json'), 'of somebody else');
    await utimes(join(cache, 'scan-notes.json'), old, old);
    // What is asked for is used; sweeping is done by whoever writes something new.
    expect((await look({ clips: [used] }, cache, 0)).scanned).toBe(false);
    expect(await readdir(cache)).toHaveLength(5);
    await look({ clips: [await folderOfPictures()] }, cache, 0);
    const after = await readdir(cache);
    expect(after).toHaveLength(5);
    expect(after).toContain('scan-notes.json');
    expect((await look({ clips: [used] }, cache, 0)).scanned).toBe(false);
  });

  it('tells again what was wrong with the files', async () => {
    const folder = await folderOfPictures();
    const cache = scratchPath('cache');
    await look({ clips: [folder] }, cache, 0);
    const [name] = await scansIn(cache);
    const kept = JSON.parse(await readFile(join(cache, name!), 'utf8')) as { warnings: string[] };
    expect(kept.warnings).toEqual([]);
    const warnings = ['frame 3 is damaged'];
    await writeFile(join(cache, name!), JSON.stringify({ ...kept, warnings }));
    const again = await look({ clips: [folder] }, cache, 0);
    expect(again.scanned).toBe(false);
    expect(again.said).toContain('warning: frame 3 is damaged');
  });
});
