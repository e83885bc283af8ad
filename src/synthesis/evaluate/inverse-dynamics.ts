import * as tf from '@tensorflow/tfjs-core';
import { adamRate, adamUpdate, valueAndGradients, type AdamState } from '../../autodiff/index.js';
import { readOnce } from '../../backend/scope.js';
import { FrameloomError } from '../../base/error.js';
import { randomStream, type RandomStream } from '../../base/random.js';
import { bytesToTensor } from '../../clips/index.js';
import { registerKernels } from '../../kernels/index.js';
import type { ActionKind } from '../../metrics/index.js';
import { createInverseDynamics } from '../../networks/index.js';
import { assertGoingOn } from './abortable.js';

/** Frames in a row with what was done in each of them. */
export interface PlayedFrames {
  readonly count: number;
  /** rgb24, [T, H, W, 3]. */
  readonly frames: Uint8Array;
  /** [T, columns], keys 0 or 1 and axes −1 to 1. */
  readonly actions: Float32Array;
}

/** What is played: the size of its frames and what is told at each. */
export interface PlayedKind {
  readonly width: number;
  readonly height: number;
  readonly columns: readonly ActionKind[];
}

/**
 * Frames that are looked at before and after the one whose actions are asked for. What a key does shows in its frame or
 * in one of the next two.
 */
export const SEEN = { before: 1, after: 2 } as const;
const SEEN_FRAMES = SEEN.before + 1 + SEEN.after;

/** Sees what was done in frames, by what it learned from real ones. */
export interface TrainedInverseDynamics {
  /**
   * What was done: [N, columns], of a key how likely it is pressed, 0 to 1, of an axis its value.
   * @param windows rgb24 of {@link SEEN} frames in a row each
   */
  actions(windows: readonly (readonly Uint8Array[])[]): Promise<Float32Array[]>;
  dispose(): void;
}

export interface InverseDynamicsTraining {
  readonly seed: number;
  /** 500 unless given. */
  readonly steps?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each step. */
  readonly onTraining?: ((done: number, total: number) => void) | undefined;
}

const STEPS = 500;
const BATCH = 16;
const RATE = 2e-3;
const DECAY = { beta1: 0.9, beta2: 0.999 };
/** Pixels of each side that are cut off at the most, of smaller frames a quarter: where something stands says nothing. */
const MOST_CUT = 8;
const cutOf = (side: number): number => Math.min(MOST_CUT, 2 * Math.floor(side / 8));
/** Keys that are rarer, or hardly ever let go of, weigh as if they were so frequent. */
const LEAST_SHARE = 0.02;

/** A moment to learn from: a frame with enough others around it. */
interface Moment {
  readonly part: PlayedFrames;
  readonly frame: number;
}

const momentsOf = (parts: readonly PlayedFrames[]): Moment[] =>
  parts.flatMap((part) =>
    Array.from({ length: Math.max(0, part.count - SEEN_FRAMES + 1) }, (_, i) => ({
      ...{ part, frame: i + SEEN.before },
    })),
  );

/** Of each column by what is multiplied where it is pressed and where not, and the mean and deviation of an axis. */
function statisticsOf(moments: readonly Moment[], columns: readonly ActionKind[]) {
  const width = columns.length;
  return columns.map((_, i) => {
    const values = moments.map(({ part, frame }) => part.actions[frame * width + i]!);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    const share = Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, mean));
    return { mean, deviation: Math.sqrt(variance) || 1, on: 0.5 / share, off: 0.5 / (1 - share) };
  });
}

/** What the loss of a batch takes: wanted values, and what each weighs. */
interface Batch {
  readonly frames: Uint8Array;
  readonly wanted: Float32Array;
  readonly weights: Float32Array;
}

function drawBatch(
  moments: readonly Moment[],
  columns: readonly ActionKind[],
  statistics: ReturnType<typeof statisticsOf>,
  bytes: number,
  random: RandomStream,
): Batch {
  const frames = new Uint8Array(BATCH * SEEN_FRAMES * bytes);
  const wanted = new Float32Array(BATCH * columns.length);
  const weights = new Float32Array(wanted.length);
  for (let n = 0; n < BATCH; n += 1) {
    const { part, frame } = moments[random.integer(0, moments.length - 1)]!;
    const from = (frame - SEEN.before) * bytes;
    frames.set(part.frames.subarray(from, from + SEEN_FRAMES * bytes), n * SEEN_FRAMES * bytes);
    columns.forEach(({ kind }, i) => {
      const at = n * columns.length + i;
      const value = part.actions[frame * columns.length + i]!;
      const { mean, deviation, on, off } = statistics[i]!;
      const isKey = kind === 'key';
      wanted[at] = isKey ? value : (value - mean) / deviation;
      weights[at] = isKey ? (value > 0.5 ? on : off) : 0.5;
    });
  }
  return { frames, wanted, weights };
}

interface Shown {
  /** [N, T, H, W, 3] in [−1, 1] */
  readonly frames: tf.Tensor5D;
  readonly wanted: tf.Tensor2D;
  readonly weights: tf.Tensor2D;
}

