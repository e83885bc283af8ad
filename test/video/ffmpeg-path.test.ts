import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type * as provisions from '../../src/base/provisions.mjs';
import { noteProvided, type Places, type Provided } from '../../src/base/provisions.mjs';
import { findFfmpeg } from '../../src/video/index.js';
import { failure } from './frames.js';
import { scratchPath } from './make-clip.js';

// What set-up noted in this checkout is not under test.
vi.mock('../../src/base/provisions.mjs', async (load) => {
  const real = await load<typeof provisions>();
  const provided = (name: Provided, places: Places) =>
    real.provided(name, { ...places, root: '/dev/null' });
  return { ...real, provided };
});

const NAMES = [
  'FRAMELOOM_FFMPEG',
  'FFMPEG_PATH',
  'FRAMELOOM_FFPROBE',
  'FFPROBE_PATH',
  'PATH',
  'FRAMELOOM_CACHE',
];
let saved: [string, string | undefined][] = [];

beforeEach(() => {
  saved = NAMES.map((name) => [name, process.env[name]]);
  for (const name of NAMES) if (name !== 'PATH') Reflect.deleteProperty(process.env, name);
});
afterEach(() => {
  for (const [name, value] of saved) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
});

/** A folder with an ffmpeg and an ffprobe that only tell that version. */
function programs(version: string, avutil: string): string {
  const folder = scratchPath('bin');
  mkdirSync(folder);
  for (const name of ['ffmpeg', 'ffprobe']) {
    const path = join(folder, name);
    writeFileSync(
      path,
      `#!/bin/sh\necho '${name} version ${version} Copyright'\necho 'libavutil      ${avutil}'\n`,
    );
    chmodSync(path, 0o755);
  }
  return folder;
}
const withPath = (folder: string): void => {
  process.env.PATH = `${folder}${delimiter}${saved.find(([name]) => name === 'PATH')?.[1] ?? ''}`;
};

describe.runIf(process.platform !== 'win32')('findFfmpeg', () => {
  it('takes what the environment names, ffprobe from beside it', async () => {
    const folder = programs('6.1', '58. 29.100 / 58. 29.100');
    process.env.FRAMELOOM_FFMPEG = join(folder, 'ffmpeg');
    process.env.FFMPEG_PATH = '/never/looked/at';
    expect(await findFfmpeg()).toEqual({
      ffmpegPath: join(folder, 'ffmpeg'),
      ffprobePath: join(folder, 'ffprobe'),
      version: '6.1',
      fpsMode: true,
      source: 'environment',
      ffprobeSource: 'environment',
      reason: `FRAMELOOM_FFMPEG names ${join(folder, 'ffmpeg')}`,
    });
    expect(findFfmpeg()).toBe(findFfmpeg());
  });

  it('never passes over a variable that names nothing usable', async () => {
    process.env.FFMPEG_PATH = '/no/such/ffmpeg';
    expect(await failure(findFfmpeg())).toMatchObject({
      code: 'not-found',
      path: '/no/such/ffmpeg',
      hint: 'correct FFMPEG_PATH or unset it',
    });
    const notFfmpeg = scratchPath('other');
    writeFileSync(notFfmpeg, '#!/bin/sh\necho hello\n');
    chmodSync(notFfmpeg, 0o755);
    process.env.FFMPEG_PATH = notFfmpeg;
    expect(String(await failure(findFfmpeg()))).toContain('does not answer like ffmpeg');
    process.env.FFMPEG_PATH = '';
    expect((await findFfmpeg()).source).not.toBe('environment');
  });

  it.each([
    ['4.4.2', '56. 70.100 / 56. 70.100', true],
    ['N-120000-gabcdef', '59. 50.100 / 59. 50.100', true],
    ['4.3', '56. 51.100 / 56. 51.100', false],
    ['N-47683-g0e8eb07980', '56. 22.100 / 56. 22.100', false],
  ])('judges %s on PATH by its libavutil', async (version, avutil, taken) => {
    const folder = programs(version, avutil);
    withPath(folder);
    const found = await findFfmpeg();
    // An old one is passed over, for a newer one further down the PATH.
    expect(found.ffmpegPath === join(folder, 'ffmpeg')).toBe(taken);
    expect(existsSync(found.ffmpegPath)).toBe(true);
  });

  it('says why an old one was passed over, and the one line that brings another', async () => {
    process.env.PATH = programs('4.3', '56. 51.100 / 56. 51.100');
    process.env.FRAMELOOM_CACHE = scratchPath('cache');
    expect(await failure(findFfmpeg())).toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('is 4.3, older than 4.4; none was fetched') as string,
      hint: expect.stringContaining('run: npm run setup -- --ffmpeg, or install') as string,
    });

    const folder = programs('N-47683', '56. 22.100 / 56. 22.100');
    await noteProvided(
      'ffmpeg',
      { paths: { folder } },
      { cache: process.env.FRAMELOOM_CACHE, root: scratchPath('package') },
    );
    expect(await findFfmpeg()).toMatchObject({
      ffmpegPath: join(folder, 'ffmpeg'),
      ffprobePath: join(folder, 'ffprobe'),
      source: 'package',
      reason: expect.stringMatching(/older than 4\.4; set-up fetched/) as string,
    });
  });
});
