import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  announcedBytes,
  assertKnownWheel,
  assertMayFetch,
  assertPinnedWheel,
  assertSpace,
  pipArguments,
  pipFailure,
} from '../../scripts/setup/download.mjs';

const wheel = { requirement: 'tensorflow-cpu==2.21.0', platformTags: ['tag_a', 'tag_b'] };

describe('pipArguments', () => {
  it('asks for one wheel of another Python, and never for a build', () => {
    const args = pipArguments(wheel, '/cache/x', [23, 2]).join(' ');
    expect(args).toContain('-m pip download --no-deps --only-binary=:all:');
    expect(args).toContain('--python-version 311');
    expect(args).toContain(
      '--platform tag_a --platform tag_b --dest /cache/x tensorflow-cpu==2.21.0',
    );
    expect(args).not.toContain('--resume-retries');
  });

  it.each([[[25, 1]], [[26, 0]]] as [[number, number]][])('resumes with pip %o', (version) => {
    expect(pipArguments(wheel, '/x', version)).toContain('--resume-retries');
  });
});

describe('announcedBytes', () => {
  it('reads the size that pip tells', () => {
    const output = 'Looking in links\nDownloading tensorflow_cpu-2.21.0-cp311.whl (273.8 MB)\n';
    expect(announcedBytes(output)).toBeCloseTo(273.8e6);
    expect(announcedBytes('Downloading a-1-py3-none-any.whl.metadata (4.5 kB)\n')).toBe(4500);
    expect(announcedBytes('nothing yet')).toBeUndefined();
  });
});

describe('pipFailure', () => {
  it.each([
    [
      'WARNING: Retrying after NameResolutionError\nERROR: No matching distribution found for x',
      'no package index can be reached',
      false,
    ],
    ['ERROR: No matching distribution found for x', 'the package index has no such wheel', false],
    ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES', 'the connection broke', true],
    ["ConnectionResetError(104, 'Connection reset by peer')", 'the connection broke', true],
    ['OSError: [Errno 28] No space left on device', 'the disk is full', false],
    ['first\nERROR: something new\nlast', 'ERROR: something new', false],
  ])('understands %j', (output, message, retry) => {
    const failure = pipFailure(output, 'x==1');
    expect(failure.error.message).toContain(`x==1 could not be downloaded: ${message}`);
    expect(failure.error.hint).toBeTruthy();
    expect(failure.retry).toBe(retry);
  });
});

describe('a known wheel', () => {
  it('is refused when it has another hash', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frameloom-wheel-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'a.whl');
    await writeFile(path, 'hello');
    const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    await expect(assertKnownWheel(path, { 'a.whl': sha256 })).resolves.toBeUndefined();
    await expect(assertKnownWheel(path, {})).resolves.toBeUndefined();
    await expect(assertKnownWheel(path, { 'a.whl': 'ab' })).rejects.toThrow(
      `a.whl has sha256 ${sha256} and not the published ab`,
    );
  });
});

describe('a wheel that is not pinned', () => {
  const unpinned = { requirement: 'tensorflow==2.21.0', platformTags: ['macosx_12_0_arm64'] };
  const pinned = { requirement: 'tensorflow-cpu==2.21.0', platformTags: ['manylinux_2_27_x86_64'] };

  it('is not fetched', () => {
    expect(() => assertMayFetch(unpinned, {})).toThrow(
      'tensorflow==2.21.0 is not fetched: its sha256 is not known beforehand on this platform',
    );
    expect(() => assertMayFetch(unpinned, { FRAMELOOM_UNPINNED: '0' })).toThrow('is not fetched');
    expect(assertMayFetch(pinned, {})).toBe(true);
  });

  it('is fetched for whoever insists, with a warning', () => {
    const said: unknown[] = [];
    const write = process.stdout.write.bind(process.stdout);
    onTestFinished(() => void (process.stdout.write = write));
    process.stdout.write = (text: unknown): boolean => said.push(text) > 0;
    expect(assertMayFetch(unpinned, { FRAMELOOM_UNPINNED: '1' })).toBe(false);
    expect(said).toEqual([
      'setup: warning: tensorflow==2.21.0 is taken on the word of the package index alone\n',
    ]);
  });

  it('does not take the place of a pinned one', async () => {
    await expect(assertPinnedWheel('/x/other.whl', {})).rejects.toThrow(
      'the package index gave other.whl, whose sha256 is not known beforehand',
    );
  });
});

describe('assertSpace', () => {
  it('says what is free and what is needed', async () => {
    await expect(assertSpace(tmpdir(), 1)).resolves.toBeUndefined();
    await expect(assertSpace(tmpdir(), 1e18)).rejects.toThrow(
      /free and 1000000000.00 GB are needed/,
    );
  });
});
