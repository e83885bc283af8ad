import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../src/video/index.js';
import { frameloom } from '../cli/support.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip } from '../video/make-clip.js';
import { makeWorkFolder, processesWith, startFrameloom, until } from './support.js';

const TIMEOUT_MS = 240_000;
const CLIPS = 14;
/** Of them, those that two processes share. */
const SHARED = 5;
const FRAMES = 8;

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let run: string;
let clips: string;

beforeAll(async () => {
  work = await makeWorkFolder();
  run = await makeRun({ data: { size: '96x64' } });
  clips = join(work.path, 'clips');
  await mkdir(clips);
  const clip = await readFile(await makeClip({ width: 96, height: 64, frames: FRAMES }));
  for (let i = 1; i <= CLIPS; i += 1) await writeFile(join(clips, `clip-${i}.mp4`), clip);
}, TIMEOUT_MS);
afterAll(() => work.remove());

const videos = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).filter((name) => /^clip-\d+\.mp4$/.test(name));
const manifestLines = async (folder: string): Promise<number> =>
  (await readFile(join(folder, 'frameloom-manifest.jsonl'), 'utf8').catch(() => '')).split('\n')
    .length - 1;

describe('a batch', { timeout: TIMEOUT_MS }, () => {
  it('killed half-way is finished by the same command, and nothing is made twice', async () => {
    const out = join(work.path, 'out');
    const command = [
      ...['generate', run, '-i', join(clips, '*.mp4'), '-o', join(out, '{name}.mp4')],
      ...['--jobs', '2', '--json'],
    ];
    const killed = startFrameloom(['--quiet', ...command], { FRAMELOOM_TEST: out });
    await until(async () => (await manifestLines(out)) >= 5, 'a third of them');
    // The hardest way: no handler of ours can run.
    killed.kill('SIGKILL');
    expect(await killed.ended).toMatchObject({ signal: 'SIGKILL' });
    await until(async () => (await processesWith('FRAMELOOM_TEST', out)).length === 0, 'ffmpeg');
    expect(await manifestLines(out)).toBeLessThan(CLIPS);
    const made = await videos(out);
    const times = await Promise.all(
      made.map(async (name) => (await stat(join(out, name))).mtimeMs),
    );

    const { code, stdout, stderr } = await frameloom('--quiet', ...command);
    expect([code, stderr]).toEqual([0, '']);
    const summary = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
    // One that was in place and not yet in the manifest is not made again either.
    expect(summary).toMatchObject({
      skipped: made.length,
      done: CLIPS - made.length,
      failed: 0,
    });
    expect((await readdir(out)).sort()).toEqual(
      [
        ...Array.from({ length: CLIPS }, (_, i) => `clip-${i + 1}.mp4`),
        'frameloom-manifest.jsonl',
      ].sort(),
    );
    const after = await Promise.all(
      made.map(async (name) => (await stat(join(out, name))).mtimeMs),
    );
    expect(after).toEqual(times);
    expect(await manifestLines(out)).toBe(CLIPS);
    for (const name of await videos(out)) {
      const info = await probe(join(out, name), { count: true });
      expect([name, info.frameCount]).toEqual([name, FRAMES]);
    }
  });

  it('is shared by two processes, which make nothing twice', async () => {
    const out = join(work.path, 'shared');
    const command = [
      '-i',
      join(clips, `clip-[1-${SHARED}].mp4`),
      '-o',
      join(out, '{name}.mp4'),
      '--json',
    ];
    const both = [1, 2].map(() =>
      startFrameloom(['--quiet', 'generate', run, ...command], { FRAMELOOM_TEST: out }),
    );
    const ends = await Promise.all(both.map(({ ended }) => ended));
    const lines = ends.flatMap(({ stdout }) =>
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { status: string; output?: string }),
    );
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const done = lines.filter(({ status }) => status === 'done').map(({ output }) => output!);
    expect(done.sort()).toEqual(
      Array.from({ length: SHARED }, (_, i) => join(out, `clip-${i + 1}.mp4`)),
    );
    expect(lines.filter(({ status }) => status === 'skipped')).toHaveLength(SHARED);
    expect(await manifestLines(out)).toBe(SHARED);
  });

  it('stopped by Ctrl-C leaves nothing half-written', async () => {
    const out = join(work.path, 'stopped');
    const child = startFrameloom(
      ['--quiet', 'generate', run, '-i', join(clips, '*.mp4'), '-o', join(out, '{name}.mp4')],
      { FRAMELOOM_TEST: out },
    );
    await until(async () => (await manifestLines(out)) >= 1, 'a video');
    child.signalGroup('SIGINT');
    const { code, stderr } = await child.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(new RegExp(`stopped with \\d+ of ${CLIPS} videos made`));
    expect(await processesWith('FRAMELOOM_TEST', out)).toEqual([]);
    const names = await readdir(out);
    expect(names.filter((name) => name.includes('partial'))).toEqual([]);
  });
});
