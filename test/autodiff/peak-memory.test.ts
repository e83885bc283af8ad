import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it, vi } from 'vitest';
import { checkpointedGradient, evenSegments, plainGradient } from '../../src/autodiff/index.js';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';
import { createRollout } from '../../src/training/rollout.js';
import { byLoss } from './by-loss.js';
import { normals } from '../tensors.js';

const [T, HEIGHT, WIDTH] = [16, 72, 128];

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

/** The most bytes that tensors took beyond those before. tf.profile says it too, 10 times slower. */
function peakBytes(run: () => void): number {
  const engine = tf.engine();
  const before = tf.memory().numBytes;
  let peak = before;
  const track = engine.trackTensor.bind(engine);
  const spy = vi.spyOn(engine, 'trackTensor').mockImplementation((tensor, backend) => {
    track(tensor, backend);
    peak = Math.max(peak, engine.state.numBytes);
  });
  run();
  spy.mockRestore();
  return peak - before;
}

it('checkpointing 16 frames of 128×72 needs little more than a fifth of the plain tape’s peak', () => {
  // Activations grow with the channels as checkpoints do not: few channels are the harder case.
  const generator = createGenerator(generatorOptions.parse({ preset: 'tiny', channels: 8 }), 1);
  const frames = normals<tf.Rank.R5>('frames', [1, 2 + T, HEIGHT, WIDTH, 3]);
  const condition = normals<tf.Rank.R5>('condition', [1, 2 + T, HEIGHT, WIDTH, 1]);
  const rollout = createRollout(generator, {
    ...{ frames, condition, noise: null, lead: 2, warmUp: 0, coldStart: false },
    visibleFrom: 0,
    teacherForced: Array.from({ length: T }, () => false),
  });
  const parameters = tf.tensor1d(generator.layout.initialize(1));
  const loss = byLoss((outputs) => tf.addN(outputs.map((output) => tf.mean(tf.square(output)))));

  const plain = peakBytes(() => {
    tf.dispose({ ...plainGradient(rollout, parameters, loss) });
  });
  const checkpointed = peakBytes(() => {
    const how = { segments: evenSegments(T, 1) };
    tf.dispose({ ...checkpointedGradient(rollout, parameters, loss, how) });
  });
  tf.dispose([frames, condition, parameters, ...rollout.initialState]);
  // A fifth of nothing would pass too.
  expect(plain).toBeGreaterThan(T * 5 * 2 ** 20);
  expect(checkpointed).toBeGreaterThan(2 ** 20);
  expect(checkpointed / plain).toBeLessThanOrEqual(0.22);
});
