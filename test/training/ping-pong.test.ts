import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { eagerRunner } from '../../src/backend/graph/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { gradientsOfParts } from '../../src/training/micro-batch.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import {
  assertPingPongFits,
  isThereAndBack,
  mirrored,
  pingPongPart,
} from '../../src/training/ping-pong.js';
import { planStep } from '../../src/training/schedule.js';
import { knownSteps } from '../../src/training/step-counts.js';
import { disposeDraws, rolloutInput } from '../../src/training/step-input.js';
import { trainStep } from '../../src/training/step.js';
import { expectNoLeak, normals } from '../tensors.js';
import { smallModel } from './support.js';

const losses = lossOptions.parse({ pingPong: 2, pingPongEverySteps: 4 });

describe('there and back', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
    registerKernels();
  });

  it('is lost on what differs both ways, with the gradient of finite differences', async () => {
    await expectNoLeak(() => {
      // Five frames of one pixel: the first and the last are of one time, the middle one is there once.
      const values = [0.1, 0.5, 9, 0.2, -0.3];
      const value = (own: readonly number[]): number =>
        2 * ((Math.abs(own[0]! - own[4]!) + Math.abs(own[1]! - own[3]!)) / 2);
      const frames = values.map((one) => tf.tensor4d([one], [1, 1, 1, 1]));
      const { terms, gradients } = gradientsOfParts<'generator'>(
        { generator: frames },
        [() => pingPongPart({ frames }, losses)],
        eagerRunner,
      ).generator;
      expect(terms.ping_pong!.dataSync()[0]).toBeCloseTo(value(values), 6);
      const step = 1e-3;
      const moved = (i: number, by: number): number =>
        value(values.map((one, j) => (i === j ? one + by : one)));
      const expected = values.map((_, i) => (moved(i, step) - moved(i, -step)) / (2 * step));
      gradients.forEach((gradient, i) =>
        expect(gradient.dataSync()[0]).toBeCloseTo(expected[i]!, 4),
      );
      expect(expected.map(Math.sign)).toEqual([1, 1, 0, -1, -1]);
      tf.dispose([frames, gradients, Object.values(terms)]);
    });
  });

  it('is a window that is gone through both ways, of as many frames as any other', async () => {
    await expectNoLeak(() => {
      const numbers = tf.tensor5d([0, 1, 2, 3, 4], [1, 5, 1, 1, 1]);
      const there = mirrored(numbers, 2);
      expect([...there.dataSync()]).toEqual([0, 1, 2, 3, 4, 3, 2]);
      tf.dispose([numbers, there]);
    });
    const training = trainingOptions.parse({
      ...{ frames: 6, rollout: { startFrames: 6 }, histories: { fraction: 0.5 } },
      warmUp: { frames: 1, fraction: 1, fromStep: 0 },
    });
    const options = { seed: 1, training, losses, frameDiscriminator: { judgeRaw: true } };
    const plans = Array.from({ length: 8 }, (_, step) =>
      planStep(options, { kind: 'every', every: 2 }, step, knownSteps(100)),
    );
    expect(plans.map(({ plan }) => plan.thereAndBack)).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((step) => step % 4 === 2),
    );
    const back = plans[2]!;
    // Of six frames five: three are read, and two of them come again.
    expect([back.request.frames, back.teacherForced.length]).toEqual([3, 5]);
    expect(back.plan).toMatchObject({ segments: [1, 2, 2], leaves: false });
    expect([plans[3]!.request.frames, plans[3]!.plan.leaves]).toEqual([6, true]);
    expect([2, 3].map((frames) => isThereAndBack(losses, 2, frames))).toEqual([false, true]);
  });

  it('is a step with its own term, of a window that begins anywhere, and leaves nothing behind', async () => {
    const model = smallModel({ noiseChannels: 1 });
    await expectNoLeak(async () => {
      const training = trainingOptions.parse({ frames: 3, rollout: { startFrames: 3 } });
      const options = { seed: 1, training, losses, frameDiscriminator: { judgeRaw: true } };
      const planned = planStep(options, { kind: 'every', every: 2 }, 2, knownSteps(100));
      const state = initialState(model, 1);
      const window = {
        frames: tf.tidy(() => tf.tanh(normals<tf.Rank.R5>('frames', [1, 5, 16, 24, 3]))),
        condition: normals<tf.Rank.R5>('condition', [1, 5, 16, 24, 1]),
        ...{ leadFrames: 2, warmUpFrames: 1, origin: [], drawn: [], dispose: () => undefined },
      };
      const { options: generator } = model.generator;
      const input = rolloutInput(window, planned, { generator, losses, seed: 1 });
      expect(input.frames.shape[1]).toBe(6);
      expect(input.condition!.shape[1]).toBe(6);
      const [, first, , third] = tf.tidy(() =>
        tf.unstack(input.noise!, 1).map((x) => [...x.dataSync()]),
      );
      expect(third).toEqual(first);
      const step = await trainStep(model, state, input, losses, planned.plan);
      expect(step.skipped).toBeNull();
      expect(step.terms['generator/ping_pong']).toBeGreaterThan(0);
      expect(step.signals).not.toHaveProperty('generator/judges_pull');
      // A window that does not fit throws, and takes nothing along.
      const wrong = { ...input, condition: null };
      await expect(trainStep(model, state, wrong, losses, planned.plan)).rejects.toThrow();
      disposeDraws(input, window);
      tf.dispose([window.frames, window.condition]);
      [state, step.state].forEach(disposeState);
    });
  });

  it('is refused where there is no way, or none that matters', () => {
    const fit = (frames: number, historyFrames = 2, own = losses) =>
      assertPingPongFits({ losses: own, training: { frames }, generator: { historyFrames } });
    expect(() => fit(3)).not.toThrow();
    expect(() => fit(1, 0, lossOptions.parse({}))).not.toThrow();
    expect(() => fit(2)).toThrow('rollouts of 2 frames cannot go there and back');
    expect(() => fit(3, 0)).toThrow('makes the same frames there and back');
  });
});
