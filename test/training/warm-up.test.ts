import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { runRollout } from '../../src/autodiff/index.js';
import { eagerRunner } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { initialState, disposeState } from '../../src/training/model.js';
import { createRollout, sortOutputs, type RolloutInput } from '../../src/training/rollout.js';
import { warmUp } from '../../src/training/warm-up.js';
import { expectClose, expectNoLeak } from '../tensors.js';
import { disposeInput, smallModel, windowFor, type InputOptions } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const model = smallModel({ noiseChannels: 1 });

const withWindow = (
  options: InputOptions,
  run: (flat: tf.Tensor1D, input: RolloutInput) => void,
): Promise<void> =>
  expectNoLeak(() => {
    const state = initialState(model, 1);
    const input = windowFor(model, options);
    tf.tidy(() => run(state.generator, input));
    disposeState(state);
    disposeInput(input);
  });

/** The frames that a rollout of `input` makes, however its history begins. */
function framesOf(flat: tf.Tensor1D, input: RolloutInput, frames: number): tf.Tensor4D[] {
  const rollout = createRollout(model.generator, {
    ...input,
    teacherForced: Array.from({ length: frames }, () => false),
  });
  const { outputs } = runRollout(rollout, rollout.weights(flat));
  return sortOutputs(outputs, frames).frames;
}

describe('warmUp', () => {
  it.each([
    ['real frames', 3, false],
    ['nothing', 3, true],
    // Shorter than what the generator sees of condition and history: what was hidden stays so.
    ['nothing, for two frames,', 2, true],
    ['nothing, for one frame,', 1, true],
  ])('goes on as one long rollout from %s would', async (_from, count, coldStart) => {
    await withWindow({ warmUp: count, frames: 2, coldStart }, (flat, input) => {
      const whole = framesOf(flat, input, count + 2);
      const warm = warmUp(model.generator, flat, input, eagerRunner);
      const rest = framesOf(flat, warm.input, 2);
      rest.forEach((frame, t) => expectClose(frame, whole[count + t]!));
      expectClose(warm.front!, tf.stack(whole.slice(Math.max(0, count - 2), count), 1));
      expect(warm.input.frames.shape[1]).toBe(4);
      expect(warm.input.condition!.shape[1]).toBe(4);
      expect(warm.input.noise!.shape[1]).toBe(2);
      // Real history of a forced frame is hidden alike.
      const forced = { ...warm.input, teacherForced: [true, true] };
      const { history } = createRollout(model.generator, forced).given(0);
      const oldest = tf.slice(history!, [0, 0, 0, 3], [-1, -1, -1, 3]);
      expect(tf.max(tf.abs(oldest)).dataSync()[0] === 0).toBe(coldStart && count < 2);
    });
  });

  it('shows no real frame in front of what began from nothing', async () => {
    await withWindow({ warmUp: 1, frames: 2, coldStart: true }, (flat, input) => {
      const { front } = warmUp(model.generator, flat, input, eagerRunner);
      expectClose(front!, tf.stack(framesOf(flat, input, 1), 1));
    });
  });

  it('leaves a window without warm-up as it is', async () => {
    await withWindow({ frames: 2 }, (flat, input) => {
      const { input: same, front } = warmUp(model.generator, flat, input, eagerRunner);
      const { history, ...rest } = same;
      expect(rest).toEqual(input);
      const newestFirst = [1, 0].map((t) => tf.gather(input.frames, t, 1));
      expectClose(history!, tf.concat(newestFirst, 3));
      expectClose(front!, tf.slice(input.frames, 0, [-1, 2, -1, -1, -1]));
    });
    await withWindow({ frames: 2, coldStart: true }, (flat, input) => {
      expect(warmUp(model.generator, flat, input, eagerRunner).front).toBeNull();
    });
  });
});
