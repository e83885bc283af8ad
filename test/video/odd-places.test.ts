// Places that are no files: pipes without anybody behind them, names that no file can have, folders among pictures.
import { execFile } from 'node:child_process';
import { mkdir, open, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import { FileSet } from '../../src/base/same-file.js';
import {
  assertFree,
  assertNotAnInput,
  decodeFrames,
  encodeFrames,
  openVideo,
} from '../../src/video/index.js';
import { identityOf } from '../../src/video/sequence.js';
import { collect, failure, flatFrames } from './frames.js';
import { makeClip, runFfmpeg, scratchPath } from './make-clip.js';

const run = promisify(execFile);
const frames = flatFrames({ colour: [1, 2, 3], count: 2, width: 8, height: 8 });

async function makeFifo(name: string): Promise<string> {
  const path = scratchPath(name);
  await run('mkfifo', [path]);
  return path;
}

describe.skipIf(process.platform === 'win32')('a named pipe', () => {
  it('that nobody writes into or reads is let go by a signal', async () => {
    const path = await makeFifo('silent.y4m');
    const [reading, writing] = [new AbortController(), new AbortController()];
    const read = failure(collect(decodeFrames(path, { signal: reading.signal })));
    setTimeout(() => reading.abort(), 60);
    expect(await read).toMatchObject({ code: 'cancelled' });
    const write = failure(
      lastValueFrom(frames.pipe(encodeFrames(path, { fps: 25, signal: writing.signal }))),
    );
    setTimeout(() => writing.abort(), 300);
    expect(await write).toMatchObject({ code: 'cancelled' });
  });

  it('carries frames to whoever comes later', async () => {
    const path = await makeFifo('late.y4m');
    const read = collect(decodeFrames(path));
    const result = await lastValueFrom(frames.pipe(encodeFrames(path, { fps: 25 })));
    expect(result.frames).toBe(2);
    expect(await read).toHaveLength(2);
  });

  it('is not read and written at once', async () => {
    const path = await makeFifo('both.y4m');
    await expect(assertNotAnInput(path, [path])).rejects.toMatchObject({ code: 'bad-option' });
  });
});

it('standard input and output are the files that the shell led them to', async () => {
  const path = await makeClip({ frames: 2 });
  const files = new FileSet();
  await files.add('standard input', 0);
  await files.add(path);
  const handle = await open(path, 'r');
  // Whatever the shell gave as a descriptor is known as this one is.
  expect(await files.find(handle.fd as 1)).toBe(path);
  await handle.close();
});

describe('a name that no file can have', () => {
  it.each([
    ['below a file', async () => join(await makeClip({ frames: 2 }), 'x.mkv'), false],
    ['too long', () => Promise.resolve(scratchPath(`${'n'.repeat(256)}.mkv`)), false],
    ['of too many digits', () => Promise.resolve(scratchPath('%0300d.png')), true],
  ])('%s is an option that cannot be meant', async (_, place, pictures) => {
    for (const overwrite of [true, false]) {
      const error = await failure(assertFree(await place(), pictures, { overwrite }));
      expect(error).toMatchObject({ code: 'bad-option' });
    }
  });
});

describe.skipIf(process.platform === 'win32')('among pictures', () => {
  it.each([
    ['a folder', (path: string) => mkdir(path), 'is a folder'],
    ['a link to nothing', (path: string) => symlink('nowhere', path), 'is a link to nothing'],
    ['a pipe', (path: string) => run('mkfifo', [path]), 'is a pipe or device'],
  ])('%s is told by its name, or left out', async (_, make, words) => {
    const folder = scratchPath('pictures');
    await mkdir(folder);
    await runFfmpeg('-i', await makeClip({ frames: 3 }), join(folder, '%d.png'));
    await make(join(folder, '4.png'));
    expect(await identityOf(folder)).toContain('4.png');
    const error = await failure(openVideo(folder, { count: true }));
    expect(error).toMatchObject({ code: 'bad-input', path: join(folder, '4.png') });
    expect(String(error)).toContain(words);
    const said: string[] = [];
    const log = createLogger({ write: (line) => void said.push(line) });
    expect(await collect(decodeFrames(folder, { onDamage: 'warn', log }))).toHaveLength(3);
    expect(said.join('')).toContain(`4.png ${words}: it is left out`);
  });
});
