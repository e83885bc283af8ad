import * as tf from '@tensorflow/tfjs-core';
import { inPhase } from '../autodiff/index.js';
import type { NamedTensors, Runner } from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import type { Discriminators, Parameters } from '../networks/index.js';
import type { Judges, RealSide } from './judged-parts.js';
import { r1Gradient } from './losses/r1.js';
import { microBatches } from './micro-batch.js';

/** By whom and what R1 is taken, and in which micro-batches. */
export interface R1Options {
  readonly discriminators: Discriminators;
  readonly real: RealSide;
  /** Frames of a sample that are judged at once. */
  readonly judgedFrames: number;
  readonly runner: Runner;
}

/** R1's penalty on the frame discriminator, and its gradient, in micro-batches of frames. */
export function r1GradientInParts(
  { flat, vectors }: Judges,
  gamma: number,
  { discriminators, real, judgedFrames, runner }: R1Options,
): { penalty: tf.Scalar; gradient: tf.Tensor1D } {
  const samples = real.window.shape[0];
  const batches = microBatches(real.frames.shape[0], judgedFrames * samples);
  return inPhase('train', () =>
    scoped(() => {
      let sum = { penalty: tf.scalar(0), gradient: tf.zerosLike(flat) };
      for (const { from, to, share } of batches) {
        const before = sum;
        sum = scoped(() => {
          const rows = (x: tf.Tensor4D): tf.Tensor4D =>
            tf.slice(x, [from, 0, 0, 0], [to - from, -1, -1, -1]);
          const condition = real.condition && { condition: rows(real.condition) };
          const inputs = { flat, vectors, frames: rows(real.frames), ...condition };
          const own = runner.call(`r1 by ${gamma * share}`, inputs, (tensors: NamedTensors) =>
            r1Gradient(
              (weights, x) =>
                frameScore(
                  discriminators,
                  discriminators.weights(weights, tensors.vectors as tf.Tensor1D),
                  x,
                  (tensors.condition as tf.Tensor4D | undefined) ?? null,
                ),
              tensors.flat as tf.Tensor1D,
              tensors.frames as tf.Tensor4D,
              gamma * share,
            ),
          );
          return {
            penalty: tf.add(before.penalty, own.penalty),
            gradient: tf.add(before.gradient, own.gradient),
          };
        });
        tf.dispose([before.penalty, before.gradient]);
      }
      return sum;
    }),
  );
}

/** The frame discriminator's mean logit, over patches and scales, summed over the batch. */
function frameScore(
  discriminators: Discriminators,
  weights: Parameters,
  frames: tf.Tensor4D,
  condition: tf.Tensor4D | null,
): tf.Scalar {
  const judged = discriminators.judgeFrames(weights, frames, condition);
  const perScale = judged.map(({ logits }) => tf.mul(tf.mean(logits), frames.shape[0]));
  return tf.div(tf.addN(perScale), perScale.length);
}
