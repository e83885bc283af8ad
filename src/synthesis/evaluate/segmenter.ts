import * as tf from '@tensorflow/tfjs-core';
import { adamRate, adamUpdate, valueAndGradients, type AdamState } from '../../autodiff/index.js';
import { readOnce } from '../../backend/scope.js';
import { FrameloomError } from '../../base/error.js';
import { randomStream, type RandomStream } from '../../base/random.js';
import { bytesToTensor, conditionToTensor, type Dataset } from '../../clips/index.js';
import { registerKernels } from '../../kernels/index.js';
import { createSegmenter } from '../../networks/index.js';
import { assertGoingOn } from './abortable.js';
import { framesOf } from './held-out-frames.js';

/** Sees label maps in frames, by what it learned from real ones. */
export interface TrainedSegmenter {
  /** Ids of the classes, one byte a pixel. @param rgb of the size that it was trained at */
  labels(rgb: Uint8Array): Promise<Uint8Array>;
  dispose(): void;
}

export interface SegmenterTraining {
  readonly seed: number;
  /** 300 unless given. */
  readonly steps?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each step. */
  readonly onTraining?: ((done: number, total: number) => void) | undefined;
}

/** So long, whatever the size of the frames: what is seen in a step is bounded below. */
const STEPS = 300;
const RATE = 3e-3;
const DECAY = { beta1: 0.9, beta2: 0.999 };
/** Sides of what is cut out of larger frames. */
const MOST_CROP = { width: 128, height: 96 };
/** Pixels of a step's crops together. */
const STEP_PIXELS = 4 * 128 * 72;
/** Real frames that are held, spread over all clips, and their bytes at most. */
const MOST_FRAMES = 128;
const MOST_BYTES = 2 ** 26;
const LEAST_FRAMES = 8;
/** Shares of rarer classes count as this one: their weight is bounded. */
const LEAST_SHARE = 1e-3;

/** A real frame with its label map. */
interface Pair {
  readonly frame: Uint8Array;
  readonly labels: Uint8Array;
}

/** Places of training frames, spread evenly over all clips, in order. */
export function spreadFrames(
  clips: readonly { readonly train: { readonly start: number; readonly end: number } }[],
  most: number,
): { clip: number; frame: number }[] {
  const total = clips.reduce((sum, { train }) => sum + train.end - train.start, 0);
  const count = Math.min(most, total);
  const places: { clip: number; frame: number }[] = [];
  let clip = 0;
  let before = 0;
  for (let i = 0; i < count; i += 1) {
    const at = Math.floor(((i + 0.5) * total) / count);
    for (;;) {
      const { start, end } = clips[clip]!.train;
      if (at < before + end - start) {
        places.push({ clip, frame: start + at - before });
        break;
      }
      before += end - start;
      clip += 1;
    }
  }
  return places;
}

async function readPairs(dataset: Dataset, signal: AbortSignal | undefined): Promise<Pair[]> {
  const { width, height } = dataset;
  const most = Math.floor(MOST_BYTES / (4 * width * height));
  const count = Math.max(LEAST_FRAMES, Math.min(MOST_FRAMES, most));
  const pairs: Pair[] = [];
  for (const { clip, frame } of spreadFrames(dataset.report.clips, count)) {
    for await (const read of framesOf(dataset, clip, { start: frame, count: 1 }, signal)) {
      // A copy each: what is read may be part of a block of many frames.
      pairs.push({ frame: read.frame.slice(), labels: read.condition!.slice() });
    }
    assertGoingOn(signal);
  }
  if (pairs.length === 0) {
    throw new FrameloomError('bad-data', 'no training frames to learn label maps from');
  }
  return pairs;
}

/** How much a class's pixels count, rarer ones more: the root of how rare it is, a mean of 1 over all pixels. */
function classWeights(pairs: readonly Pair[], classes: number): Float32Array {
  const counts = new Float64Array(classes);
  let pixels = 0;
  for (const { labels } of pairs) {
    for (const id of labels) {
      if (id >= classes) continue;
      counts[id]! += 1;
      pixels += 1;
    }
  }
  const shares = counts.map((count) => Math.max(LEAST_SHARE, count / Math.max(1, pixels)));
  const rarity = shares.map((share) => 1 / Math.sqrt(share));
  const mean = counts.reduce(
    (sum, count, id) => sum + (count / Math.max(1, pixels)) * rarity[id]!,
    0,
  );
  return Float32Array.from(rarity, (weight) => weight / (mean || 1));
}

