import { mkdir, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  addonFolder,
  addonPath,
  compilerArguments,
  findCompiler,
  firstError,
  isBuiltAddon,
  quoted,
  wantedStamp,
} from '../../scripts/setup/binding.mjs';
import { isBuilt, makeExecutable, sourceHash } from '../../scripts/setup/build.mjs';
import { parseVersion } from '../../scripts/setup/ffmpeg.mjs';
import { isPageBuilt, pageHash } from '../../scripts/setup/page.mjs';
import { cacheFolder, isClone, packageFolder } from '../../scripts/setup/paths.mjs';
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
  });
});

describe('isClone', () => {
  it('goes by the sources, wherever the folder is', async () => {
    const folder = join(await temporary(), 'node_modules', 'frameloom');
    await mkdir(join(folder, 'src', 'base'), { recursive: true });
    expect(isClone(folder)).toBe(false);
    await writeFile(join(folder, 'src', 'index.ts'), '');
    expect(isClone(folder)).toBe(true);
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

describe('the compiler', () => {
  it('is what CXX names, else the first that is there', () => {
    const has =
      (...names: string[]) =>
      (name: string) =>
        names.includes(name) ? `/usr/bin/${name}` : undefined;
    expect(findCompiler(has('clang++', 'c++'), {})).toBe('c++');
    expect(findCompiler(has('g++'), { CXX: 'mine' })).toBe('mine');
    expect(findCompiler(has('g++'), { CXX: '' })).toBe('g++');
    expect(findCompiler(has(), {})).toBeUndefined();
  });

  it('is called with whole paths, and finds the library beside the addon', () => {
    const parts = {
      tfjsNode: '/my cache/tfjs-node',
      libtensorflow: '/my cache/tensorflow-cpu-2.21.0',
      target: '/my cache/addon/a.node',
    };
    const linux = compilerArguments({ ...parts, platform: 'linux' });
    expect(linux).toContain('/my cache/tfjs-node/headers/include');
    expect(linux).toContain('/my cache/tensorflow-cpu-2.21.0/include');
    expect(linux).toContain('-Wl,-rpath,$ORIGIN/../tensorflow-cpu-2.21.0/lib');
    expect(compilerArguments({ ...parts, platform: 'darwin' })).toContain(
      '-Wl,-rpath,@loader_path/../tensorflow-cpu-2.21.0/lib',
    );
  });

  it('is quoted by its first complaint, and as a shell takes it', () => {
    const output = `In file included from a.cc:1:
      a.h:26:10: fatal error: tensorflow/c/c_api.h: No such file or directory
      b.cc:3:1: error: expected ';'
      compilation terminated.`;
    expect(firstError(output)).toBe(
      'a.h:26:10: fatal error: tensorflow/c/c_api.h: No such file or directory',
    );
    expect(firstError('collect2: ld returned 1\n')).toBe('collect2: ld returned 1');
    expect(['-I', '/my cache/x', "it's", '$ORIGIN'].map(quoted).join(' ')).toBe(
      `-I '/my cache/x' 'it'\\''s' '$ORIGIN'`,
    );
  });
});

describe('an addon', () => {
  it('has a place of its own for each thing that it is built from', async () => {
    const cache = await temporary();
    const stamp = wantedStamp('tensorflow-cpu-2.21.0');
    const folder = addonFolder(cache, stamp);
    // Made of Node-API: another Node needs no other one.
    expect(JSON.stringify(stamp)).not.toContain(process.versions.modules);
    expect(addonFolder(cache, { ...stamp, source: 'tensorflow-gpu-2.21.0' })).not.toBe(folder);
    expect(addonFolder(cache, { ...stamp, build: stamp.build + 1 })).not.toBe(folder);

    await mkdir(folder);
    await writeFile(addonPath(folder), '');
    expect(isBuiltAddon(cache, stamp)).toBe(false);
    await mkdir(join(cache, 'tensorflow-cpu-2.21.0', 'lib'), { recursive: true });
    expect(isBuiltAddon(cache, stamp)).toBe(true);
  });

  it('is told in words', () => {
    expect(summaryOf({ source: 'tensorflow-cpu-2.21.0' })).toBe('TensorFlow 2.21.0 (cpu)');
    expect(summaryOf({ source: 'tensorflow-own-ab' })).toBe('TensorFlow of FRAMELOOM_TENSORFLOW');
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

  it('of the page is wanted again when web/, a module that it imports or what builds it changes', async () => {
    const root = await temporary();
    const put = async (path: string, text: string): Promise<void> => {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), text);
    };
    for (const name of ['tsconfig.json', 'web/src/main.ts', 'src/a.ts', 'src/b.ts']) {
      await put(name, name);
    }
    for (const name of ['vite', 'onnxruntime-web']) {
      await put(`node_modules/${name}/package.json`, '{ "version": "1.0.0" }');
    }
    const built = async (): Promise<void> => {
      await put('dist/web/.modules', '["src/a.ts"]');
      await put('dist/web/.built-from', await pageHash(root, ['src/a.ts']));
    };
    expect(await isPageBuilt(root)).toBe(false);
    await built();
    expect(await isPageBuilt(root)).toBe(true);
    await put('src/b.ts', 'not of the page');
    expect(await isPageBuilt(root)).toBe(true);
    for (const [path, text] of [
      ['src/a.ts', 'changed'],
      ['web/src/new.ts', ''],
      ['node_modules/onnxruntime-web/package.json', '{ "version": "1.0.1" }'],
    ] as const) {
      await put(path, text);
      const changed = await isPageBuilt(root);
      await built();
      expect({ path, changed, after: await isPageBuilt(root) }).toEqual({
        ...{ path, changed: false, after: true },
      });
    }
    await rm(join(root, 'src', 'a.ts'));
    expect(await isPageBuilt(root)).toBe(false);
  });

  it.skipIf(process.platform === 'win32')('leaves a program that may be run', async () => {
    const root = await temporary();
    const program = join(root, 'dist', 'cli', 'main.js');
    await mkdir(join(root, 'dist', 'cli'), { recursive: true });
    await writeFile(program, '', { mode: 0o644 });
    await makeExecutable(root);
    expect((await stat(program)).mode & 0o111).toBe(0o111);
  });
});
