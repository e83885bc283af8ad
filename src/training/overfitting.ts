import * as tf from '@tensorflow/tfjs-core';
import { readOnce, scoped } from '../backend/scope.js';
import { bytesToTensor, conditionToTensor, type Dataset } from '../clips/index.js';
import type { ScoredFrame } from '../synthesis/evaluate/rollout-video.js';
import { assertGoingOn, unlessAborted } from '../synthesis/evaluate/abortable.js';
import { judgesFrames, logitsOf } from './judged-parts.js';
import type { Model, TrainingState } from './model.js';
import type { LossOptions } from './options.js';

/** Frames of each kind that are judged, at the most. */
const MOST_FRAMES = 16;
/** Means of fewer say nothing. */
const FEWEST_FRAMES = 4;
/** Frames judged at once: as many as a step of a few frames has. */
const BATCH = 4;
/** Standard errors that trained and generated frames have to be apart for a ratio of their distance to mean anything. */
const LEAST_ERRORS_APART = 2;

/** A frame as the frame discriminator sees it: bytes of the picture, and of its condition where there is any. */
export interface JudgedFrame {
  /** rgb24. */
  readonly frame: Uint8Array;
  /** As the layout holds it. */
  readonly condition: Uint8Array | null;
}

/** Scores of single frames; larger is more real. */
export interface Scores {
  readonly trained: readonly number[];
  readonly heldOut: readonly number[];
  readonly generated: readonly number[];
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of the mean of these. */
function squaredError(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return squares / (values.length - 1) / values.length;
}

/**
 * r_v of Karras et al. 2020 (ADA): (E D(trained) − E D(held out)) / (E D(trained) − E D(generated)), the share of
 * the way from trained to generated frames that real frames have gone which the discriminators never saw. 0: they are
 * as real as trained ones; 1: the discriminators know what they were shown by heart, and take anything else for
 * generated. Differences alone, so that it means the same for losses whose scores have no zero.
 * @returns null where it says nothing: of too few frames, and where trained and generated frames have the same
 *   score but for what differs from frame to frame: the ratio would be one of noise to noise, and of any size
 */
export function overfittingOf({ trained, heldOut, generated }: Scores): number | null {
  if (Math.min(trained.length, heldOut.length, generated.length) < FEWEST_FRAMES) return null;
  const apart = mean(trained) - mean(generated);
  const error = Math.sqrt(squaredError(trained) + squaredError(generated));
  const ratio = (mean(trained) - mean(heldOut)) / apart;
  // Below zero too: discriminators that believe generated frames more have nothing to be compared by.
  return apart > LEAST_ERRORS_APART * error && Number.isFinite(ratio) ? ratio : null;
}

/** So many of `count`, evenly spread, each in the middle of its share. */
export const spread = (count: number, wanted: number): number[] =>
  Array.from({ length: Math.min(count, wanted) }, (_, i) =>
    Math.floor(((i + 0.5) * count) / Math.min(count, wanted)),
  );

/** Keeps some of the frames that an evaluation scores, evenly spread over all of them. */
export interface ScoredSample {
  /** For the evaluation's `onScored`. */
  readonly add: (frame: ScoredFrame) => Promise<void>;
  readonly frames: readonly ScoredFrame[];
}

/** @param total frames that the evaluation scores */
export function sampleScored(total: number): ScoredSample {
  const wanted = new Set(spread(total, MOST_FRAMES));
  const frames: ScoredFrame[] = [];
  let at = 0;
  return {
    frames,
    add({ condition, generated, real }) {
      if (wanted.has(at)) {
        frames.push({
          condition: condition?.slice() ?? null,
          generated: generated.slice(),
          real: real.slice(),
        });
      }
      at += 1;
      return Promise.resolve();
    },
  };
}

/** Trained frames, evenly spread over the parts of all clips that are trained on. */
async function readTrained(
  dataset: Dataset,
  wanted: number,
  signal: AbortSignal | undefined,
): Promise<JudgedFrame[]> {
  const numbers = dataset.report.clips.flatMap(({ train: { start, end } }, clip) =>
    Array.from({ length: Math.max(0, end - start) }, (_, i) => ({ clip, at: start + i })),
  );
  const frames: JudgedFrame[] = [];
  for (const index of spread(numbers.length, wanted)) {
    const { clip, at } = numbers[index]!;
    const range = await unlessAborted(dataset.readFrames(clip, at, 1), signal);
    frames.push({ frame: range.frames, condition: range.condition });
  }
  return frames;
}

/**
 * What the frame discriminators think of frames, one number a frame: the mean over the scales of the mean over the
 * patches, as the loss has it. Their weights are normalized as the next step's are.
 * @throws FrameloomError cancelled
 */
export async function scoreFrames(
  { discriminators }: Model,
  state: Pick<TrainingState, 'discriminators' | 'spectral'>,
  { width, height, layout }: Pick<Dataset, 'width' | 'height' | 'layout'>,
  frames: readonly JudgedFrame[],
  signal?: AbortSignal,
): Promise<number[]> {
  const weights = scoped(() => {
    const raw = discriminators.layout.unflatten(state.discriminators);
    const vectors = discriminators.spectralNorm.iterate(raw, state.spectral);
    return discriminators.weights(state.discriminators, vectors);
  });
  const scores: number[] = [];
  try {
    for (let from = 0; from < frames.length; from += BATCH) {
      assertGoingOn(signal);
      const batch = frames.slice(from, from + BATCH);
      const made = scoped(() => {
        const size = [batch.length, height, width];
        const conditions = batch.flatMap(({ condition }) => condition ?? []);
        const judgements = discriminators.judgeFrames(
          weights,
          bytesToTensor(joined(batch.map(({ frame }) => frame)), [...size, 3]) as tf.Tensor4D,
          conditions.length === 0
            ? null
            : (conditionToTensor(joined(conditions), size, layout) as tf.Tensor4D),
        );
        const means = logitsOf(judgements).map((logits) => tf.mean<tf.Tensor1D>(logits, [1, 2, 3]));
        return { scores: tf.mean(tf.stack(means), 0) };
      });
      scores.push(...(await readOnce(made.scores)));
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    tf.dispose(weights);
  }
  return scores;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * How far the frame discriminators have overfitted, by {@link overfittingOf}: on trained frames, and on
 * frames that an evaluation scored, real and generated, as many of each.
 * @returns null where it says nothing, as there, and where no discriminator judges frames
 * @throws FrameloomError cancelled; as readFrames
 */
export async function measureOverfitting(
  model: Model,
  state: Pick<TrainingState, 'discriminators' | 'spectral'>,
  dataset: Dataset,
  losses: LossOptions,
  scored: readonly ScoredFrame[],
  signal?: AbortSignal,
): Promise<number | null> {
  if (!judgesFrames(losses)) return null;
  const trained = await readTrained(dataset, scored.length, signal);
  // As many of each: a short clip may have fewer frames to train on than were held out of others.
  const beside = spread(scored.length, trained.length).map((at) => scored[at]!);
  const judged = (frames: readonly JudgedFrame[]): Promise<number[]> =>
    scoreFrames(model, state, dataset, frames, signal);
  return overfittingOf({
    trained: await judged(trained),
    heldOut: await judged(beside.map(({ real, condition }) => ({ frame: real, condition }))),
    generated: await judged(
      beside.map(({ generated: frame, condition }) => ({ frame, condition })),
    ),
  });
}
