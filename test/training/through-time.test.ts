import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import { planStep } from '../../src/training/schedule.js';
import { knownSteps } from '../../src/training/step-counts.js';
import { controlSignals } from '../../src/training/steadied.js';
import { trainStep } from '../../src/training/step.js';
import { assertThroughTimeFits, throughTime } from '../../src/training/through-time.js';
import { expectClose, expectNoLeak } from '../tensors.js';
import { disposeInput, PLAN, smallModel, windowFor } from './support.js';

const detached = trainingOptions.parse({ throughTime: 'detached', frames: 6 });
const losses = lossOptions.parse({});

describe('gradients that end at each frame', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
    registerKernels();
  });

  it('are those of each frame by itself, its past as it came out', async () => {
    await expectNoLeak(async () => {
      const model = smallModel();
      const state = initialState(model, 1);
      const long = windowFor(model, { frames: 2 });
      const own = lossOptions.parse({
        ...{ frameAdversarial: 0, sequenceAdversarial: 0, featureMatching: 0 },
        ...{ warp: 0, flowSmoothness: 0 },
      });
      const part = (x: tf.Tensor5D, from: number, count: number): tf.Tensor5D =>
        tf.slice(x, [0, from, 0, 0, 0], [-1, count, -1, -1, -1]);
      const frames = [0, 1].map((t) => ({
        ...long,
        teacherForced: [false],
        frames: part(long.frames, t, 3),
        condition: part(long.condition!, t, 3),
      }));
      const step = (input: typeof long, plan: object) =>
        trainStep(model, state, input, own, { ...PLAN, leaves: true, ...plan });
      const how = throughTime(detached, { ...PLAN, stretches: null, judgedFrames: 2 }, 2);
      const both = await step(long, how);
      const whole = await step(long, {});
      const first = await step(frames[0]!, {});
      const { data, shape } = first.left!;
      const front = tf.tensor5d(data, shape as [number, number, number, number, number]);
      const history = tf.tidy(() =>
        tf.concat(
          [1, 0].map((t) => tf.squeeze<tf.Tensor4D>(part(front, t, 1), [1])),
          3,
        ),
      );
      const second = await step({ ...frames[1]!, front, history }, {});
      // Adam's first mean is half of the gradient, and each frame is half of the loss.
      const sum = tf.tidy(() =>
        tf.mul(tf.add(first.state.generatorAdam.mean, second.state.generatorAdam.mean), 0.5),
      );
      expectClose(both.state.generatorAdam.mean, sum, { atol: 1e-6, rtol: 1e-3 });
      tf.tidy(() => {
        const apart = tf.norm(
          tf.sub(both.state.generatorAdam.mean, whole.state.generatorAdam.mean),
        );
        const long = tf.norm(whole.state.generatorAdam.mean);
        expect(tf.div(apart, long).dataSync()[0]).toBeGreaterThan(1e-3);
      });
      [state, both.state, whole.state, first.state, second.state].forEach(disposeState);
      tf.dispose([sum, front, history]);
      tf.dispose(frames.flatMap((one) => [one.frames, one.condition]));
      disposeInput(long);
    });
  });

  it('are taken frame by frame, in the stretches that memory asks for', () => {
    const memory = { segments: null, stretches: null, judgedFrames: 3 };
    const ones = [1, 1, 1];
    expect(throughTime(trainingOptions.parse({}), memory, 3)).toEqual({ segments: null });
    const ending = { segments: ones, endsEvery: 1 };
    expect(throughTime(detached, memory, 3)).toEqual(ending);
    expect(throughTime(detached, { ...memory, segments: [2, 1] }, 3)).toEqual(ending);
    const nested = { ...memory, segments: [[1, 1], 1], stretches: [2, 3] };
    expect(throughTime(detached, nested, 3)).toEqual({ ...ending, segments: [[1, 1], 1] });
    const options = { seed: 1, training: detached, losses, frameDiscriminator: { judgeRaw: true } };
    const { plan } = planStep(options, { kind: 'off' }, 900, knownSteps(1000));
    expect(plan).toMatchObject({ segments: [1, 1, 1, 1, 1, 1], endsEvery: 1 });
    // Nothing is left for the controller to cut.
    const cut = 'control/gradient_carried';
    expect(controlSignals({ ...plan, frames: 6 })).not.toHaveProperty(cut);
    expect(controlSignals({ ...plan, endsEvery: undefined, frames: 6 })).toHaveProperty(cut, 1);
  });

  it('are refused beside segments of several frames', () => {
    const fit = (gradientCheckpointing: unknown, throughTime = 'detached') =>
      assertThroughTimeFits(trainingOptions.parse({ gradientCheckpointing, throughTime }));
    expect(() => fit('auto')).not.toThrow();
    expect(() => fit({ every: 1 })).not.toThrow();
    expect(() => fit('off', 'full')).not.toThrow();
    for (const [choice, said] of [
      ['off', 'off'],
      [{ every: 2 }, '{every: 2}'],
    ] as const) {
      expect(() => fit(choice)).toThrow(
        `gradients that end at each frame are taken frame by frame, and gradientCheckpointing is ${said}`,
      );
    }
  });
});
