import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { randomStream } from '../../src/base/random.js';
import { registerKernels } from '../../src/kernels/index.js';
import { generatorOptions } from '../../src/networks/index.js';
import { assertHistoryNoiseFits, spoilt } from '../../src/training/history-noise.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import type { RolloutInput } from '../../src/training/rollout.js';
import { planStep } from '../../src/training/schedule.js';
import { trainStep } from '../../src/training/step.js';
import { disposeDraws, rolloutInput } from '../../src/training/step-input.js';
import { expectNoLeak, normals } from '../tensors.js';
import { HEIGHT, PLAN, smallModel, WIDTH } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const rms = (x: tf.Tensor): number => Math.sqrt(tf.mean(tf.square(x)).dataSync()[0]!);

describe('noise on the past', () => {
  it('is of a strength of its own for each window, fine and coarse, within the colours', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const grey = tf.zeros<tf.Rank.R4>([8, 32, 48, 3]);
        const draw = (seed: number, most = 0.3) =>
          spoilt(grey, most, randomStream(seed, 'histories'));
        const made = draw(1);
        expect(made.dataSync()).toEqual(draw(1).dataSync());
        expect(made.dataSync()).not.toEqual(draw(2).dataSync());
        const strengths = tf.unstack(made).map(rms);
        expect(Math.max(...strengths)).toBeLessThan(0.45);
        expect(Math.max(...strengths)).toBeGreaterThan(2 * Math.min(...strengths));
        // What is left of the mean of a cell is coarse.
        const coarse = rms(tf.avgPool(made, 8, 8, 'valid'));
        expect(coarse).toBeGreaterThan(rms(made) / 6);
        expect(coarse).toBeLessThan(rms(made));
        const strong = spoilt(tf.ones<tf.Rank.R4>([1, 8, 8, 3]), 1, randomStream(3, 'histories'));
        expect(tf.max(tf.abs(strong)).dataSync()[0]).toBe(1);
      }),
    );
  });

  const training = trainingOptions.parse({
    ...{ frames: 2, rollout: { startFrames: 2 }, historyNoise: 0.2, stability: 'off' },
    ...{ coldStartFraction: 0, warmUp: { fraction: 0 } },
  });
  const losses = lossOptions.parse({});
  const generator = generatorOptions.parse({});
  const pipeline = { seed: 3, training, losses, generator, frameDiscriminator: { judgeRaw: true } };
  const checkpointing = { kind: 'off' } as const;
  const window = () => ({
    frames: tf.tidy(() => tf.tanh(normals<tf.Rank.R5>('frames', [1, 4, HEIGHT, WIDTH, 3]))),
    condition: null,
    ...{ leadFrames: 2, warmUpFrames: 0, origin: [], drawn: [] },
    dispose: () => undefined,
  });

  it('is drawn by seed and step alone, for what goes on from real frames and for nothing else', async () => {
    await expectNoLeak(() => {
      const frames = window();
      const draw = (step: number, more: object = {}, noise = 0.2): RolloutInput => {
        const planned = { ...planStep(pipeline, checkpointing, step, []), ...more };
        return rolloutInput(frames, planned, {
          ...pipeline,
          training: { ...training, historyNoise: noise },
        });
      };
      const valuesOf = (input: RolloutInput): Float32Array | undefined => {
        const values = input.history?.dataSync<'float32'>();
        disposeDraws(input, frames);
        return values;
      };
      const first = valuesOf(draw(5));
      expect(first).toHaveLength(HEIGHT * WIDTH * 6);
      expect(valuesOf(draw(5))).toEqual(first);
      expect(valuesOf(draw(6))).not.toEqual(first);
      expect(valuesOf(draw(5, { coldStart: true }))).toBeUndefined();
      expect(valuesOf(draw(5, {}, 0))).toBeUndefined();
      frames.frames.dispose();
    });
  });

  it('is refused where there is no past', () => {
    const fit = (historyNoise: number, historyFrames: number) => () =>
      assertHistoryNoiseFits({ training: { historyNoise }, generator: { historyFrames } });
    expect(fit(0.1, 1)).not.toThrow();
    expect(fit(0, 0)).not.toThrow();
    expect(fit(0.1, 0)).toThrow('no past to put noise on');
  });

  it('is what a rollout goes on from, and nothing that it is held to', async () => {
    const model = smallModel({}, 0);
    await expectNoLeak(async () => {
      const frames = window();
      const state = initialState(model, 1);
      const run = async (noise: number) => {
        const input = rolloutInput(frames, planStep(pipeline, checkpointing, 0, []), {
          ...{ ...pipeline, generator: model.generator.options },
          training: { ...training, historyNoise: noise },
        });
        const { state: next, terms } = await trainStep(model, state, input, losses, PLAN);
        disposeState(next);
        disposeDraws(input, frames);
        return terms;
      };
      const [clean, noisy] = [await run(0), await run(0.5)];
      expect(noisy['generator/reconstruction']).not.toBeCloseTo(
        clean['generator/reconstruction']!,
        4,
      );
      // Real scores are of real frames.
      const real = 'discriminator/frame_real';
      expect(noisy[real]).toBeCloseTo(clean[real]!, 5);
      disposeState(state);
      frames.frames.dispose();
    });
  });
});
