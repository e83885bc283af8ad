// A process that is killed while it puts numbered pictures in place.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { keptName, sweepTemporaries, temporaryBeside } from '../../src/base/temporaries.js';
import { assertFree, encodeFrames, openVideo } from '../../src/video/index.js';
import { writePlan } from '../../src/video/placing.js';
import { failure, flatFrames } from './frames.js';
import { scratchPath } from './make-clip.js';

const pictures = (count: number, colour: [number, number, number]) =>
  flatFrames({ colour, count, width: 8, height: 8 });

/** A folder in which a process died after so many of its three pictures had replaced four others. */
async function killedAfter(placed: number) {
  const dead = execFile(process.execPath, ['-e', '0']);
  await new Promise((resolve) => dead.once('exit', resolve));
  const [pattern, fresh] = [
    join(scratchPath('out'), '%03d.png'),
    join(scratchPath('new'), '%03d.png'),
  ];
  await lastValueFrom(pictures(4, [9, 9, 9]).pipe(encodeFrames(pattern, { fps: 25 })));
  await lastValueFrom(pictures(3, [200, 10, 10]).pipe(encodeFrames(fresh, { fps: 25 })));
  const folder = dirname(pattern);
  const made = await readdir(dirname(fresh));
  const name = (await temporaryBeside(join(folder, 'x'))).replace(
    `-${process.pid}-`,
    `-${dead.pid}-`,
  );
  await mkdir(name);
  const wanted = new Map<string, Buffer>();
  for (const [i, file] of made.entries()) {
    wanted.set(file, await readFile(join(dirname(fresh), file)));
    const to = i < placed ? join(folder, file) : join(name, `${i + 1}.png`);
    await rename(join(dirname(fresh), file), to);
  }
  const old = await readdir(folder).then((all) => all.filter((file) => !file.startsWith('.')));
  await writePlan(name, { pattern: '%03d.png', names: made, old, overwrite: true });
  await rename(name, keptName(name));
  const holds = async (): Promise<void> => {
    expect(await readdir(folder)).toEqual(made);
    for (const [file, bytes] of wanted) expect(await readFile(join(folder, file))).toEqual(bytes);
  };
  return { pattern, folder, holds };
}

describe('a folder of pictures whose making was killed in the last moment', () => {
  it.each([0, 2, 3])(
    'is told to readers, and finished by whoever writes: after %i',
    async (placed) => {
      const { pattern, folder, holds } = await killedAfter(placed);
      await sweepTemporaries(folder);
      for (const path of [pattern, folder]) {
        const error = await failure(openVideo(path));
        expect(error).toMatchObject({ code: 'bad-input' });
        expect(String(error)).toContain('is a mixture');
      }
      // Two at once do it as one.
      const both = [1, 2].map(() => failure(assertFree(pattern, true)));
      for (const error of await Promise.all(both)) expect(error).toMatchObject({ code: 'exists' });
      await holds();
      await (await openVideo(pattern)).close();
    },
  );

  it('can be read beside, where none of it is meant', async () => {
    const { folder } = await killedAfter(1);
    await lastValueFrom(
      pictures(1, [1, 2, 3]).pipe(encodeFrames(join(folder, 'other-%d.png'), { fps: 25 })),
    );
    await writeFile(join(folder, '.nothing.kept'), '');
    expect((await openVideo(join(folder, 'other-%d.png'))).info.width).toBe(8);
  });
});
