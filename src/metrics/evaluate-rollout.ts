import { FrameloomError } from '../base/error.js';
import { checker } from './checker.js';
import {
  createFlickerMeter,
  flickerRatio,
  type FlickerMeter,
  type FlickerPowers,
} from './flicker.js';
import { assertComparable, type Image } from './image.js';
import type { FlowEstimator, FlowField } from './optical-flow.js';
import { psnr } from './psnr.js';
import {
  intervalsOf,
  scoreOf,
  summaryOf,
  type FrameScores,
  type RolloutDrift,
  type RolloutMeasures,
} from './rollout-measures.js';
import { sharpness } from './sharpness.js';
import { ssim } from './ssim.js';
import { tOF } from './t-of.js';
import { temporalDifference } from './temporal-difference.js';
import { visibleMask, warpingError } from './warping-error.js';

/** Takes frames in order, holds one pair of them, and sums. */
export interface RolloutMeasure {
  /** @throws FrameloomError bad-shape */
  add(generated: Image, real: Image): void;
  /** @throws FrameloomError bad-data when nothing was added */
  result(): RolloutMeasures;
}

/** The same for several ways to make the frames; the real frames' flow is found once for all. */
export interface RolloutComparison<Row extends string> {
  /** @throws FrameloomError bad-shape */
  add(generated: Readonly<Record<Row, Image>>, real: Image): void;
  /** @throws FrameloomError bad-data when nothing was added */
  result(): Record<Row, RolloutMeasures>;
  /** Each frame's own scores so far, in order. */
  frames(): Record<Row, readonly FrameScores[]>;
}

export interface RolloutMeasureOptions {
  /** From `openFlow()`. Without one the warping error and tOF are left out. */
  flow?: FlowEstimator;
  /** Of the draws that intervals are made of; 0 unless given. */
  seed?: number;
}

interface RealMotion {
  readonly forward: FlowField;
  readonly backward: FlowField;
  readonly mask: Uint8Array;
  readonly warpingError: number | null;
}

interface RealPair {
  readonly temporalDifference: number;
  readonly motion: RealMotion | null;
}

/** Measures a generated rollout against the real frames, frame by frame. */
export function createRolloutMeasure(options: RolloutMeasureOptions = {}): RolloutMeasure {
  const comparison = createRolloutComparison(['generated'], options);
  return {
    add: (generated, real) => comparison.add({ generated }, real),
    result: () => comparison.result().generated,
  };
}

/** Measures several rollouts against the same real frames: the generated one and baselines, say. */
export function createRolloutComparison<Row extends string>(
  rows: readonly Row[],
  options: RolloutMeasureOptions = {},
): RolloutComparison<Row> {
  const rowOf = (name: Row): RowMeasure => {
    const row = measures.get(name);
    if (row === undefined) throw new FrameloomError('bad-data', `no row is named ${name}`);
    return row;
  };
  const measures = new Map(rows.map((name) => [name, new RowMeasure(options)]));
  const flicker = createFlickerMeter();
  let last: Image | undefined;
  const ofEach = <T>(value: (row: RowMeasure) => T): Record<Row, T> =>
    Object.fromEntries(rows.map((name) => [name, value(rowOf(name))])) as Record<Row, T>;
  return {
    add(generated, real) {
      for (const name of rows) assertComparable(generated[name], real);
      const pair = last === undefined ? undefined : realPair(last, real, options.flow);
      for (const name of rows) rowOf(name).add(generated[name], real, pair);
      flicker.add(real);
      last = copyOf(real);
    },
    result() {
      const powers = flicker.result();
      return ofEach((row) => row.result(powers));
    },
    frames: () => ofEach((row) => [...row.frames]),
  };
}

/**
 * Measures two sequences of the same length in one pass.
 * @throws FrameloomError bad-data when one ends before the other, or both are empty; bad-shape
 */
export async function evaluateRollout(
  generated: Iterable<Image> | AsyncIterable<Image>,
  real: Iterable<Image> | AsyncIterable<Image>,
  options: RolloutMeasureOptions = {},
): Promise<RolloutMeasures> {
  const measure = createRolloutMeasure(options);
  const reals = iteratorOf(real);
  let count = 0;
  try {
    for await (const image of generated) {
      const next = await reals.next();
      if (next.done) throw unequal(`only ${count} real`);
      measure.add(image, next.value);
      count += 1;
    }
    if (!(await reals.next()).done) throw unequal(`only ${count} generated`);
  } finally {
    await reals.return?.();
  }
  return measure.result();
}

