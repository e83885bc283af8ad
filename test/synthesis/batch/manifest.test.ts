import { appendFile, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../src/base/log.js';
import { Manifest, type ManifestEntry } from '../../../src/synthesis/batch/manifest.js';
import { scratchPath } from '../../video/make-clip.js';

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

describe('a manifest that grows', () => {
  const line = (output: string): string => `${JSON.stringify(entry(output))}\n`;

  it('is read once, and not at all where only this process adds', async () => {
    const folder = scratchPath('out');
    const [a, b] = [await Manifest.open(folder), await Manifest.open(folder)];
    for (let i = 0; i < 100; i += 1) {
      await a.add(entry(`a${i}.mp4`));
      await a.refresh();
    }
    expect(a.bytesRead).toBe(0);
    for (let i = 0; i < 100; i += 1) {
      await b.add(entry(`b${i}.mp4`));
      await Promise.all([a.refresh(), b.refresh(), a.refresh()]);
      expect(a.find(join(folder, `b${i}.mp4`))).toBeDefined();
    }
    const { size } = await stat(a.path);
    // Of a's lines b has read all, and a has read b's half.
    expect(b.bytesRead).toBeLessThanOrEqual(size);
    expect(a.bytesRead).toBe(
      Buffer.byteLength(Array.from({ length: 100 }, (_, i) => line(`b${i}.mp4`)).join('')),
    );
    const late = await Manifest.open(folder);
    expect(late.bytesRead).toBe(size);
    for (const manifest of [a, b, late]) await manifest.close();
  });

  it('keeps the later of two lines, whoever wrote them', async () => {
    const folder = scratchPath('out');
    const [a, b] = [await Manifest.open(folder), await Manifest.open(folder)];
    await a.add(entry('x.mp4', 1));
    await b.add(entry('x.mp4', 2));
    await Promise.all([a.refresh(), b.refresh()]);
    const frames = [a, b].map((each) => each.find(join(folder, 'x.mp4'))?.frames);
    expect(frames).toEqual([2, 2]);
    await Promise.all([a.close(), b.close()]);
  });

  it('waits for the rest of a line', async () => {
    const folder = scratchPath('out');
    const manifest = await Manifest.open(folder);
    const text = line('ä.mp4');
    const bytes = Buffer.from(text);
    // In the middle of a character of two bytes.
    const middle = bytes.indexOf(0xc3) + 1;
    for (const part of [bytes.subarray(0, middle), bytes.subarray(middle, -1)]) {
      expect(manifest.find(join(folder, 'ä.mp4'))).toBeUndefined();
      await appendFile(manifest.path, part);
      await manifest.refresh();
    }
    // Whole but for its end, as an editor leaves it.
    expect(manifest.find(join(folder, 'ä.mp4'))).toEqual(entry('ä.mp4'));
    await appendFile(manifest.path, '\n');
    await manifest.refresh();
    expect(manifest.bytesRead).toBe(bytes.length);
    await manifest.close();
  });

  it('survives what another process left cut short between two lines of ours', async () => {
    const folder = scratchPath('out');
    const manifest = await Manifest.open(folder);
    await manifest.add(entry('a.mp4'));
    await appendFile(manifest.path, line('b.mp4').slice(0, 30));
    await manifest.add(entry('c.mp4'));
    await manifest.close();
    const next = await Manifest.open(folder);
    const found = ['a', 'b', 'c'].map((name) => next.find(join(folder, `${name}.mp4`))?.output);
    expect(found).toEqual(['a.mp4', undefined, 'c.mp4']);
    await next.close();
  });

  it('is read anew where it became shorter, and says so', async () => {
    const folder = scratchPath('out');
    const { log, said } = warnings();
    const manifest = await Manifest.open(folder, { log });
    for (const name of ['a.mp4', 'b.mp4', 'c.mp4']) await manifest.add(entry(name));
    await writeFile(manifest.path, line('b.mp4'));
    await manifest.refresh();
    const found = ['a', 'b', 'c'].map((name) => manifest.find(join(folder, `${name}.mp4`))?.output);
    expect(found).toEqual([undefined, 'b.mp4', undefined]);
    expect(said).toEqual([`${manifest.path} was replaced: manifests are read anew`]);
    await manifest.close();
  });

  it('is read anew, and written on, where another file was put in its place', async () => {
    const folder = scratchPath('out');
    const manifest = await Manifest.open(folder);
    await manifest.add(entry('a.mp4'));
    const beside = join(folder, 'beside');
    await writeFile(beside, ['b.mp4', 'c.mp4', 'd.mp4'].map(line).join(''));
    await rename(beside, manifest.path);
    await manifest.add(entry('e.mp4'));
    await manifest.refresh();
    const outputs = ['a', 'b', 'e'].map(
      (name) => manifest.find(join(folder, `${name}.mp4`))?.output,
    );
    expect(outputs).toEqual([undefined, 'b.mp4', 'e.mp4']);
    expect((await readFile(manifest.path, 'utf8')).endsWith(line('e.mp4'))).toBe(true);
    await manifest.close();
  });
});
