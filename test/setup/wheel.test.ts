import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cudaRequirements } from '../../scripts/setup/cuda.mjs';
import {
  chooseSource,
  findInFolder,
  isWhole,
  provideLibtensorflow,
} from '../../scripts/setup/libtensorflow.mjs';
import { findPython } from '../../scripts/setup/python.mjs';
import { libraryNames, releaseFor } from '../../scripts/setup/release.mjs';
import { extractWheel, parseRecord, verifyRecord } from '../../scripts/setup/wheel.mjs';

const names = libraryNames(process.platform);
const FILES: Record<string, string> = {
  [`tensorflow/${names.main}`]: 'main library',
  [`tensorflow/${names.framework}`]: 'framework',
  'tensorflow/include/tensorflow/c/c_api.h': '// header',
  'tensorflow/python/unused.py': 'pass',
};

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frameloom-setup-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function lay(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

const recordOf = (files: Record<string, string>): string =>
  Object.entries(files)
    .map(([path, text]) => {
      const hash = createHash('sha256').update(text).digest('base64url');
      return `${path},sha256=${hash},${text.length}\n`;
    })
    .concat('tf-1.dist-info/RECORD,,\n')
    .join('');

/** A small wheel with the shape of TensorFlow's. */
async function makeWheel(folder: string, files = FILES, record = recordOf(files)): Promise<string> {
  const tree = join(folder, 'tree');
  await lay(tree, { ...files, 'tf-1.dist-info/RECORD': record });
  const path = join(folder, 'tf-1-cp311-cp311-any.whl');
  const members = (await readdir(tree)).map((name) => join(tree, name));
  await promisify(execFile)(await findPython(), ['-m', 'zipfile', '-c', path, ...members]);
  return path;
}

describe('parseRecord', () => {
  it('reads paths, hashes and sizes, quoted or not', () => {
    const empty = '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU';
    const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect(
      parseRecord(`a/b.h,sha256=${empty},0\r\n"c,""d"".h",sha256=${empty},7\nRECORD,,\n`),
    ).toEqual([
      { path: 'a/b.h', sha256: hex, bytes: 0 },
      { path: 'c,"d".h', sha256: hex, bytes: 7 },
    ]);
  });
});

describe('verifyRecord', () => {
  const used = (path: string): boolean => path.startsWith('tensorflow/');

  async function unpacked(change: Record<string, string> = {}): Promise<string> {
    const folder = await temporary();
    await lay(folder, { ...FILES, ...change, 'tf-1.dist-info/RECORD': recordOf(FILES) });
    return folder;
  }

  it('counts the files that are as they should be', async () => {
    expect(await verifyRecord(await unpacked(), used)).toBe(4);
  });

  it('finds a changed, a missing and a foreign file', async () => {
    const header = 'tensorflow/include/tensorflow/c/c_api.h';
    await expect(verifyRecord(await unpacked({ [header]: '// headeR' }), used)).rejects.toThrow(
      `${header} of the wheel does not have the sha256 that its RECORD says`,
    );
    const folder = await unpacked();
    await rm(join(folder, header));
    await expect(verifyRecord(folder, used)).rejects.toThrow(`${header} of the wheel is missing`);
    await expect(
      verifyRecord(await unpacked({ 'tensorflow/extra.so': 'x' }), used),
    ).rejects.toThrow("tensorflow/extra.so is not in the wheel's RECORD");
  });
});

describe('extractWheel', () => {
  it('unpacks what is asked for and nothing else', async () => {
    const folder = await temporary();
    const target = join(folder, 'out');
    await extractWheel(
      await makeWheel(folder),
      target,
      ['^tensorflow/include/'],
      await findPython(),
    );
    expect(await readdir(join(target, 'tensorflow'))).toEqual(['include']);
  });

  it('refuses a file that is no wheel', async () => {
    const folder = await temporary();
    const path = join(folder, 'a.whl');
    await writeFile(path, 'PK but not really');
    await expect(
      extractWheel(path, join(folder, 'out'), ['.'], await findPython()),
    ).rejects.toThrow(/cannot be unpacked: .*BadZipFile/);
  });
});

describe('provideLibtensorflow', () => {
  const release = releaseFor({ platform: 'linux', arch: 'x64', device: 'cpu' });

  it('lays a wheel of the user in the cache, whole and once, for two that ask together', async () => {
    const folder = await temporary();
    const cache = join(folder, 'cache');
    const source = chooseSource(await makeWheel(folder), () => release);
    const say = silence();
    const [first, second] = await Promise.all([
      provideLibtensorflow(source, cache),
      provideLibtensorflow(source, cache),
    ]);
    expect(second).toBe(first);
    expect(isWhole(first)).toBe(true);
    expect(await readFile(join(first, 'lib', names.links[0]![0]), 'utf8')).toBe('main library');
    expect((await readdir(first)).sort()).toEqual([
      'dist-info',
      'frameloom.json',
      'include',
      'lib',
    ]);
    expect((await readdir(cache)).sort()).toEqual(['locks', source.id].sort());
    expect(await readdir(join(cache, 'locks'))).toEqual([]);
    expect(say().filter((line) => line.startsWith('setup: checked 3 files'))).toHaveLength(1);

    await writeFile(join(first, 'lib', names.main), 'cut');
    expect(isWhole(first)).toBe(false);
  });

  it('leaves nothing of a wheel that is damaged', async () => {
    const folder = await temporary();
    const cache = join(folder, 'cache');
    const record = recordOf({ ...FILES, [`tensorflow/${names.main}`]: 'another library' });
    const source = chooseSource(await makeWheel(folder, FILES, record), () => release);
    silence();
    await expect(provideLibtensorflow(source, cache)).rejects.toThrow('does not have the sha256');
    expect(await readdir(cache)).toEqual(['locks']);
  });

  it('links a folder of the user, whichever way it is laid out', async () => {
    const unpacked = await temporary();
    await lay(unpacked, FILES);
    const plain = await temporary();
    await lay(plain, {
      [`lib/${names.plain}`]: 'main library',
      [`lib/${names.framework}`]: 'framework',
      'include/tensorflow/c/c_api.h': '// header',
    });
    for (const asked of [unpacked, join(unpacked, 'tensorflow'), plain]) {
      const cache = await temporary();
      const folder = await provideLibtensorflow(
        chooseSource(asked, () => release),
        cache,
      );
      expect(isWhole(folder)).toBe(true);
      expect(await readFile(join(folder, 'lib', names.links[0]![0]), 'utf8')).toBe('main library');
    }
  });
});

describe('chooseSource', () => {
  const release = releaseFor({ platform: 'linux', arch: 'x64', device: 'cpu' });

  it('names the cache folder by device and version', () => {
    expect(chooseSource(undefined, () => release)).toMatchObject({
      kind: 'release',
      id: 'tensorflow-cpu-2.21.0',
    });
  });

  it('says what is wrong with what the user names', async () => {
    const folder = await temporary();
    await writeFile(join(folder, 'a.txt'), '');
    expect(() => chooseSource(join(folder, 'gone'), () => release)).toThrow('which does not exist');
    expect(() => chooseSource(join(folder, 'a.txt'), () => release)).toThrow(
      'which is neither a folder nor a .whl file',
    );
    expect(() => chooseSource(folder, () => release)).toThrow('were not found');
    expect(findInFolder(folder)).toBeUndefined();
  });
});

describe('cudaRequirements', () => {
  it('reads the extra that brings CUDA', () => {
    const metadata = [
      'Requires-Dist: numpy >=1.26.0',
      "Requires-Dist: nvidia-cublas-cu12 (<13.0,>=12.5.3.2) ; extra == 'and-cuda'",
      'Requires-Dist: nvidia-cudnn-cu12<10.0,>=9.3.0.75; extra == "and-cuda"',
    ].join('\n');
    expect(cudaRequirements(metadata)).toEqual([
      'nvidia-cublas-cu12<13.0,>=12.5.3.2',
      'nvidia-cudnn-cu12<10.0,>=9.3.0.75',
    ]);
  });
});

/** Takes what set-up says from here to the end of the test. */
function silence(): () => string[] {
  const lines: string[] = [];
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text: string | Uint8Array): boolean => lines.push(String(text)) > 0;
  onTestFinished(() => void (process.stdout.write = write));
  return () => lines;
}