const unequal = (what: string): FrameloomError =>
  new FrameloomError('bad-data', `generated and real frames differ in number: ${what}`);

function iteratorOf(images: Iterable<Image> | AsyncIterable<Image>): AsyncIterator<Image> {
  async function* each(): AsyncGenerator<Image, void> {
    yield* images;
  }
  return each();
}

/** Callers may reuse a frame's buffer for the next frame. */
const copyOf = (image: Image): Image => ({ ...image, data: image.data.slice() });

function realPair(previous: Image, current: Image, flow: FlowEstimator | undefined): RealPair {
  const difference = temporalDifference(previous, current);
  if (flow === undefined) return { temporalDifference: difference, motion: null };
  const backward = flow.flow(current, previous);
  const forward = flow.flow(previous, current);
  const mask = visibleMask(backward, forward);
  return {
    temporalDifference: difference,
    motion: {
      forward,
      backward,
      mask,
      warpingError: warpingError(previous, current, backward, mask),
    },
  };
}

/** A mean of what was defined: an empty mask (a cut) has no warping error. NaN stays NaN. */
class Mean {
  private sum = 0;
  private count = 0;
  add(value: number | null): void {
    if (value === null) return;
    this.sum += value;
    this.count += 1;
  }
  result(): number | null {
    return this.count === 0 ? null : this.sum / this.count;
  }
}

class RowMeasure {
  /** Six numbers a frame. */
  readonly frames: FrameScores[] = [];
  private readonly flicker: FlickerMeter = createFlickerMeter();
  private readonly difference = new Mean();
  private readonly realDifference = new Mean();
  private readonly warping = new Mean();
  private readonly realWarping = new Mean();
  private readonly flowDistance = new Mean();
  private last: Image | undefined;

  constructor(private readonly options: RolloutMeasureOptions) {}

  add(generated: Image, real: Image, pair: RealPair | undefined): void {
    this.frames.push({
      psnr: psnr(generated, real),
      ssim: ssim(generated, real),
      sharpness: sharpness(generated),
      realSharpness: sharpness(real),
      checker: checker(generated),
      realChecker: checker(real),
    });
    if (this.last !== undefined && pair !== undefined) this.addPair(this.last, generated, pair);
    this.flicker.add(generated);
    this.last = copyOf(generated);
  }

  private addPair(previous: Image, current: Image, pair: RealPair): void {
    this.difference.add(temporalDifference(previous, current));
    this.realDifference.add(pair.temporalDifference);
    const { motion } = pair;
    const { flow } = this.options;
    if (flow === undefined || motion === null) return;
    this.warping.add(warpingError(previous, current, motion.backward, motion.mask));
    this.realWarping.add(motion.warpingError);
    this.flowDistance.add(tOF(flow.flow(previous, current), motion.forward));
  }

  /** @param realFlicker of the real frames */
  result(realFlicker: FlickerPowers | null): RolloutMeasures {
    const own = this.flicker.result();
    const measures = {
      frames: this.frames.length,
      ...summaryOf(this.frames),
      temporalDifference: this.difference.result(),
      realTemporalDifference: this.realDifference.result(),
      flicker: own && realFlicker && flickerRatio(own, realFlicker),
      warpingError: this.warping.result(),
      realWarpingError: this.realWarping.result(),
      tOF: this.flowDistance.result(),
      drift: this.drift(),
    };
    return {
      ...measures,
      score: scoreOf(measures),
      intervals: intervalsOf([this.frames], this.options.seed ?? 0),
    };
  }

  private drift(): RolloutDrift | null {
    const quarter = Math.floor(this.frames.length / 4);
    if (quarter < 2) return null;
    const first = summaryOf(this.frames.slice(0, quarter));
    const last = summaryOf(this.frames.slice(-quarter));
    return {
      psnr: last.psnr - first.psnr,
      ssim: last.ssim - first.ssim,
      sharpnessRatio:
        last.sharpnessRatio === null || first.sharpnessRatio === null
          ? null
          : last.sharpnessRatio - first.sharpnessRatio,
    };
  }
}
