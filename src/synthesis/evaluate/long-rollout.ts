import type { Dataset } from '../../clips/index.js';
import {
  checker,
  checkerRatioOf,
  imageFromBytes,
  psnr,
  sharpness,
  ssim,
  type Image,
  type Interval,
} from '../../metrics/index.js';
import { createTensorFlowSynthesizer } from '../engines/tensorflow.js';
import type { GeneratorOptions } from '../../networks/index.js';
import type { TrainedGenerator } from '../models/model.js';
import { withClipLook } from '../models/looks.js';
import { assertGoingOn } from './abortable.js';
import type { Rollout } from './choose-rollouts.js';
import { readSegment } from './segment-frames.js';

/** How a long rollout changes once it has settled, for each hundred frames. */
export interface DriftSlopes {
  /** Frames that it was long. */
  readonly frames: number;
  /** Of the sharpness ratio: −0.05 loses a twentieth of the real frames' sharpness each hundred frames. */
  readonly sharpness: number | null;
  /** Of the checker ratio. */
  readonly checker: number | null;
  /** Of the mean colour's distance from the real frames', in the channel that moves most; [−1, 1] units. */
  readonly colour: number;
  /** Of PSNR, in decibels; null where that was not asked for. */
  readonly psnr: number | null;
  /** Of SSIM; null as above. */
  readonly ssim: number | null;
  /** First and last frame of the clip whose conditions were walked to and fro. */
  readonly walked: readonly [first: number, last: number];
  /** Where each slope lies with 95 % certainty; null where the rollout is too short to tell. */
  readonly intervals: Readonly<Partial<Record<DriftMeasure, Interval>>> | null;
}

export type DriftMeasure = 'sharpness' | 'checker' | 'colour' | 'psnr' | 'ssim';

/**
 * Whether anything of a frame is passed on to the next. Without memory each is made by itself: what a line through the
 * frames of a rollout rises by is then the conditions' alone.
 */
export const mayDrift = ({ historyFrames }: Pick<GeneratorOptions, 'historyFrames'>): boolean =>
  historyFrames > 0;

/** Why there is no slope where nothing may drift. */
export const NO_DRIFT = 'without memory each frame is made by itself, and nothing can drift';

/** Long enough for what grows slowly to be seen. */
const LONG_ROLLOUT_FRAMES = 240;

/** How long a rollout is made, and what is measured of it. */
export interface LongRolloutOptions {
  /** 240 unless given. */
  readonly frames?: number;
  /** PSNR and SSIM too, which take a while. Off unless given. */
  readonly isScored?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onFrame?: () => void;
}
/** Of the segment: these conditions are walked to and fro. */
const MOST_SEGMENT_FRAMES = 64;
/**
 * From real frames a generator takes some twenty to reach what it then stays at: the sharpness of the first ones is
 * partly theirs. That is no drift, and would be most of a line's slope.
 */
const SETTLING_FRAMES = 48;

/**
 * Rolls a generator out for longer than what is held out, to see whether it fades, sharpens into dots or
 * changes colour: over the conditions of a segment, forwards and backwards again and again, each frame beside
 * the real one of its time. A line fitted through each measure, once the rollout has settled, gives its slope.
 * @throws FrameloomError cancelled; as reading and generating do
 */
