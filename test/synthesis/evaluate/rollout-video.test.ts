import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { conditionToRgb } from '../../../src/clips/class-colours.js';
import { openDataset, type Dataset } from '../../../src/clips/index.js';
import { openRunModel, type RunModel } from '../../../src/pipeline/run-model.js';
import { evaluateHeldOut } from '../../../src/synthesis/evaluate/held-out.js';
import {
  openRolloutVideo,
  type ScoredFrame,
} from '../../../src/synthesis/evaluate/rollout-video.js';
import { decodeFrames, runningProcesses } from '../../../src/video/index.js';
import { counting } from '../../clips/make-data.js';
import { collect, pixelAt } from '../../video/frames.js';
import { scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

const [WIDTH, HEIGHT] = [32, 24];
let model: RunModel;
let dataset: Dataset;

beforeAll(async () => {
  await useBackend();
  model = await openRunModel(await makeRun());
  const clips = [await counting({ frames: 24 })];
  dataset = await openDataset(
    { ...model.data, clips },
    { seed: 1, baseFolder: '/', historyFrames: 2, conditionFrames: 3 },
  );
  return () => dataset.close();
});

describe('the video of an evaluation', () => {
  it('shows condition, generated and real of each scored frame', async () => {
    const path = scratchPath('evaluation.mkv');
    const video = openRolloutVideo(path, dataset);
    const scored: ScoredFrame[] = [];
    const { frames } = await evaluateHeldOut(dataset, model, {
      onScored: async (frame) => {
        scored.push({ ...frame, condition: frame.condition!.slice() });
        await video.add(frame);
      },
    });
    const result = await video.finish();
    expect(result).toMatchObject({ frames, width: 3 * WIDTH, height: HEIGHT });
    await video.close();
    const shown = await collect(decodeFrames(path));
    expect(scored).toHaveLength(frames);
    for (const [t, frame] of shown.entries()) {
      const { condition, generated, real } = scored[t]!;
      const drawn = conditionToRgb(condition!, dataset.layout);
      for (const [column, picture] of [drawn, generated, real].entries()) {
        const at = 3 * (5 * WIDTH + 7);
        // mkv is not without loss.
        pixelAt(frame, column * WIDTH + 7, 5).forEach((level, channel) =>
          expect(Math.abs(level - picture[at + channel]!)).toBeLessThan(30),
        );
      }
    }
  });

  it('that cannot be written says so, and one that is left is gone', async () => {
    const bad = openRolloutVideo(join('/proc', 'no', 'such.mkv'), dataset);
    const grey = (level: number): Uint8Array => new Uint8Array(3 * WIDTH * HEIGHT).fill(level);
    const frame = {
      condition: new Uint8Array(WIDTH * HEIGHT),
      generated: grey(1),
      real: grey(2),
    };
    const adding = (async () => {
      for (;;) await bad.add(frame);
    })();
    await expect(adding).rejects.toMatchObject({ code: 'write-failed' });
    const path = scratchPath('left/evaluation.mkv');
    const left = openRolloutVideo(path, dataset);
    await left.add(frame);
    await left.close();
    expect(await readdir(dirname(path)).catch(() => [])).toEqual([]);
    expect(runningProcesses()).toEqual([]);
  });
});
