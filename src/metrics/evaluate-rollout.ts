import { FrameloomError } from '../base/error.js';
import { checker, checkerRatioOf } from './checker.js';
import { assertComparable, type Image } from './image.js';
import type { FlowEstimator, FlowField } from './optical-flow.js';
import { psnr } from './psnr.js';
import { sharpness } from './sharpness.js';
import { ssim } from './ssim.js';
import { tOF } from './t-of.js';
import { temporalDifference } from './temporal-difference.js';
import { visibleMask, warpingError } from './warping-error.js';

/**
 * Means over a rollout. What compares neighbours is a mean over the pairs, and null where there
 * was none: one frame only, or no flow estimator for the last three.
 */
export interface RolloutMeasures {
  readonly frames: number;
  /** Decibels, mean over frames. */
  readonly psnr: number;
  /** −1 to 1, mean over frames. */
  readonly ssim: number;
  /** Mean |∇x| of generated over that of real; null when the real frames are flat. */
  readonly sharpnessRatio: number | null;
  /** Alternating pixels of generated over those of real: above 1.5 a pattern of dots; null as above. */
  readonly checkerRatio: number | null;
  /** Mean |Δt| of the generated frames, [−1, 1] units. */
  readonly temporalDifference: number | null;
  /** Mean |Δt| of the real frames. */
  readonly realTemporalDifference: number | null;
  /** Mean square, [0, 1] units, along the flow of the real frames. */
  readonly warpingError: number | null;
  /** The same of the real frames: the floor. */
  readonly realWarpingError: number | null;
  /** Pixels. */
  readonly tOF: number | null;
  /** How the last quarter of the frames stands against the first: fading and blowing up. */
  readonly drift: RolloutDrift | null;
}

/** Last quarter of the frames minus the first; null under eight frames. */
export interface RolloutDrift {
  readonly psnr: number;
  readonly ssim: number;
  /** Of the sharpness ratios; null when the real frames of a quarter are flat. */
  readonly sharpnessRatio: number | null;
}

/** Mean |Δt| of generated over that of real: 0 frozen, above 2 boiling; null where nothing moves. */
export function motionRatio(
  measures: Pick<RolloutMeasures, 'temporalDifference' | 'realTemporalDifference'>,
): number | null {
  const { temporalDifference: made, realTemporalDifference: real } = measures;
  return made === null || real === null || real === 0 ? null : made / real;
}

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
}

export interface RolloutMeasureOptions {
  /** From `openFlow()`. Without one the warping error and tOF are left out. */
  flow?: FlowEstimator;
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
  const measures = new Map(rows.map((name) => [name, new RowMeasure(options.flow)]));
  let last: Image | undefined;
  return {
    add(generated, real) {
      for (const name of rows) assertComparable(generated[name], real);
      const pair = last === undefined ? undefined : realPair(last, real, options.flow);
      for (const name of rows) rowOf(name).add(generated[name], real, pair);
      last = copyOf(real);
    },
    result: () =>
      Object.fromEntries(rows.map((name) => [name, rowOf(name).result()])) as Record<
        Row,
        RolloutMeasures
      >,
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

interface FrameFigures {
  readonly psnr: number;
  readonly ssim: number;
  readonly sharpness: number;
  readonly realSharpness: number;
  readonly checker: number;
  readonly realChecker: number;
}

class RowMeasure {
  /** Six numbers a frame. */
  private readonly figures: FrameFigures[] = [];
  private readonly difference = new Mean();
  private readonly realDifference = new Mean();
  private readonly warping = new Mean();
  private readonly realWarping = new Mean();
  private readonly flowDistance = new Mean();
  private last: Image | undefined;

  constructor(private readonly flow: FlowEstimator | undefined) {}

  add(generated: Image, real: Image, pair: RealPair | undefined): void {
    this.figures.push({
      psnr: psnr(generated, real),
      ssim: ssim(generated, real),
      sharpness: sharpness(generated),
      realSharpness: sharpness(real),
      checker: checker(generated),
      realChecker: checker(real),
    });
    if (this.last !== undefined && pair !== undefined) this.addPair(this.last, generated, pair);
    this.last = copyOf(generated);
  }

  private addPair(previous: Image, current: Image, pair: RealPair): void {
    this.difference.add(temporalDifference(previous, current));
    this.realDifference.add(pair.temporalDifference);
    const { motion } = pair;
    if (this.flow === undefined || motion === null) return;
    this.warping.add(warpingError(previous, current, motion.backward, motion.mask));
    this.realWarping.add(motion.warpingError);
    this.flowDistance.add(tOF(this.flow.flow(previous, current), motion.forward));
  }

  result(): RolloutMeasures {
    const frames = this.figures.length;
    if (frames === 0) throw new FrameloomError('bad-data', 'no frame was measured');
    const all = summary(this.figures);
    const quarter = Math.floor(frames / 4);
    const first = summary(this.figures.slice(0, quarter));
    const last = summary(this.figures.slice(frames - quarter));
    return {
      frames,
      ...all,
      temporalDifference: this.difference.result(),
      realTemporalDifference: this.realDifference.result(),
      warpingError: this.warping.result(),
      realWarpingError: this.realWarping.result(),
      tOF: this.flowDistance.result(),
      drift:
        quarter < 2
          ? null
          : {
              psnr: last.psnr - first.psnr,
              ssim: last.ssim - first.ssim,
              sharpnessRatio:
                last.sharpnessRatio === null || first.sharpnessRatio === null
                  ? null
                  : last.sharpnessRatio - first.sharpnessRatio,
            },
    };
  }
}

function summary(figures: readonly FrameFigures[]): {
  psnr: number;
  ssim: number;
  sharpnessRatio: number | null;
  checkerRatio: number | null;
} {
  const total = (key: keyof FrameFigures): number =>
    figures.reduce((sum, figure) => sum + figure[key], 0);
  const ratio = (of: keyof FrameFigures, to: keyof FrameFigures): number | null =>
    total(to) === 0 ? null : total(of) / total(to);
  return {
    psnr: total('psnr') / figures.length,
    ssim: total('ssim') / figures.length,
    sharpnessRatio: ratio('sharpness', 'realSharpness'),
    checkerRatio: checkerRatioOf(
      total('checker') / figures.length,
      total('realChecker') / figures.length,
    ),
  };
}
