import { appendFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../src/base/log.js';
import { Manifest, removeLeftovers, type ManifestEntry } from '../../src/synthesis/manifest.js';
import { scratchPath } from '../video/make-clip.js';

const print = { bytes: 5, modifiedMs: 1.5, sha256: 'a'.repeat(64) };
const entry = (output: string, frames = 3): ManifestEntry => ({
  output,
  model: { step: 7, sha256: 'b'.repeat(64) },
  settings: { seed: 1, audio: false, format: null },
  input: { path: 'in.mp4', ...print },
  made: print,
  frames,
  durationSeconds: 0.12,
});

function warnings(): { log: Logger; said: string[] } {
  const said: string[] = [];
  const none = (): void => undefined;
  return { log: { error: none, info: none, debug: none, warn: (text) => said.push(text) }, said };
}

describe('the manifest', () => {
  it('remembers, the later of two entries counting', async () => {
    const folder = scratchPath('out');
    const first = await Manifest.open(folder);
    expect(first.find(join(folder, 'a.mp4'))).toBeUndefined();
    await Promise.all([first.add(entry('a.mp4')), first.add(entry('x/b.mp4'))]);
    await first.add(entry('a.mp4', 9));
    await first.close();
    const second = await Manifest.open(folder);
    expect(second.find(join(folder, 'a.mp4'))).toEqual(entry('a.mp4', 9));
    expect(second.find(join(folder, 'x', '..', 'x', 'b.mp4'))).toEqual(entry('x/b.mp4'));
    await second.close();
  });

  it('passes over a line cut short by a kill, and goes on after it', async () => {
    const folder = scratchPath('out');
    const first = await Manifest.open(folder);
    await first.add(entry('a.mp4'));
    await first.close();
    await appendFile(first.path, JSON.stringify(entry('b.mp4')).slice(0, 40));
    const { log, said } = warnings();
    const second = await Manifest.open(folder, { log });
    expect([second.find(join(folder, 'b.mp4')), said]).toEqual([undefined, []]);
    await second.add(entry('c.mp4'));
    await second.close();
    const third = await Manifest.open(folder, { log });
    expect(third.find(join(folder, 'a.mp4'))).toEqual(entry('a.mp4'));
    expect(third.find(join(folder, 'c.mp4'))).toEqual(entry('c.mp4'));
    expect(said).toEqual([`${first.path}: 1 lines cannot be read and are left out`]);
    await third.close();
  });

  it('is one file a shard, read by all', async () => {
    const folder = scratchPath('out');
    const shard = await Manifest.open(folder, { shard: { index: 2, count: 3 } });
    await shard.add(entry('a.mp4'));
    await shard.close();
    expect(await readdir(folder)).toEqual(['frameloom-manifest-2of3.jsonl']);
    const other = await Manifest.open(folder, { shard: { index: 1, count: 2 } });
    expect(other.find(join(folder, 'a.mp4'))).toEqual(entry('a.mp4'));
    await other.close();
  });

  it('says where it cannot be', async () => {
    const folder = scratchPath('file');
    await writeFile(folder, '');
    await expect(Manifest.open(folder)).rejects.toMatchObject({ code: 'write-failed' });
    expect(await readFile(folder, 'utf8')).toBe('');
  });
});

describe('removeLeftovers', () => {
  it('takes what was left half-written of the outputs, and nothing else', async () => {
    const folder = scratchPath('out');
    await mkdir(join(folder, '.0123abcd.partial.frames'), { recursive: true });
    const stay = ['a.mp4', '.0123abcd.partial.other.mp4', '.partial.a.mp4', '.hidden'];
    const go = ['.0123abcd.partial.a.mp4', '.89ef0123.partial..0123abcd.partial.a.mp4'];
    for (const name of [...stay, ...go]) await writeFile(join(folder, name), 'x');
    await removeLeftovers([
      join(folder, 'a.mp4'),
      join(folder, 'frames', '%05d.png'),
      join(folder, 'none', 'b.mp4'),
    ]);
    expect((await readdir(folder)).sort()).toEqual(stay.sort());
  });
});
