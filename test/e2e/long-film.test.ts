import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { exportGenerator } from '../../src/export/index.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import { frameloom } from '../cli/support.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip } from '../video/make-clip.js';
import { makeWorkFolder, startFrameloom, until } from './support.js';

const TIMEOUT_MS = 300_000;
const FRAMES = 110;

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let model: string;
let clip: string;
beforeAll(async () => {
  work = await makeWorkFolder();
  await useBackend();
  model = join(work.path, 'generator.onnx');
  const run = await makeRun({ generator: { noiseChannels: 2 }, data: { size: '64x48' } });
  await exportGenerator(await openRunModel(run), model);
  clip = await makeClip({ frames: FRAMES, name: 'long.mp4', toneSeconds: FRAMES / 25 });
}, TIMEOUT_MS);
afterAll(() => work.remove());

const start = (output: string, ...more: string[]) =>
  startFrameloom(
    ['generate', model, '-i', clip, '-o', output, '--audio', '--segment-frames', '20', ...more],
    { FRAMELOOM_FFMPEG: process.env.FRAMELOOM_FFMPEG ?? '' },
  );

async function folderFor(name: string): Promise<string> {
  const folder = join(work.path, name);
  await mkdir(folder);
  return folder;
}

/** Segments that are finished beside an output. */
async function segmentsIn(folder: string): Promise<number> {
  const names = await readdir(folder);
  const parts = names.find((name) => name.endsWith('.frameloom-parts'));
  const files = parts === undefined ? [] : await readdir(join(folder, parts)).catch(() => []);
  return files.filter((name) => /^\d+\.mp4$/.test(name)).length;
}

describe('a long film', () => {
  it(
    'killed again and again goes on, and is the same file as one that was not',
    async () => {
      const calm = await folderFor('calm');
      expect((await start(join(calm, 'a.mp4')).ended).code).toBe(0);
      const folder = await folderFor('killed');
      const output = join(folder, 'a.mp4');
      for (const segments of [2, 4]) {
        const killed = start(output);
        await until(async () => (await segmentsIn(folder)) >= segments, 'segments');
        killed.kill('SIGKILL');
        expect((await killed.ended).signal).toBe('SIGKILL');
      }
      const { code, stderr } = await start(output).ended;
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const [, from] = /going on at frame (\d+) of 110/.exec(stderr) ?? [];
      expect(Number(from)).toBeGreaterThanOrEqual(60);
      expect((await readFile(output)).equals(await readFile(join(calm, 'a.mp4')))).toBe(true);
      expect(await readdir(folder)).toEqual(['a.mp4']);
      expect(await readdir(calm)).toEqual(['a.mp4']);
    },
    TIMEOUT_MS,
  );

  it(
    'stopped by Ctrl-C says how to go on, and another seed begins anew',
    async () => {
      const folder = await folderFor('stopped');
      const output = join(folder, 'a.mp4');
      const stopped = start(output);
      await until(async () => (await segmentsIn(folder)) >= 2, 'segments');
      stopped.signalGroup('SIGINT');
      const first = await stopped.ended;
      expect(first.code).toBe(130);
      expect(first.stderr).toMatch(/\d+ of 110 frames are kept in .*: the same command goes on/);
      const second = await start(output, '--seed', '8').ended;
      expect(second.code).toBe(0);
      expect(second.stderr).toContain('frames of other work: they are removed');
      expect(second.stderr).not.toContain('going on at');
      expect(await readdir(folder)).toEqual(['a.mp4']);
    },
    TIMEOUT_MS,
  );

  it(
    'refuses segments of what cannot be joined',
    async () => {
      const words = ['generate', model, '-i', clip, '--segment-frames', '5', '-o'];
      const { code, stderr } = await frameloom(...words, join(work.path, 'a.y4m'), '--audio');
      expect(code).toBe(2);
      expect(stderr).toContain('--audio does nothing for y4m');
      const refused = await frameloom(...words, join(work.path, 'a-%03d.png'));
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain('--segment-frames does nothing for png');
    },
    TIMEOUT_MS,
  );
});
