import { beforeAll, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { silentLogger } from '../../src/base/log.js';
import { registerKernels } from '../../src/kernels/index.js';
import { measurePace } from '../../src/training/measure-pace.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import { expectNoLeak } from '../tensors.js';
import { HEIGHT, smallModel, WIDTH } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

it('takes a few steps as training would, by their draws too, and lets go of all of them', async () => {
  const training = trainingOptions.parse({
    compile: false,
    frames: 2,
    rollout: { startFrames: 2 },
  });
  const losses = lossOptions.parse({ r1: 1, r1EverySteps: 1, penalty: 'approximate' });
  const model = smallModel();
  const { noiseChannels, historyFrames } = model.generator.options;
  const pipeline = {
    seed: 1,
    training,
    losses,
    frameDiscriminator: { judgeRaw: true },
    generator: { noiseChannels, historyFrames },
  };
  const seen: number[] = [];
  await expectNoLeak(async () => {
    const measured = await measurePace(pipeline, model, {
      size: { height: HEIGHT, width: WIDTH },
      checkpointing: { kind: 'off' },
      minutes: 60,
      limitSeconds: 0,
      log: silentLogger,
      onStep: (steps) => seen.push(steps),
    });
    expect(measured).toHaveLength(8);
    expect(new Set(measured.map(({ frames }) => frames))).toEqual(new Set([2]));
    // What is missing to the fewest that say something is as the fastest.
    const least = Math.min(...measured.map(({ ms }) => ms));
    expect(measured.slice(3).map(({ ms }) => ms)).toEqual(Array(5).fill(least));
  });
  expect(seen).toEqual([1, 2, 3]);
});
