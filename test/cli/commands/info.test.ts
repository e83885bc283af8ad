import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatAge } from '../../../src/cli/commands/runs/run.js';
import { writeReturns } from '../../../src/training/run/returns.js';
import { runPaths } from '../../../src/training/run/run-folder.js';
import { saveSnapshot } from '../../../src/training/run/snapshot-store.js';
import { makeRun } from '../../synthesis/make-run.js';
import { makeClip, runFfmpeg, scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

const json = async (...args: string[]) => {
  const { code, stdout } = await frameloom(...args, '--json');
  expect(code).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
};

let root: string;
let run: string;

beforeAll(async () => {
  root = scratchPath('runs');
  await mkdir(root);
  run = join(root, '00001-random');
  await rename(await makeRun({ generator: { noiseChannels: 2 } }), run);
  await rename(await makeRun({ data: { condition: 'none' } }), join(root, '00002-free'));
  await mkdir(join(root, 'no run'));
  await appendFile(
    join(run, 'log.jsonl'),
    [
      '{"step":100,"heldOut":{"psnr":20.5,"ssim":0.7,"overfitting":0.25}}',
      '{"step":200,"heldOut":{"psnr":19.25,"ssim":0.72,"sharpnessRatio":0.45},"alarms":{"dots":"checker 1.80, above 1.5"}}',
      '{"step":200,"ended":{"word":"dots","why":"checker 1.80, above 1.5"}}',
      '{"step":250,"terms":{}}',
      '{"step":26',
    ].join('\n'),
  );
  await appendFile(
    join(root, '00002-free', 'log.jsonl'),
    '{"step":1,"health":"healthy","terms":{}}\n{"step":1,"ended":{"word":"boiling","why":"motion 3.10, above 2"}}\n',
  );
  const back = { fromStep: 90, toStep: 40, aside: 'aside/00001', done: true };
  const trip = { word: 'boiling', why: 'motion 2.40, above 2' };
  await writeReturns(runPaths(run), null, [
    { ...back, trip },
    { ...back, toStep: 30, trip: null },
  ]);
  await saveSnapshot(
    join(run, 'snapshots'),
    { step: 200, tensors: {}, state: {} },
    { keepLast: 5, score: 0.65 },
  );
});

describe('info', () => {
  it('says what Frameloom sees of a video', async () => {
    const clip = await makeClip({ frames: 10, fps: '30000/1001', name: 'a b.mkv', toneSeconds: 1 });
    expect(await json('info', clip)).toMatchObject({
      ...{ type: 'video', width: 64, height: 36, frameCount: 10, isCounted: true, hasAudio: true },
      fps: { num: 30000, den: 1001 },
      warnings: [expect.stringContaining('BT.601 is assumed')],
    });
    const { stdout } = await frameloom('info', clip);
    expect(stdout).toContain('rate       29.970 (30000/1001) a second\n');
    expect(stdout).toContain('times      even\n');
    expect(stdout).toContain('note: it does not say how its colours are to be read');

    const uneven = scratchPath('uneven.mp4');
    await runFfmpeg(
      '-i',
      clip,
      '-an',
      '-vf',
      'setpts=N*N*0.02/TB',
      '-fps_mode',
      'vfr',
      uneven,
    ).catch(() =>
      runFfmpeg('-i', clip, '-an', '-vf', 'setpts=N*N*0.02/TB', '-vsync', 'vfr', uneven),
    );
    const { variableFrameRate, warnings } = await json('info', uneven);
    expect(variableFrameRate).toBe(true);
    expect(warnings).toContainEqual(
      expect.stringMatching(/its frames are shown for [\d.]+ to [\d.]{4,} ms/),
    );
  });

  it('says what a run is, how far it is, and what to do with it', async () => {
    expect(await json('info', run)).toMatchObject({
      ...{ type: 'run', name: 'random', step: 250, steps: 2000, isExported: false },
      lastScore: { step: 200, psnr: 19.25, ssim: 0.72 },
      // Nearer by SSIM, the last one is half as sharp as the real frames.
      bestBy: 'composite',
      bestScore: {
        step: 100,
        score: 0.7,
        psnr: 20.5,
        ssim: 0.7,
        overfitting: 0.25,
        diversity: null,
      },
      // It was gone on with.
      ...{ health: 'dots', ended: null },
      returns: [
        { fromStep: 90, toStep: 40, why: 'boiling, motion 2.40, above 2' },
        { fromStep: 90, toStep: 30, why: null },
      ],
      snapshots: [
        { step: 1, score: null },
        { step: 200, score: 0.65, scoredBy: 'ssim', problem: null },
      ],
      pipeline: { name: 'random' },
      next: [expect.stringContaining(' evaluate '), expect.stringContaining(' generate ')],
    });
    const { stdout } = await frameloom('info', run);
    expect(stdout).toContain('driven by      edges of the video\n');
    expect(stdout).toContain('2 channels of noise');
    expect(stdout).toContain('from step 90 to 40, boiling, motion 2.40, above 2\n');
    expect(stdout).toContain('from step 90 to 30, as was asked for\n');
    expect(stdout).toMatch(
      /^last measured +score 0.509, PSNR 19.25 dB, SSIM 0.720, sharpness 0.45 at step 200$/m,
    );
    expect(stdout).toMatch(/^ *200 +0.650 \(SSIM\) /m);
    expect(stdout).toMatch(/^best by score +score 0.700, /m);
    expect(stdout).toContain(' PSNR 20.50 dB, SSIM 0.700, overfitting 0.25 at step 100\n');
  });

  it('says where a run ended because it had tipped', async () => {
    const ended = join(root, '00002-free');
    expect(await json('info', ended)).toMatchObject({
      ended: { step: 1, word: 'boiling', why: 'motion 3.10, above 2' },
    });
    const { stdout } = await frameloom('info', ended);
    expect(stdout).toMatch(/^ended +at step 1, boiling, motion 3.10, above 2$/m);
  });

  it('says what an exported file is', async () => {
    const file = scratchPath('generator.onnx');
    expect((await frameloom('export', run, '--snapshot', '1', '-o', file)).code).toBe(0);
    expect(await json('info', file)).toMatchObject({
      ...{ type: 'export', step: 1, width: 32, height: 24, precision: 'float32' },
      generator: { noiseChannels: 2 },
    });
    expect((await frameloom('info', file)).stdout).toContain('driven by      edges of the video\n');
  });

  it.each([
    ['none.mp4', 'none.mp4 does not exist'],
    ['mine.yaml', 'mine.yaml is a pipeline, not a video ('],
    ['none.onnx', 'cannot read none.onnx'],
  ])('refuses %s', async (place, message) => {
    const { code, stdout, stderr } = await frameloom('info', place);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});

describe('runs', () => {
  it('are listed with their steps, scores and sizes', async () => {
    const { code, stdout } = await frameloom('runs', root);
    expect(code).toBe(0);
    const rows = stdout.trimEnd().split('\n');
    expect(rows[2]).toMatch(
      /00001-random +random +250\/2,000 +19\.25 +0\.720 +0\.700 @ 100 +dots, went back 1× .* now$/,
    );
    expect(rows[3]).toMatch(
      /00002-free +random +1\/2,000 +– +– +– +healthy, ended by boiling .* now$/,
    );
    expect(rows[4]).toMatch(/^2 runs, [\d.]+ KiB$/);
    const { stdout: text } = await frameloom('runs', root, '--json');
    expect(JSON.parse(text)).toMatchObject([{ name: 'random', step: 250 }, { step: 1 }]);
  });

  it('that cannot be read are listed as that', async () => {
    const folder = scratchPath('runs');
    await mkdir(join(folder, '00001-x'), { recursive: true });
    await writeFile(join(folder, '00001-x', 'pipeline.yaml'), 'data: {sizes: 3}');
    await mkdir(join(folder, '00002-y'), { recursive: true });
    await writeFile(join(folder, '00002-y', 'pipeline.yaml'), 'data: {clips: a.mp4, size: 32x24}');
    await writeFile(join(folder, '00002-y', 'returns.json'), '{');
    const rows = (await frameloom('runs', folder)).stdout.split('\n');
    expect(rows[2]).toMatch(/00001-x +cannot be read /);
    expect(rows[3]).toMatch(/00002-y .* –, damaged: info says how /);
    expect((await frameloom('runs', scratchPath('none'))).stderr).toContain('no folder of runs');
  });

  it('have an age', () => {
    expect([5, 200, 7300, 90_000, 900_000].map(formatAge)).toEqual([
      ...['now', '3 min', '2 h', '1 day', '10 days'],
    ]);
  });
});