export async function measureDrift(
  dataset: Dataset,
  trained: TrainedGenerator,
  rollout: Rollout,
  { frames = LONG_ROLLOUT_FRAMES, isScored = false, signal, onFrame }: LongRolloutOptions = {},
): Promise<DriftSlopes> {
  const most = Math.min(MOST_SEGMENT_FRAMES, rollout.frames);
  const segment = await readSegment(dataset, { ...rollout, frames: most }, signal);
  const { width, height, layout } = dataset;
  const styled = await withClipLook(dataset, trained, rollout.segment);
  const synthesizer = createTensorFlowSynthesizer({ ...styled, width, height, layout });
  const numbers = (): number[] => [];
  const series = {
    ...{ sharpness: numbers(), checker: numbers(), psnr: numbers(), ssim: numbers() },
    colours: [] as number[][],
  };
  const real = Array.from({ length: most }, (_, i) => {
    const image = segment.real(i);
    return { sharpness: sharpness(image), checker: checker(image), colour: meanColour(image) };
  });
  try {
    segment.begin(synthesizer, trained.seed);
    for (let t = 0; t < frames; t += 1) {
      assertGoingOn(signal);
      const i = toAndFro(t, most);
      const rgb = await synthesizer.next(segment.condition(i), { actions: segment.actions(i) });
      const image = imageFromBytes(rgb, { width, height, channels: 3 });
      const beside = real[i]!;
      series.sharpness.push(sharpness(image) / beside.sharpness);
      series.checker.push(checkerRatioOf(checker(image), beside.checker));
      series.colours.push(
        meanColour(image).map((value, channel) => value - beside.colour[channel]!),
      );
      if (isScored) {
        const frame = segment.real(i);
        series.psnr.push(psnr(image, frame));
        series.ssim.push(ssim(image, frame));
      }
      onFrame?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    synthesizer.dispose();
  }
  const { from, to } = settledPart(frames, most);
  const slopeOf = (values: readonly number[]): number => slope(values.slice(from, to));
  const channels = [0, 1, 2].map((channel) => series.colours.map((of) => of[channel]!));
  const colours = channels.reduce((most, one) =>
    Math.abs(slopeOf(one)) > Math.abs(slopeOf(most)) ? one : most,
  );
  const { sharpness: sharpnesses, checker: checkers, psnr: psnrs, ssim: ssims } = series;
  const measured = { sharpness: sharpnesses, checker: checkers, colour: colours };
  const scored = isScored && { psnr: psnrs, ssim: ssims };
  const intervals = Object.entries({ ...measured, ...scored }).flatMap(([name, values]) => {
    const interval = slopeInterval(values.slice(from, to), 2 * wayOf(most));
    return interval ? [[name, interval] as const] : [];
  });
  const { startFrame, frameCount, scoredFrames } = rollout.segment;
  const first = startFrame + frameCount - scoredFrames;
  return {
    frames,
    sharpness: finite(slopeOf(sharpnesses)),
    checker: finite(slopeOf(checkers)),
    colour: slopeOf(colours),
    psnr: isScored ? slopeOf(psnrs) : null,
    ssim: isScored ? slopeOf(ssims) : null,
    walked: [first, first + most - 1],
    intervals: intervals.length === 0 ? null : Object.fromEntries(intervals),
  };
}

/** Frames from one end of the conditions to the other. */
const wayOf = (count: number): number => Math.max(1, count - 1);

/** 0 1 2 3 2 1 0 1 … over so many. */
export const toAndFro = (t: number, count: number): number => {
  if (count === 1) return 0;
  const period = 2 * (count - 1);
  const at = t % period;
  return at < count ? at : period - at;
};

/**
 * The frames of a rollout that lines are fitted through: what is settled, and of that whole ways to and fro. Over
 * these, what only comes from the conditions is the same forwards and backwards, and has no slope. Where that is
 * too long, or the rollout too short, all of it but the first quarter at the most.
 * @param frames of the rollout
 * @param count of the conditions that are walked to and fro
 */
export function settledPart(frames: number, count: number): { from: number; to: number } {
  const way = wayOf(count);
  const from = way * Math.ceil(SETTLING_FRAMES / way);
  const ways = 2 * Math.floor((frames - 1 - from) / (2 * way));
  if (ways > 0) return { from, to: from + ways * way + 1 };
  return { from: Math.min(SETTLING_FRAMES, Math.floor(frames / 4)), to: frames };
}

/** Real frames that are flat leave no ratio. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

function meanColour({ data, channels }: Image): number[] {
  const sums = Array.from({ length: channels }, () => 0);
  for (let i = 0; i < data.length; i += 1) sums[i % channels]! += data[i]!;
  return sums.map((sum) => (sum * channels) / data.length);
}

/** Of the line through values at 0, 1, 2 … that lies nearest to them (least squares); for 100 of them. */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  let above = 0;
  let below = 0;
  for (const [t, value] of values.entries()) {
    above += (t - middle) * value;
    below += (t - middle) ** 2;
  }
  return below === 0 ? 0 : (100 * above) / below;
}

/** Fewer means than this say little of how far they lie from a line. */
const FEWEST_MEANS = 6;

/**
 * Between which slopes the true one lies with 95 % certainty, by Student's t. What a frame is off its line its
 * neighbours are too, and each condition comes again: the line is fitted through means over whole ways to and fro, which
 * are independent of each other as long as a generator forgets within one.
 * @param period frames of a way to and fro
 * @returns null where there are too few of them, or no numbers
 */
export function slopeInterval(values: readonly number[], period: number): Interval | null {
  const size = period * Math.ceil(SETTLING_FRAMES / period);
  const count = Math.floor(values.length / size);
  if (count < FEWEST_MEANS) return null;
  const means = Array.from({ length: count }, (_, i) => {
    const own = values.slice(i * size, (i + 1) * size);
    return own.reduce((sum, value) => sum + value, 0) / size;
  });
  const perMean = slope(means) / 100;
  const [middle, level] = [(count - 1) / 2, means.reduce((sum, mean) => sum + mean, 0) / count];
  const off = means.map((mean, i) => mean - level - perMean * (i - middle));
  const squares = off.reduce((sum, value) => sum + value ** 2, 0);
  const spread = (count * (count ** 2 - 1)) / 12;
  const error = Math.sqrt(squares / (count - 2) / spread);
  const [line, half] = [perMean, studentT(count - 2) * error].map((x) => (100 * x) / size);
  if (!Number.isFinite(line) || !Number.isFinite(half)) return null;
  return [line! - half!, line! + half!];
}

/** What Student's t is below in 97.5 % of the cases, to a hundredth from four degrees of freedom on (Fisher & Cornish 1960). */
function studentT(freedom: number): number {
  const z = 1.959964;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ];
  return terms.reduce((sum, term, i) => sum + term / freedom ** (i + 1), z);
}