/** Cuts a batch of crops out of the pairs, half of them mirrored. */
function drawBatch(
  pairs: readonly Pair[],
  { width, height }: { readonly width: number; readonly height: number },
  random: RandomStream,
) {
  const crop = {
    width: Math.min(width, MOST_CROP.width),
    height: Math.min(height, MOST_CROP.height),
  };
  const pixels = crop.width * crop.height;
  const count = Math.max(1, Math.min(16, Math.round(STEP_PIXELS / pixels)));
  const frames = new Uint8Array(count * pixels * 3);
  const labels = new Uint8Array(count * pixels);
  for (let n = 0; n < count; n += 1) {
    const pair = pairs[random.integer(0, pairs.length - 1)]!;
    const left = random.integer(0, width - crop.width);
    const top = random.integer(0, height - crop.height);
    const isMirrored = random.uniform() < 0.5;
    for (let i = 0; i < pixels; i += 1) {
      const [x, y] = [i % crop.width, Math.floor(i / crop.width)];
      const from = (top + y) * width + left + (isMirrored ? crop.width - 1 - x : x);
      const to = n * pixels + i;
      labels[to] = pair.labels[from]!;
      frames.set(pair.frame.subarray(3 * from, 3 * from + 3), 3 * to);
    }
  }
  return { frames, labels, shape: [count, crop.height, crop.width] };
}

/**
 * Trains a segmenter on real frames and their label maps: a few hundred steps on crops of them, some ten seconds on two
 * cores at whatever size. The same data and seed give the same one.
 * @throws FrameloomError cancelled; bad-data without training frames; as readFrames
 */
export async function trainSegmenter(
  dataset: Dataset,
  { seed, steps = STEPS, signal, onTraining }: SegmenterTraining,
): Promise<TrainedSegmenter> {
  // Nothing need have run a network before.
  registerKernels();
  const { layout, width, height } = dataset;
  const pairs = await readPairs(dataset, signal);
  const network = createSegmenter(layout.channels);
  const weights = tf.tensor1d(classWeights(pairs, layout.channels));
  let flat = tf.tensor1d(network.layout.initialize(seed));
  let moments: AdamState = { mean: tf.zerosLike(flat), square: tf.zerosLike(flat) };
  const release = (): void => tf.dispose([flat, moments.mean, moments.square, weights]);
  try {
    for (let step = 0; step < steps; step += 1) {
      assertGoingOn(signal);
      const batch = drawBatch(pairs, dataset, randomStream(seed, 'eval', `segmenter/${step}`));
      const frames = bytesToTensor(batch.frames, [...batch.shape, 3]) as tf.Tensor4D;
      const labels = conditionToTensor(batch.labels, batch.shape, layout);
      const rate = RATE * (1 - step / steps);
      const { value, gradients } = valueAndGradients(() => {
        const scores = network.logits(network.layout.unflatten(flat), frames);
        const likely = tf.logSoftmax(scores);
        const wanted = tf.mul(labels, weights);
        return tf.neg(tf.div(tf.sum(tf.mul(wanted, likely)), tf.add(tf.sum(wanted), 1e-6)));
      }, [flat]);
      const next = adamUpdate(flat, gradients[0] as tf.Tensor1D, moments, {
        ...DECAY,
        ...adamRate(rate, DECAY, step),
      });
      tf.dispose([flat, moments.mean, moments.square, value, ...gradients, frames, labels]);
      flat = next.parameters;
      moments = next.state;
      onTraining?.(step + 1, steps);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    release();
    throw error;
  }
  tf.dispose([moments.mean, moments.square, weights]);
  return {
    async labels(rgb) {
      const labels = tf.tidy(() => {
        const frame = bytesToTensor(rgb, [1, height, width, 3]) as tf.Tensor4D;
        const scores = network.logits(network.layout.unflatten(flat), frame);
        return tf.argMax(scores, 3);
      });
      return Uint8Array.from(await readOnce(labels));
    },
    dispose: () => flat.dispose(),
  };
}

/** One segmenter for all runs that are judged by the same classes at the same size: it is trained once. */
export class SharedSegmenter {
  #held: { readonly key: string; readonly segmenter: TrainedSegmenter } | undefined;

  /** @param steps that it is trained; as trainSegmenter unless given */
  constructor(private readonly steps?: number) {}

  /**
   * @param dataset what is trained on, where there is none yet
   * @throws FrameloomError as trainSegmenter
   */
  async of(dataset: Dataset, training: SegmenterTraining): Promise<TrainedSegmenter> {
    const { width, height, layout } = dataset;
    const key = JSON.stringify([width, height, layout.channels, layout.classNames]);
    if (this.#held?.key !== key) {
      this.dispose();
      this.#held = {
        key,
        segmenter: await trainSegmenter(dataset, { steps: this.steps, ...training }),
      };
    }
    return this.#held.segmenter;
  }

  dispose(): void {
    this.#held?.segmenter.dispose();
    this.#held = undefined;
  }
}
