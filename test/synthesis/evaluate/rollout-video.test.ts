import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { conditionToRgb } from '../../../src/clips/class-colours.js';
import { openDataset, type Dataset } from '../../../src/clips/index.js';
import { openRunModel, type RunModel } from '../../../src/pipeline/run-model.js';
import { openComparisonVideo } from '../../../src/synthesis/evaluate/comparison-video.js';
import { evaluateHeldOut } from '../../../src/synthesis/evaluate/held-out.js';
import {
  openRolloutVideo,
  picturesInARow,
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

describe('the video of a comparison', () => {
  const shape = { width: WIDTH, height: HEIGHT, fps: { num: 5, den: 1 } };
  const grey = (level: number): Uint8Array => new Uint8Array(3 * WIDTH * HEIGHT).fill(level);

  it('shows columns in their places, though they are made one after the other', async () => {
    const path = scratchPath('compared/all.mkv');
    const video = await openComparisonVideo(path, shape);
    // The fifth place first: it is in the second row.
    for (const place of [4, 0, 1, 2, 3]) {
      const column = await video.column(place);
      const level = grey(0);
      for (let t = 0; t < 3; t += 1) await column.add(level.fill(40 * place + 10 * t));
    }
    await video.finish();
    await video.close();
    expect(await readdir(dirname(path))).toEqual(['all.mkv']);
    const shown = await collect(decodeFrames(path));
    expect(shown).toHaveLength(3);
    for (const [t, frame] of shown.entries()) {
      expect([frame.width, frame.height]).toEqual([3 * WIDTH, 2 * HEIGHT]);
      for (const place of [0, 1, 2, 3, 4]) {
        const [x, y] = [(place % 3) * WIDTH + 16, Math.floor(place / 3) * HEIGHT + 12];
        const [level] = pixelAt(frame, x, y);
        expect(Math.abs(level! - (40 * place + 10 * t))).toBeLessThan(6);
      }
    }
  });

  it('leaves nothing where it is not finished, and is none of unequal columns', async () => {
    const path = scratchPath('compared/left.mkv');
    const video = await openComparisonVideo(path, shape);
    await (await video.column(0)).add(grey(1));
    await video.column(1);
    await expect(video.finish()).rejects.toThrow('columns of a video have 1, 0 frames');
    await video.close();
    expect(await readdir(dirname(path))).toEqual([]);
    await expect(openComparisonVideo('/proc/no/such.mkv', shape)).rejects.toMatchObject({
      code: 'write-failed',
    });
    expect(runningProcesses()).toEqual([]);
  });

  it('has up to four pictures in a row, and rows as even as can be', () => {
    expect([1, 3, 4, 5, 6, 7, 9, 12].map(picturesInARow)).toEqual([1, 3, 4, 3, 3, 4, 3, 4]);
  });
});
