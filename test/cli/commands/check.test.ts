import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inspection } from '../../../src/cli/input/inspect.js';
import { makeClip } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

let folder: string;
let clip: string;
let pipeline: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frameloom-'));
  clip = await makeClip({ frames: 40 });
  pipeline = join(folder, 'mine.yaml');
  await writeFile(pipeline, `data: {clips: [${clip}], size: 64x36}\ngenerator: {preset: tiny}\n`);
  process.env.FRAMELOOM_CACHE = join(folder, 'cache');
});
afterAll(async () => {
  delete process.env.FRAMELOOM_CACHE;
  await rm(folder, { recursive: true, force: true });
});

describe('check', () => {
  it('says what there is to train on', async () => {
    const { code, stdout } = await frameloom('check', pipeline);
    expect(code).toBe(0);
    expect(stdout).toContain('trained at  64x36, 25 frames/s');
    expect(stdout).toContain('derived by format=gray,edgedetect');
    expect(stdout).toMatch(/generator +[\d,]+ +[\d.]+ [MG]/);
    expect(stdout).toContain('mine can be trained');
  });

  it('says it as JSON, nothing else on standard output', async () => {
    const { code, stdout } = await frameloom('check', pipeline, '--json');
    expect(code).toBe(0);
    const inspection = JSON.parse(stdout) as Inspection;
    expect(inspection.data.totals).toMatchObject({ clips: 1, frames: 40 });
    expect(inspection.networks.map(({ network }) => network)).toEqual([
      'generator',
      'frame discriminator',
      'sequence discriminators',
    ]);
    for (const { parameters, flopsPerFrame } of inspection.networks) {
      expect(Math.min(parameters, flopsPerFrame)).toBeGreaterThan(0);
    }
  });

  it('takes clips and keys from the command line', async () => {
    const { stdout } = await frameloom(
      ...[
        'check',
        pipeline,
        '--json',
        '--set',
        'data.condition=none',
        '--set',
        'training.frames=7',
      ],
      ...['--clip', clip, await makeClip({ frames: 30, name: 'other.mp4' })],
    );
    const { data } = JSON.parse(stdout) as Inspection;
    expect(data.totals.clips).toBe(2);
    expect(data.condition.kind).toBe('none');
    expect(data.windowFrames).toBe(7);
  });

  it('gives each bad input its one line, and exits with 2', async () => {
    const empty = join(folder, 'empty.mp4');
    const text = join(folder, 'text.mp4');
    await writeFile(empty, '');
    await writeFile(text, 'not a video at all\n'.repeat(50));
    for (const bad of [empty, text, join(folder, 'none.mp4')]) {
      const { code, stdout, stderr } = await frameloom('--quiet', 'check', pipeline, '--clip', bad);
      expect([bad, code, stdout]).toEqual([bad, 2, '']);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(stderr).toContain(bad);
    }
    const list = ['--clip', empty, clip, text];
    const all = await frameloom('--quiet', 'check', pipeline, '--json', ...list);
    expect(all.code).toBe(2);
    expect(all.stderr).toMatch(
      /^error: 2 of 3 clips cannot be used:\n.*empty.*\n.*text.*\nmend them/,
    );
    const { broken } = JSON.parse(all.stdout) as { broken: { path: string; code: string }[] };
    expect(broken.map(({ path, code }) => [path, code])).toEqual([
      [empty, 'bad-input'],
      [text, expect.any(String)],
    ]);
    const skipped = await frameloom('check', pipeline, '--json', '--skip-broken', ...list);
    expect(skipped.code).toBe(0);
    expect(skipped.stderr).toContain('warning: left out 2 of 3 clips');
    const { data } = JSON.parse(skipped.stdout) as Inspection;
    expect(data.skipped.map(({ path }) => path)).toEqual([empty, text]);
    expect(data.clips).toHaveLength(1);
    const words = await frameloom('--quiet', 'check', pipeline, '--skip-broken', ...list);
    expect(words.stdout).toMatch(/left out, 2 of 3 clips:\n {2}.*empty\.mp4: .*0 bytes/);
    const unknown = await frameloom('check', pipeline, '--set', 'data.sise=64x36');
    expect(unknown).toMatchObject({
      code: 2,
      stderr: 'error: --set data.sise=64x36: data.sise: unknown key; did you mean size?\n',
    });
  });
});
