import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import { carriedEntry, isAtLeast } from '../../src/export/runtime-files.js';

const MACHINE = `${process.platform}-${process.arch}`;
const BINARY = join('bin', 'napi-v6', process.platform, process.arch, 'library');

/** A package that carries a library of a few bytes, and a cache. */
function places(machine = MACHINE) {
  const folder = mkdtempSync(join(tmpdir(), 'frameloom-runtime-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const vendor = join(folder, 'vendor');
  const put = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(vendor, path)), { recursive: true });
    writeFileSync(join(vendor, path), content);
  };
  put('js/package.json', '{}');
  put('js/dist/index.js', 'entry');
  put('js/common/package.json', '{}');
  put(`${machine}/library.br`, brotliCompressSync(Buffer.from('library')));
  const machines = { [machine]: [{ name: 'library', bytes: 7 }] };
  put('manifest.json', JSON.stringify({ version: '1.2.3', machines }));
  return { folder, vendor, cache: join(folder, 'cache', 'new') };
}

it('unpacks what the package carries into the cache, once', async () => {
  const { vendor, cache } = places();
  const folder = join(cache, `onnxruntime-1.2.3-${MACHINE}`);
  const entries = await Promise.all([1, 2, 3].map(() => carriedEntry({ vendor, cache })));
  expect(new Set(entries)).toEqual(new Set([join(folder, 'dist', 'index.js')]));
  expect(readFileSync(join(folder, BINARY), 'utf8')).toBe('library');
  expect(readdirSync(folder).sort()).toEqual(['bin', 'common', 'dist', 'package.json']);
  expect(readdirSync(cache)).toEqual([`onnxruntime-1.2.3-${MACHINE}`]);

  writeFileSync(join(folder, 'kept'), '');
  await carriedEntry({ vendor, cache });
  expect(readdirSync(folder)).toContain('kept');
});

it('unpacks anew what was damaged, and refuses what came damaged', async () => {
  const { vendor, cache } = places();
  const folder = dirname(dirname(await carriedEntry({ vendor, cache })));
  writeFileSync(join(folder, BINARY), 'lib');
  await carriedEntry({ vendor, cache });
  expect(readFileSync(join(folder, BINARY), 'utf8')).toBe('library');

  rmSync(folder, { recursive: true });
  writeFileSync(join(vendor, MACHINE, 'library.br'), brotliCompressSync(Buffer.from('other')));
  await expect(carriedEntry({ vendor, cache })).rejects.toThrow('damaged in the package');
  expect(readdirSync(cache)).toEqual([]);
});

it('works without a cache, and warns', async () => {
  const { folder, vendor } = places();
  // A file in its way: whoever runs as root may write everywhere else, but in /proc.
  writeFileSync(join(folder, 'file'), '');
  const isLinux = process.platform === 'linux';
  for (const cache of [join(folder, 'file', 'cache'), ...(isLinux ? ['/proc/x/y'] : [])]) {
    const lines: string[] = [];
    const log = createLogger({ write: (line) => void lines.push(line) });
    const entry = await carriedEntry({ vendor, cache, log });
    onTestFinished(() => rmSync(dirname(dirname(entry)), { recursive: true }));
    expect(readFileSync(entry, 'utf8')).toBe('entry');
    expect(lines.join('')).toMatch(/^warning: the cache cannot be written .* FRAMELOOM_CACHE/);
  }
});

it('says what to do where nothing is carried for this machine', async () => {
  const { folder, vendor, cache } = places('other-machine');
  await expect(carriedEntry({ vendor, cache })).rejects.toMatchObject({
    code: 'backend',
    message: `Frameloom carries no ONNX Runtime for ${MACHINE}`,
    hint: expect.stringContaining('install the package onnxruntime-node') as string,
  });
  await expect(carriedEntry({ vendor: join(folder, 'gone'), cache })).rejects.toMatchObject({
    message: 'ONNX Runtime is not set up',
    hint: 'run: npm run setup',
  });
});

it.each([
  ['1.30.0', '1.30.0', true],
  ['1.31.0-dev.1', '1.30.2', true],
  ['2.0', '1.30.0', true],
  ['1.9.9', '1.30.0', false],
])('%s is at least %s: %s', (version, least, expected) => {
  expect(isAtLeast(version, least)).toBe(expected);
});