/**
 * Batches with other edges cut off each, half of them a little out of focus: what is generated is softer, and grain is
 * nothing to learn.
 */
function tensorsOf(
  { frames, wanted, weights }: Batch,
  { width, height, columns }: PlayedKind,
  random: RandomStream,
): Shown {
  const shape: [number, number] = [BATCH, columns.length];
  const cut = { rows: cutOf(height), columns: cutOf(width) };
  const [top, left] = [random.integer(0, cut.rows), random.integer(0, cut.columns)];
  const isSoft = random.uniform() < 0.5;
  return {
    frames: tf.tidy(() => {
      const whole = bytesToTensor(frames, [BATCH * SEEN_FRAMES, height, width, 3]) as tf.Tensor4D;
      const [rows, columns] = [height - cut.rows, width - cut.columns];
      const sharp = tf.slice(whole, [0, top, left, 0], [-1, rows, columns, -1]);
      const seen = isSoft ? tf.avgPool(sharp, 3, 1, 'same') : sharp;
      return tf.reshape(seen, [BATCH, SEEN_FRAMES, rows, columns, 3]);
    }),
    wanted: tf.tensor2d(wanted, shape),
    weights: tf.tensor2d(weights, shape),
  };
}

/** Cross entropy of keys and squared error of axes, each column alike. */
function lossOf(
  told: tf.Tensor2D,
  { wanted, weights, isKey }: Omit<Shown, 'frames'> & { readonly isKey: tf.Tensor1D },
): tf.Scalar {
  // log(1 + exp(x)) − x·y, which does not overflow.
  const entropy = tf.sub(
    tf.add(tf.relu(told), tf.log1p(tf.exp(tf.neg(tf.abs(told))))),
    tf.mul(told, wanted),
  );
  const square = tf.squaredDifference(told, wanted);
  const each = tf.add(tf.mul(entropy, isKey), tf.mul(square, tf.sub(1, isKey)));
  return tf.mean(tf.mul(each, weights));
}

/**
 * Trains an inverse-dynamics network on real frames and what was done in them; some ten seconds on two cores at 96×64.
 * The same frames and seed give the same one.
 * @throws FrameloomError cancelled; bad-data without four frames in a row
 */
export async function trainInverseDynamics(
  parts: readonly PlayedFrames[],
  { width, height, columns }: PlayedKind,
  { seed, steps = STEPS, signal, onTraining }: InverseDynamicsTraining,
): Promise<TrainedInverseDynamics> {
  // Nothing need have run a network before.
  registerKernels();
  const moments = momentsOf(parts);
  if (moments.length === 0) {
    throw new FrameloomError(
      'bad-data',
      `no ${SEEN_FRAMES} training frames in a row to learn from what was done in them`,
    );
  }
  const bytes = width * height * 3;
  const statistics = statisticsOf(moments, columns);
  const network = createInverseDynamics(columns.length, SEEN_FRAMES, SEEN.before);
  const isKey = tf.tensor1d(columns.map(({ kind }) => Number(kind === 'key')));
  let flat = tf.tensor1d(network.layout.initialize(seed));
  let moment: AdamState = { mean: tf.zerosLike(flat), square: tf.zerosLike(flat) };
  const release = (): void => tf.dispose([flat, moment.mean, moment.square, isKey]);
  try {
    for (let step = 0; step < steps; step += 1) {
      assertGoingOn(signal);
      const random = randomStream(seed, 'eval', `inverse-dynamics/${step}`);
      const batch = drawBatch(moments, columns, statistics, bytes, random);
      const shown = tensorsOf(batch, { width, height, columns }, random);
      try {
        const { value, gradients } = valueAndGradients(() => {
          const told = network.actions(network.layout.unflatten(flat), shown.frames);
          return lossOf(told, { ...shown, isKey });
        }, [flat]);
        const next = adamUpdate(flat, gradients[0] as tf.Tensor1D, moment, {
          ...DECAY,
          ...adamRate(RATE * (1 - step / steps), DECAY, step),
        });
        tf.dispose([flat, moment.mean, moment.square, value, ...gradients]);
        flat = next.parameters;
        moment = next.state;
      } finally {
        tf.dispose({ ...shown });
      }
      onTraining?.(step + 1, steps);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    release();
    throw error;
  }
  tf.dispose([moment.mean, moment.square, isKey]);
  return {
    async actions(windows) {
      const all = new Uint8Array(windows.length * SEEN_FRAMES * bytes);
      windows.flat().forEach((frame, i) => all.set(frame, i * bytes));
      const told = tf.tidy(() => {
        const shape = [windows.length, SEEN_FRAMES, height, width, 3];
        const frames = bytesToTensor(all, shape) as tf.Tensor5D;
        return network.actions(network.layout.unflatten(flat), frames);
      });
      const values = await readOnce(told);
      return windows.map((_, n) =>
        Float32Array.from(columns, ({ kind }, i) => {
          const value = values[n * columns.length + i]!;
          const { mean, deviation } = statistics[i]!;
          return kind === 'key' ? 1 / (1 + Math.exp(-value)) : value * deviation + mean;
        }),
      );
    },
    dispose: () => flat.dispose(),
  };
}
