import * as tf from '@tensorflow/tfjs-core';
import { forwardStep } from '../autodiff/index.js';
import type { Runner } from '../backend/graph/index.js';
import type { Generator } from '../networks/index.js';
import { createRollout, type RolloutInput } from './rollout.js';

export interface WarmedUp {
  /** What is left of the window to train on, its history the generator's own. */
  readonly input: RolloutInput;
  /** The frames right before it as the generator saw them, [N, lead, H, W, 3]; null for none. */
  readonly front: tf.Tensor5D | null;
}

/** A window that goes on from real frames. */
function fromReal(generator: Generator, input: RolloutInput, real: () => tf.Tensor5D): WarmedUp {
  // None of a generator without memory.
  const [history] = createRollout(generator, input).initialState as tf.Tensor4D[];
  return {
    input: { ...input, ...(history && { history }) },
    front: input.lead === 0 ? null : real(),
  };
}

/**
 * Generates the first `warmUp` frames of a window without a gradient, so that what follows is
 * trained on the generator's own drift, at a third of the cost and none of the memory of a longer
 * rollout (the pushforward trick of Brandstetter et al. 2022, arXiv 2202.03376). A window without
 * warm-up comes out with its real history, or the past that it goes on from, so that what is trained on it is one function of both.
 *
 * @param flat the generator's parameters
 * @param runner runs each frame's step
 */
export function warmUp(
  generator: Generator,
  flat: tf.Tensor1D,
  input: RolloutInput,
  runner: Runner,
): WarmedUp {
  const { warmUp: count, lead, coldStart, visibleFrom, frames, condition, noise } = input;
  const real = (): tf.Tensor5D =>
    input.front ? tf.clone(input.front) : tf.slice(frames, 0, [-1, lead, -1, -1, -1]);
  if (count === 0) return coldStart ? { input, front: null } : fromReal(generator, input, real);
  const teacherForced = Array.from({ length: count }, () => false);
  const rollout = createRollout(generator, { ...input, teacherForced });
  const generated: tf.Tensor4D[] = [];
  const parameters = rollout.weights(flat);
  let before = rollout.initialState;
  for (let t = 0; t < count; t += 1) {
    const { state, outputs } = forwardStep(rollout, parameters, before, t, runner);
    const [frame, ...others] = outputs as [tf.Tensor4D, ...tf.Tensor[]];
    // The first is the caller's, where the input brings one.
    if (t > 0) tf.dispose([...before]);
    tf.dispose(others);
    generated.push(frame);
    before = state;
  }
  const [history] = before as tf.Tensor4D[];
  tf.dispose(parameters);
  const made = tf.stack(generated, 1) as tf.Tensor5D;
  const seen = coldStart ? made : tf.concat([real(), made], 1);
  const shown = Math.min(lead, seen.shape[1]);
  const after = (x: tf.Tensor5D): tf.Tensor5D => tf.slice(x, [0, count, 0, 0, 0]);
  return {
    input: {
      ...input,
      frames: after(frames),
      condition: condition && after(condition),
      noise: noise && after(noise),
      ...(input.actions && { actions: tf.slice(input.actions, [0, count, 0]) }),
      ...(input.otherActions && { otherActions: tf.slice(input.otherActions, [0, count, 0]) }),
      ...(history && { history }),
      coldStart: false,
      visibleFrom: Math.max(0, visibleFrom - count),
      warmUp: 0,
    },
    front: shown === 0 ? null : tf.slice(seen, [0, seen.shape[1] - shown, 0, 0, 0]),
  };
}
