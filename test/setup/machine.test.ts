import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  addonPath,
  missingCompiler,
  nodeHeaders,
  readStamp,
  sameStamp,
  wantedStamp,
  writeStamp,
} from '../../scripts/setup/binding.mjs';
import { isBuilt, sourceHash } from '../../scripts/setup/build.mjs';
import { parseVersion } from '../../scripts/setup/ffmpeg.mjs';
import { cacheFolder, isInstalledPackage, packageFolder } from '../../scripts/setup/paths.mjs';
import { summaryOf } from '../../scripts/setup/tensorflow.mjs';

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frameloom-setup-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('cacheFolder', () => {
  it('is what the user says, else the place of the platform', () => {
    expect(cacheFolder({ FRAMELOOM_CACHE: '/c', XDG_CACHE_HOME: '/x' }, 'linux', '/h')).toBe('/c');
    expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux', '/h')).toBe(join('/x', 'frameloom'));
    expect(cacheFolder({}, 'linux', '/h')).toBe(join('/h', '.cache', 'frameloom'));
    expect(cacheFolder({}, 'darwin', '/h')).toBe(join('/h', 'Library', 'Caches', 'frameloom'));
    expect(cacheFolder({ LOCALAPPDATA: '/l' }, 'win32', '/h')).toBe(
      join('/l', 'frameloom', 'Cache'),
    );
  });
});

describe('packageFolder', () => {
  it('looks upwards', async () => {
    const folder = await temporary();
    await mkdir(join(folder, 'node_modules', '@s', 'a'), { recursive: true });
    await writeFile(join(folder, 'node_modules', '@s', 'a', 'package.json'), '{}');
    const below = join(folder, 'deep', 'down');
    expect(packageFolder('@s/a', below)).toBe(join(folder, 'node_modules', '@s', 'a'));
    expect(packageFolder('@s/none-of-that-name', below)).toBeUndefined();
    expect(isInstalledPackage(join(folder, 'node_modules', 'frameloom'))).toBe(true);
    expect(isInstalledPackage(folder)).toBe(false);
  });
});

describe('parseVersion', () => {
  it.each([
    [
      'ffmpeg version 4.4.2-0ubuntu0\nlibavutil      56. 70.100 / 56. 70.100',
      '4.4.2-0ubuntu0',
      true,
    ],
    ['ffmpeg version 8.0 Copyright\nlibavutil      60.  8.100 / 60.  8.100', '8.0', true],
    ['ffprobe version 4.3.6\nlibavutil      56. 51.100 / 56. 51.100', '4.3.6', false],
    [
      'ffmpeg version N-47683-g0e8eb07980-static\nlibavutil      56. 24.101 / 56',
      'N-47683-g0e8eb07980',
      false,
    ],
  ])('reads %j', (output, text, enough) => {
    expect(parseVersion(output)).toEqual({ text, enough });
  });

  it('knows what is no ffmpeg', () => {
    expect(parseVersion('bash: ffmpeg: command not found')).toBeUndefined();
  });
});

describe('missingCompiler', () => {
  it('names what is missing', () => {
    const has =
      (...names: string[]) =>
      (name: string) =>
        names.includes(name) ? `/usr/bin/${name}` : undefined;
    expect(missingCompiler('linux', has('g++', 'make'))).toBeUndefined();
    expect(missingCompiler('darwin', has('clang++', 'make'))).toBeUndefined();
    expect(missingCompiler('linux', has('make'))).toBe('no C++ compiler was found');
    expect(missingCompiler('linux', has('g++'))).toBe('make was not found');
    expect(missingCompiler('win32', has('g++', 'make'))).toContain('Visual C++');
  });
});

describe('nodeHeaders', () => {
  it('prefers those beside the node that runs', () => {
    const among =
      (...prefixes: string[]) =>
      (path: string) =>
        prefixes.some((p) => path.startsWith(join(p, 'include')));
    expect(nodeHeaders('/opt/node/bin/node', among('/opt/node', '/usr'))).toBe('/opt/node');
    expect(nodeHeaders('/opt/node/bin/node', among('/usr'))).toBe('/usr');
    expect(nodeHeaders('/opt/node/bin/node', among())).toBeUndefined();
  });
});

describe('the stamp of an addon', () => {
  it('is of another build when a version changes or the library is gone', async () => {
    const folder = await temporary();
    await writeFile(join(folder, 'package.json'), '{"version":"4.22.0"}');
    const stamp = wantedStamp(folder, 'tensorflow-cpu-2.21.0');
    expect(stamp).toMatchObject({ tfjs: '4.22.0', nodeAbi: process.versions.modules });
    await writeStamp(folder, stamp);
    expect(readStamp(folder)).toBeUndefined();

    await mkdir(join(addonPath(folder), '..'), { recursive: true });
    await writeFile(addonPath(folder), '');
    await mkdir(join(folder, 'deps', 'lib'), { recursive: true });
    expect(sameStamp(readStamp(folder), stamp)).toBe(true);
    expect(sameStamp(readStamp(folder), { ...stamp, source: 'tensorflow-gpu-2.21.0' })).toBe(false);
    expect(sameStamp(readStamp(folder), { ...stamp, nodeAbi: '0' })).toBe(false);

    await rm(join(folder, 'deps'), { recursive: true });
    expect(readStamp(folder)).toBeUndefined();
  });

  it('is told in words', () => {
    const stamp = { tfjs: '4.22.0', nodeAbi: '', platform: '', arch: '', build: 1 };
    expect(summaryOf({ ...stamp, source: 'tensorflow-cpu-2.21.0' })).toBe(
      'TensorFlow 2.21.0 (cpu)',
    );
    expect(summaryOf({ ...stamp, source: 'installer' })).toBe("TF.js 4.22.0's own TensorFlow");
    expect(summaryOf({ ...stamp, source: 'tensorflow-own-ab' })).toBe(
      'TensorFlow of FRAMELOOM_TENSORFLOW',
    );
  });
});

describe('the build', () => {
  it('is wanted again when a source changes, appears or goes, and not when it is touched', async () => {
    const root = await temporary();
    await mkdir(join(root, 'src', 'base'), { recursive: true });
    for (const name of ['tsconfig.json', 'tsconfig.build.json', 'src/a.ts', 'src/base/b.ts']) {
      await writeFile(join(root, name), name);
    }
    const first = await sourceHash(root);
    await utimes(join(root, 'src', 'a.ts'), 1, 1);
    expect(await sourceHash(root)).toBe(first);
    expect(isBuilt(root, first)).toBe(false);
    await mkdir(join(root, 'dist'));
    await writeFile(join(root, 'dist', '.built-from'), first);
    expect(isBuilt(root, first)).toBe(true);
    await writeFile(join(root, 'src', 'base', 'b.ts'), 'changed');
    const second = await sourceHash(root);
    await rm(join(root, 'src', 'a.ts'));
    expect(new Set([first, second, await sourceHash(root)]).size).toBe(3);
  });
});
