import * as tf from '@tensorflow/tfjs-core';
import { numbered, ordered, type NamedTensors } from '../backend/graph/index.js';
import {
  foldTime,
  frameAt,
  frameRuns,
  unfoldTime,
  type Discriminators,
} from '../networks/index.js';
import { realWindow, type RealSide } from './generator-loss.js';
import { microBatches } from './micro-batch.js';
import type { LossOptions } from './options.js';
import type { RolledOut } from './rollout.js';

/** What a step's losses are made of, the same for all parts. */
export interface JudgedStep {
  readonly discriminators: Discriminators;
  readonly real: RealSide;
  readonly out: RolledOut;
  readonly losses: LossOptions;
  readonly judgeRaw: boolean;
}

/** Times `from` … `to` − 1 of frames that are folded into the batch, [N·(to − from), H, W, C]. */
export function timesOf(
  folded: tf.Tensor4D,
  samples: number,
  from: number,
  to: number,
): tf.Tensor4D {
  const window = unfoldTime(folded, samples);
  return foldTime(tf.slice(window, [0, from, 0, 0, 0], [-1, to - from, -1, -1, -1]));
}

export const folded = (frames: readonly tf.Tensor4D[]): tf.Tensor4D =>
  foldTime(tf.stack([...frames], 1) as tf.Tensor5D);

export const repeated = (x: tf.Tensor4D, times: number): tf.Tensor4D =>
  tf.concat(Array.from({ length: times }, () => x));

/** The runs of frames that one sequence discriminator judges, in batches. */
interface RunBatch {
  readonly stride: number;
  /** Its place among the sequence discriminators. */
  readonly judge: number;
  /** First frame of the window that it reads, and how many. */
  readonly start: number;
  readonly count: number;
  /** Its runs by all of this discriminator's, by the discriminators that have any. */
  readonly share: number;
}

/** All runs of a rollout of `frames` after `lead` frames, at most `size` of a sample in a batch. */
export function runBatches({ discriminators, real, out }: JudgedStep, size: number): RunBatch[] {
  const total = real.lead + out.frames.length;
  const judges = discriminators.sequences.flatMap(({ stride }, judge) => {
    const span = (discriminators.sequenceFrames - 1) * stride;
    const first = Math.max(0, real.lead - span);
    const runs = total - span - first;
    return runs < 1 ? [] : [{ stride, judge, span, first, runs }];
  });
  return judges.flatMap(({ stride, judge, span, first, runs }) =>
    microBatches(runs, size).map(({ from, to, share }) => ({
      ...{ stride, judge, start: first + from, count: to - from + span },
      share: share / judges.length,
    })),
  );
}

/** The real and the generated runs of a batch: what they are made of, and how. */
export function runsOf({ discriminators, real, out }: JudgedStep, batch: RunBatch) {
  const { stride, judge, start, count } = batch;
  const times = Array.from({ length: count }, (_, i) => start + i - real.lead);
  const front = times.filter((t) => t < 0).map((t) => frameAt(real.front!, t + real.lead));
  const span = (discriminators.sequenceFrames - 1) * stride;
  const inRuns = (window: tf.Tensor5D): tf.Tensor4D =>
    frameRuns(window, discriminators.sequenceFrames, stride, span)!;
  return {
    kind: `runs of judge ${judge} by ${batch.share}`,
    reads: times.filter((t) => t >= 0).map((t) => out.frames[t]!),
    given: {
      window: tf.slice(realWindow(real), [0, start, 0, 0, 0], [-1, count, -1, -1, -1]),
      ...numbered('front', front),
    },
    real: (given: NamedTensors) => inRuns(given.window as tf.Tensor5D),
    generated: (reads: readonly tf.Tensor[], given: NamedTensors) =>
      inRuns(tf.stack([...ordered('front', given), ...reads], 1) as tf.Tensor5D),
  };
}

/** The discriminators' weights and singular vectors, as the parts are given them. */
export interface Judges {
  /** [discriminators.layout.size]. */
  readonly flat: tf.Tensor1D;
  /** [discriminators.spectralNorm.layout.size]. */
  readonly vectors: tf.Tensor1D;
}
