// ONNX Runtime for Node, whose npm package has an install script that fetches CUDA and carries 290 MB for
// five machines. A clone gets this machine's part, in the cache; a package takes the parts for the
// usual machines along, compressed, and unpacks its own when it is first needed (src/export/runtime-files.ts):
//   <cache>/onnxruntime-<version>-<machine>/{package.json,dist,bin,common}
import { existsSync } from 'node:fs';
import { cp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { withLock } from '../../src/base/lock.mjs';
import { noted, noteProvided } from '../../src/base/provisions.mjs';
import { PINNED, fetchPackage } from './npm-package.mjs';
import { cacheFolder, packageFolder, root } from './paths.mjs';
import { SetupError, megabytes, say } from './say.mjs';

const NAME = 'onnxruntime-node';
const VERSION = PINNED[NAME]?.version ?? '';

/** The package's own licence, whose file is not in it. */
export const LICENCE = `MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`;

/** Of each machine, what the processor needs, and on Windows DirectML, without which it does not load. */
const BINARIES = /** @type {Readonly<Record<string, readonly string[] | undefined>>} */ ({
  'linux-x64': ['libonnxruntime.so.1', 'onnxruntime_binding.node'],
  'linux-arm64': ['libonnxruntime.so.1', 'onnxruntime_binding.node'],
  'darwin-arm64': ['libonnxruntime.1.dylib', 'onnxruntime_binding.node'],
  'win32-x64': ['onnxruntime.dll', 'DirectML.dll', 'onnxruntime_binding.node'],
});

/**
 * @param {string} machine
 * @param {string} file
 */
const binary = (machine, file) => join('bin', 'napi-v6', ...machine.split('-'), file);

/**
 * The JavaScript of ONNX Runtime, without maps and types. It finds what it depends on by a path: a cache
 * inside a project that yarn manages is not searched for packages.
 *
 * @param {string} whole the unpacked package
 * @param {string} target
 */
async function copyScripts(whole, target) {
  const source = packageFolder('onnxruntime-common');
  if (source === undefined) {
    throw new SetupError('onnxruntime-common is not installed', 'run: npm ci');
  }
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
  if (version !== VERSION) {
    throw new SetupError(`onnxruntime-common is at ${version} and ${NAME} at ${VERSION}`);
  }
  const filter = (/** @type {string} */ path) => !/\.(map|d\.ts)$|[\\/]esm$/.test(path);
  for (const [from, to] of [
    [whole, target],
    [source, join(target, 'common')],
  ]) {
    for (const part of ['package.json', 'dist']) {
      await cp(join(from ?? '', part), join(to ?? '', part), { recursive: true, filter });
    }
  }
  for (const name of await readdir(join(target, 'dist'))) {
    const path = join(target, 'dist', name);
    const text = (await readFile(path, 'utf8'))
      .replaceAll('require("onnxruntime-common")', 'require("../common")')
      // The maps stay behind, and a tool that looks for one would complain.
      .replace(/^\/\/# sourceMappingURL=.*$/gm, '');
    await writeFile(path, text);
  }
}

/**
 * What there is to do for ONNX Runtime in a clone.
 *
 * @returns {Promise<{ summary: string, work?: () => Promise<string> }>}
 */
export async function onnxruntimeNeed() {
  const machine = `${process.platform}-${process.arch}`;
  const binaries = BINARIES[machine];
  if (binaries === undefined) return { summary: `no ONNX Runtime for ${machine}` };
  const cache = cacheFolder();
  const folder = join(cache, `onnxruntime-${VERSION}-${machine}`);
  const note = noted('onnxruntime', { cache, root });
  if (note?.paths['folder'] === folder) return { summary: '' };
  const work = async () => {
    await withLock(
      join(cache, 'locks', 'onnxruntime.lock'),
      async () => {
        if (existsSync(folder)) return;
        const whole = `${folder}.whole`;
        const beside = `${folder}.partial`;
        try {
          await fetchPackage(NAME, whole);
          await rm(beside, { recursive: true, force: true });
          await copyScripts(whole, beside);
          for (const file of binaries) {
            const path = binary(machine, file);
            await makeFolder(dirname(join(beside, path)));
            await rename(join(whole, path), join(beside, path));
          }
          await rename(beside, folder);
        } finally {
          for (const path of [whole, beside]) await rm(path, { recursive: true, force: true });
        }
      },
      {
        onWait: () => say('waiting for another set-up that is fetching ONNX Runtime'),
        staleMs: 30_000,
      },
    );
    await noteProvided('onnxruntime', { paths: { folder } }, { cache, root });
    return '';
  };
  return { summary: '', work };
}

/**
 * Puts the parts for the usual machines into vendor/, for `npm pack`. What is there of the same
 * version is left alone.
 */
export async function vendorOnnxruntime() {
  const folder = join(root, 'vendor', 'onnxruntime');
  const manifest = join(folder, 'manifest.json');
  const known = await readFile(manifest, 'utf8').catch(() => undefined);
  if (known !== undefined && JSON.parse(known).version === VERSION) return;
  const beside = `${folder}.partial`;
  const whole = join(cacheFolder(), `${NAME}-${VERSION}.pack-${process.pid}`);
  try {
    await fetchPackage(NAME, whole);
    await rm(beside, { recursive: true, force: true });
    await copyScripts(whole, join(beside, 'js'));
    say('compressing ONNX Runtime');
    /** @type {Record<string, { name: string, bytes: number }[]>} */
    const machines = {};
    const tasks = Object.entries(BINARIES).flatMap(([machine, names = []]) => {
      machines[machine] = [];
      return names.map(async (name) => {
        const content = await readFile(join(whole, binary(machine, name)));
        const target = join(beside, machine, `${name}.br`);
        await makeFolder(dirname(target));
        await writeFile(target, await compressed(content));
        machines[machine]?.push({ name, bytes: content.length });
      });
    });
    await Promise.all(tasks);
    await writeFile(
      join(beside, 'manifest.json'),
      `${JSON.stringify({ version: VERSION, machines }, null, 2)}\n`,
    );
    await writeFile(join(beside, 'LICENSE'), LICENCE);
    await rm(folder, { recursive: true, force: true });
    await rename(beside, folder);
  } finally {
    for (const path of [whole, beside]) await rm(path, { recursive: true, force: true });
  }
  say(`vendor/onnxruntime: ${megabytes(await sizeOf(folder))}`);
}

/** @param {Buffer} content */
const compressed = (content) =>
  promisify(brotliCompress)(content, {
    params: {
      // A third more takes eight times as long.
      [constants.BROTLI_PARAM_QUALITY]: 5,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });

/** @param {string} folder */
async function sizeOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath ?? entry.path, entry.name))).size);
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}
