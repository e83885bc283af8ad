import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { openDataset, type Dataset } from '../../src/clips/index.js';
import { dataOptions } from '../../src/clips/options.js';
import { registerKernels } from '../../src/kernels/index.js';
import { sayFigures, scalarsOf } from '../../src/training/evaluation.js';
import { evaluationFrames, measureHeldOut } from '../../src/training/measure-held-out.js';
import { disposeState, initialState, type TrainingState } from '../../src/training/model.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import { expectNoLeak } from '../tensors.js';
import { makeClip } from '../video/make-clip.js';
import { smallModel } from './support.js';

describe('what is measured on held-out frames', () => {
  const model = smallModel();
  const training = trainingOptions.parse({ evaluateFrames: 5 });
  const pipeline = { seed: 1, training, losses: lossOptions.parse({}) };
  let dataset: Dataset;
  beforeAll(async () => {
    await useBackend();
    registerKernels();
    const clip = await makeClip({ frames: 60, width: 24, height: 16, filter: 'scroll=h=0.05' });
    dataset = await openDataset(
      dataOptions.parse({ clips: [clip], size: '24x16', condition: 'edges' }),
      { seed: 1, baseFolder: '/', historyFrames: 2, conditionFrames: 3 },
    );
  });
  afterAll(() => dataset.close());

  const withState = async (run: (state: TrainingState) => Promise<void>): Promise<void> => {
    const state = initialState(model, 1);
    try {
      await run(state);
    } finally {
      disposeState(state);
    }
  };

  it('is the score, what decides the frames, overfitting, and slopes where a long rollout is due', () =>
    withState(async (state) => {
      const context = { pipeline, model, dataset };
      const told: number[][] = [];
      const onEvaluation = (...how: [number, number]): unknown => told.push(how);
      const short = await measureHeldOut(context, state);
      await expectNoLeak(async () => {
        const long = await measureHeldOut({ ...context, onEvaluation }, state, { longFrames: 100 });
        const { sharpnessSlope, checkerSlope, colourSlope } = long;
        const slopes = { sharpnessSlope, checkerSlope, colourSlope };
        expect(Object.values(slopes).map((value) => typeof value)).toEqual(Array(3).fill('number'));
        // Nothing else depends on it, and all is the same each time.
        const without = { sharpnessSlope: null, checkerSlope: null, colourSlope: null };
        expect({ ...long, ...without }).toEqual(short);
        expect(Object.keys(scalarsOf(long)).sort()).toEqual(
          expect.arrayContaining(['held_out/motion', 'held_out/colour_slope']),
        );
        expect(sayFigures(long)).toMatch(
          /^score \S+, PSNR \S+ dB, SSIM .* slopes in 100 frames: sharpness -?0/,
        );
        expect(sayFigures(short)).not.toContain('slopes');
      });
      const total = evaluationFrames(dataset, training) + 100;
      expect(told).toEqual(Array.from({ length: total }, (_, i) => [i + 1, total]));
    }));

  it('is the score alone where the time is over in a long rollout, and nothing where somebody stops it', () =>
    withState(async (state) => {
      const context = { pipeline, model, dataset };
      const scored = evaluationFrames(dataset, training);
      const endIn = (stop: AbortController) => (done: number) => {
        if (done === scored + 3) stop.abort();
      };
      const time = new AbortController();
      await expectNoLeak(async () => {
        const inTime = await measureHeldOut({ ...context, onEvaluation: endIn(time) }, state, {
          ...{ longFrames: 100, signal: time.signal },
        });
        expect(inTime.ssim).toEqual(expect.any(Number));
        expect(inTime.sharpnessSlope).toBeNull();
        const stop = new AbortController();
        const { signal } = stop;
        const stopped = measureHeldOut({ ...context, signal, onEvaluation: endIn(stop) }, state, {
          ...{ longFrames: 100, signal },
        });
        await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
      });
    }));
});
