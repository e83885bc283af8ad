// Whole ways through, with real (untrained) networks: as many frames as there are, at their times.
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import { runBatch } from '../../src/synthesis/batch/batch.js';
import type { SynthesisModel } from '../../src/synthesis/models/model.js';
import { generateVideo } from '../../src/synthesis/video/generate-video.js';
import { outputFolder, planBatch } from '../../src/synthesis/batch/template.js';
import { runningProcesses } from '../../src/video/index.js';
import { makeRun } from '../synthesis/make-run.js';
import { changeAvi } from './bytes.js';
import { readFile, writeFile } from 'node:fs/promises';
import { fromFirst, furthest, keepingLog, shown } from './look.js';
import { caseFolder, ffmpeg, flatVideo, series, tone, X264 } from './make.js';
import { pictureFolder, png } from './pictures.js';

const path = caseFolder();
let model: SynthesisModel;
const sources = new Map<string, number[]>();

beforeAll(async () => {
  await useBackend();
  model = await openRunModel(await makeRun());
  const lumas = series(24, (k) => 20 + 8 * k);
  const burst = { ticks: 600, of: 'if(lt(N,12),10*N,1200+10*(N-12))' };
  const mp4 = [...X264, '-bf', '0', '-video_track_timescale', '600', '-c:a', 'aac'];
  await flatVideo(path('bursts.mp4'), { lumas, times: burst, inputs: tone(2.2), options: mp4 });
  sources.set(
    'bursts.mp4',
    series(24, (k) => (k < 12 ? k / 60 : 2 + (k - 12) / 60)),
  );
  const gop = [...X264, '-g', '20', '-keyint_min', '20', '-sc_threshold', '0'];
  await flatVideo(path('gop.mp4'), { lumas: series(40, (k) => 20 + 5 * k), options: gop });
  await ffmpeg('-ss', '1.2', '-i', path('gop.mp4'), '-c', 'copy', path('cut.mov'));
  sources.set(
    'cut.mov',
    series(10, (k) => k / 25),
  );
  pictureFolder(
    path('mixed'),
    lumas.map((luma, k) => png(luma, k % 5 === 2 ? 'grey' : 'rgb')),
  );
  sources.set(
    'mixed',
    series(24, (k) => k / 25),
  );
  await flatVideo(path('full.avi'), { lumas, options: ['-c:v', 'mpeg4', '-q:v', '2', '-g', '1'] });
  const avi = changeAvi(await readFile(path('full.avi')), (chunk, video) =>
    video % 4 === 3 ? { ...chunk, data: Buffer.alloc(0) } : chunk,
  );
  await writeFile(path('dropped.avi'), avi);
  sources.set(
    'dropped.avi',
    series(24, (k) => k / 25),
  );
  await flatVideo(path('camera.h264'), { lumas, options: [...X264, '-g', '10'] });
  sources.set(
    'camera.h264',
    series(24, (k) => k / 25),
  );
});

const SOURCES = ['bursts.mp4', 'cut.mov', 'mixed', 'dropped.avi', 'camera.h264'];

describe('an untrained generator', () => {
  it.each(SOURCES)('makes one frame for each of %s', async (name) => {
    const times = sources.get(name)!;
    const output = path(`${name}.made.mp4`);
    const { log, warnings } = keepingLog();
    const seen: number[] = [];
    const result = await generateVideo(model, {
      ...{ input: path(name), output, startFrames: 2, baseFolder: path(), log },
      audio: name === 'bursts.mp4',
      onFrame: (done) => seen.push(done),
    });
    expect([result.frames, seen.length, warnings()]).toEqual([times.length, times.length, '']);
    const made = await shown(output);
    expect(made.count).toBe(times.length);
    expect(furthest(fromFirst(made.times), times)).toBeLessThan(0.0085);
    expect(runningProcesses()).toEqual([]);
  });

  it('makes a batch of all of them', async () => {
    const template = path('batch', '{index}.mkv');
    const jobs = planBatch({ inputs: SOURCES.map((name) => path(name)), seeds: [1], template });
    const folder = outputFolder(template);
    const summary = await runBatch(model, jobs, { folder, startFrames: 0, baseFolder: path() });
    expect(summary).toMatchObject({ done: SOURCES.length, skipped: 0, failed: [] });
    for (const [i, name] of SOURCES.entries()) {
      const made = await shown(path('batch', `${i + 1}.mkv`));
      expect(made.count).toBe(sources.get(name)!.length);
      expect(furthest(fromFirst(made.times), sources.get(name)!)).toBeLessThan(0.0085);
    }
  });
});
