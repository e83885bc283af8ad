import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { assertFlowTeacherFits, openFlowTeacher } from '../../src/training/flow-teacher.js';
import { taughtFlow } from '../../src/training/losses/taught-flow.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import { trainStep } from '../../src/training/step.js';
import { golden, waves, type GoldenTensor } from '../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../tensors.js';
import { disposeInput, HEIGHT, PLAN, smallModel, WIDTH, windowFor } from './support.js';

interface TaughtCase {
  flow: GoldenTensor;
  motion: GoldenTensor;
  loss: number;
  flowGradient: GoldenTensor;
}

describe('a teacher of flow', () => {
  it.each(['wasm', 'cpu', 'tensorflow'] as const)('equals PyTorch on %s', async (prefer) => {
    await useBackend({ prefer });
    for (const item of golden<TaughtCase>('flow-teacher')) {
      tf.tidy(() => {
        const [flow, motion] = [item.flow, item.motion].map((one) => tensorOf<tf.Rank.R4>(one));
        const { value, grad } = tf.valueAndGrad((x) => taughtFlow(x as tf.Tensor4D, motion!))(
          flow!,
        );
        expectClose(value, item.loss, { rtol: 1e-5 });
        expectClose(grad, item.flowGradient, { rtol: 1e-5, atol: 1e-7 });
      });
    }
  });

  it('knows where pixels came from, and where it does not know', async () => {
    const { motion } = await openFlowTeacher({ flowTeacher: 1 });
    const bytes = (dx: number, dy: number): Uint8Array =>
      Uint8Array.from(waves(dx, dy).data, (value) => Math.round((value + 1) * 127.5));
    const size = { width: 64, height: 48 };
    const [now, before] = [bytes(2, 1), bytes(0, 0)];
    const { flow, seen } = motion!(now, before, size);
    const at = 20 * size.width + 30;
    expect([flow[2 * at], flow[2 * at + 1]]).toEqual([
      expect.closeTo(-2, 0) as number,
      expect.closeTo(-1, 0) as number,
    ]);
    const share = seen.reduce((sum, value) => sum + value, 0) / seen.length;
    expect(share).toBeGreaterThan(0.5);
    // A cut: what is on one side is nowhere on the other.
    const other = Uint8Array.from(now, (_, i) => (i * i * 31 + i * 7) % 256);
    const { seen: cut } = motion!(now, other, size);
    expect(cut.reduce((sum, value) => sum + value, 0) / cut.length).toBeLessThan(share / 2);
    expect(motion!(now, before, size)).toEqual({ flow, seen });
    expect(await openFlowTeacher({ flowTeacher: 0 })).toEqual({});
  });

  it('is refused where there is no flow', () => {
    const fit = (flowTeacher: number, flow: boolean, historyFrames: number) => () =>
      assertFlowTeacherFits({ losses: { flowTeacher }, generator: { flow, historyFrames } });
    expect(fit(1, true, 2)).not.toThrow();
    expect(fit(0, false, 0)).not.toThrow();
    expect(fit(1, false, 2)).toThrow('no flow that could be taught');
    expect(fit(1, true, 0)).toThrow('no flow that could be taught');
  });
});

describe('a step with a teacher of flow', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
    registerKernels();
  });

  it('has its term, whole and in segments, of a cold start without the first frame', async () => {
    const model = smallModel();
    await expectNoLeak(async () => {
      const losses = lossOptions.parse({ flowTeacher: 3 });
      const state = initialState(model, 1);
      const motion = normals<tf.Rank.R5>('motion', [1, 3, HEIGHT, WIDTH, 3]);
      const termOf = async (coldStart: boolean, segments: number[] | null): Promise<number> => {
        const window = windowFor(model, { frames: 3, coldStart });
        const plan = { ...PLAN, segments, ...(segments && { judgedFrames: 1 }) };
        const step = await trainStep(model, state, { ...window, motion }, losses, plan);
        expect(step.skipped).toBeNull();
        disposeState(step.state);
        disposeInput(window);
        return step.terms['generator/flow_teacher']!;
      };
      const whole = await termOf(false, null);
      expect(whole).toBeGreaterThan(0);
      expect(await termOf(false, [1, 2])).toBeCloseTo(whole, 4);
      const cold = await termOf(true, null);
      expect(cold).toBeGreaterThan(0);
      expect(cold).not.toBeCloseTo(whole, 3);
      const window = windowFor(model, { frames: 3 });
      await expect(trainStep(model, state, window, losses, PLAN)).rejects.toThrow('came without');
      disposeInput(window);
      motion.dispose();
      disposeState(state);
    });
  });
});
