import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { noteProvided } from '../../../src/base/provisions.mjs';
import { provideNative } from '../../../src/cli/engine/set-up.js';
import { scratchPath } from '../../video/make-clip.js';

let root: string;
let cache: string;

/** A package whose set-up leaves word of what it was told, and ends with this code. */
beforeEach(async () => {
  root = scratchPath('package');
  cache = join(root, 'cache');
  await mkdir(join(root, 'scripts'), { recursive: true });
  await writeFile(
    join(root, 'scripts', 'setup.mjs'),
    `import { appendFileSync } from 'node:fs';
     appendFileSync(${JSON.stringify(join(root, 'ran'))}, JSON.stringify(process.argv.slice(2)));
     process.exit(3);`,
  );
});
afterEach(() => vi.unstubAllEnvs());

const said: string[] = [];
const keep = (message: string): void => void said.push(message);
const log = { error: keep, warn: keep, info: keep, debug: keep };

/** @returns what set-up was told, each time that it ran; null where it did not */
async function ran(
  flags: Parameters<typeof provideNative>[0],
  signal = new AbortController().signal,
  isClone = false,
): Promise<string | null> {
  said.length = 0;
  await provideNative(flags, { log, signal }, { root, cache, isClone });
  const path = join(root, 'ran');
  return existsSync(path) ? readFile(path, 'utf8') : null;
}

it('native TensorFlow is set up by what needs it first, where a package is installed', async () => {
  // Set-up fails here, which whoever loads TensorFlow tells of.
  expect(await ran({})).toBe('[]');
  expect(said).toEqual([expect.stringMatching(/^native TensorFlow .* set up now, once/) as string]);
});

it('is not set up where it is there, not wanted, or a clone’s', async () => {
  expect(await ran({ backend: 'wasm' })).toBeNull();
  expect(await ran({}, undefined, true)).toBeNull();
  vi.stubEnv('FRAMELOOM_BACKEND', 'cpu');
  expect(await ran({})).toBeNull();
  vi.stubEnv('FRAMELOOM_BACKEND', '');
  vi.stubEnv('FRAMELOOM_TENSORFLOW', 'none');
  expect(await ran({})).toBeNull();
  vi.stubEnv('FRAMELOOM_TENSORFLOW', '');
  await noteProvided('tensorflow-cpu', { paths: { addon: root } }, { root, cache });
  expect(await ran({ backend: 'tensorflow' })).toBeNull();
  expect(said).toEqual([]);
});

it('is stopped with the command', async () => {
  await writeFile(join(root, 'scripts', 'setup.mjs'), 'setTimeout(() => undefined, 60_000);');
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 200);
  await expect(ran({}, stop.signal)).rejects.toMatchObject({ code: 'cancelled' });
});
