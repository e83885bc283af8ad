import type { Dataset, FrameRange, HeldOutSegment } from '../../clips/index.js';
import { FrameloomError } from '../../base/error.js';
import {
  createMeanImage,
  createNearestCondition,
  createRolloutComparison,
  imageFromBytes,
  type FlowEstimator,
  type Image,
  type RolloutMeasures,
} from '../../metrics/index.js';
import { combineMeasures } from './combine-measures.js';
import { conditionImage, conditionPicture, type Picture } from './pictures.js';
import { createSynthesizer, type Synthesizer } from '../engines/synthesizer.js';
import type { TrainedGenerator } from '../models/model.js';

/**
 * generated: rolled out from real frames. coldStart: from nothing. freeze: the last real frame seen.
 * mean: the mean training frame. nearest: the training frame with the most similar condition.
 */
export type EvaluationRow = 'generated' | 'coldStart' | 'freeze' | 'mean' | 'nearest';

export interface EvaluationOptions {
  /** Frames scored of each segment; all unless given. */
  readonly framesPerSegment?: number;
  /** The baselines and the cold start beside the rollout. Off unless given. */
  readonly baselines?: boolean;
  /** Where the baselines take their training frames from; the dataset itself unless given. */
  readonly training?: Dataset;
  /** For warping error and tOF, from `openFlow`. */
  readonly flow?: FlowEstimator;
  /** Moments of the first segment that the strip shows; none unless given. */
  readonly stripMoments?: number;
  readonly signal?: AbortSignal;
  readonly onFrame?: (done: number, total: number) => void;
}

/** The rollout's measures, and those of the rows that were asked for beside it. */
export type EvaluationRows = Partial<Record<EvaluationRow, RolloutMeasures>> & {
  generated: RolloutMeasures;
};

export interface Evaluation {
  readonly rows: EvaluationRows;
  readonly segments: number;
  readonly frames: number;
  /** condition | generated | real, one row a moment. */
  readonly strip: Picture[][];
}

type Maker = (condition: Uint8Array | null, t: number) => Promise<Image> | Image;

/** Frames read at once: bounds memory whatever the length of a segment. */
const BLOCK_FRAMES = 32;

const frameOf = (range: FrameRange, i: number): Uint8Array => {
  const bytes = range.width * range.height * 3;
  return range.frames.subarray(i * bytes, (i + 1) * bytes);
};

const conditionOf = (range: FrameRange, i: number): Uint8Array | null => {
  if (!range.condition) return null;
  const bytes = range.width * range.height * range.layout.bytesPerPixel;
  return range.condition.subarray(i * bytes, (i + 1) * bytes);
};

async function* framesOf(
  dataset: Dataset,
  clip: number,
  start: number,
  count: number,
): AsyncGenerator<{ frame: Uint8Array; condition: Uint8Array | null; number: number }> {
  for (let done = 0; done < count; done += BLOCK_FRAMES) {
    const length = Math.min(BLOCK_FRAMES, count - done);
    const range = await dataset.readFrames(clip, start + done, length);
    for (let i = 0; i < length; i += 1) {
      yield {
        frame: frameOf(range, i),
        condition: conditionOf(range, i),
        number: start + done + i,
      };
    }
  }
}

/** Conditions a frame away from each other say little that is new: the lookup takes every few. */
const trainSpans = (dataset: Dataset) =>
  dataset.report.clips.map((clip, index) => ({ clip: index, ...clip.train }));

async function openBaselines(dataset: Dataset) {
  const size = { width: dataset.width, height: dataset.height };
  const mean = createMeanImage();
  const nearest =
    dataset.layout.content === 'none' ? null : createNearestCondition<[number, number]>();
  for (const { clip, start, end } of trainSpans(dataset)) {
    for await (const { frame, condition, number } of framesOf(dataset, clip, start, end - start)) {
      mean.add(imageFromBytes(frame, { ...size, channels: 3 }));
      if (condition) nearest?.add(conditionImage(condition, dataset.layout, size), [clip, number]);
    }
  }
  return { mean: mean.result(), nearest };
}

/**
 * Rolls a generator out over the held-out segments in closed loop, its own frames fed back, and
 * measures it against the real frames. Each segment starts from its first `historyFrames` real
 * frames, which are not scored. Training's randomness is not touched.
 *
 * @throws FrameloomError bad-data when nothing is held out; cancelled
 */
export async function evaluateHeldOut(
  dataset: Dataset,
  trained: TrainedGenerator,
  options: EvaluationOptions = {},
): Promise<Evaluation> {
  const segments = dataset.heldOut();
  if (segments.length === 0) {
    throw new FrameloomError('bad-data', 'no frames are held out to evaluate on', {
      hint: 'set data.heldOut.fraction, or give another video with -i',
    });
  }
  const { width, height, layout } = dataset;
  const rgb = (frame: Uint8Array): Image => imageFromBytes(frame, { width, height, channels: 3 });
  const make = (): Synthesizer => createSynthesizer({ ...trained, width, height, layout });
  const warm = make();
  const cold = options.baselines ? make() : null;
  const source = options.training ?? dataset;
  const baselines = options.baselines ? await openBaselines(source) : null;
  const scored = (segment: HeldOutSegment): number =>
    Math.min(segment.scoredFrames, options.framesPerSegment ?? Number.POSITIVE_INFINITY);
  const total = segments.reduce((sum, segment) => sum + scored(segment), 0);
  const results: Partial<Record<EvaluationRow, RolloutMeasures>>[] = [];
  const strip: Picture[][] = [];
  let done = 0;
  try {
    for (const segment of segments) {
      const startCount = segment.frameCount - segment.scoredFrames;
      const start = await dataset.readFrames(segment.clip, segment.startFrame, startCount);
      const starts = Array.from({ length: startCount }, (_, i) => i);
      const conditions = starts.map((i) => conditionOf(start, i));
      warm.start(
        starts.map((i) => frameOf(start, i)),
        conditions.every((condition) => condition !== null) ? conditions : null,
      );
      cold?.reset();
      const lastSeen = frameOf(start, startCount - 1);
      const frozen = rgb(lastSeen);
      const makers = new Map<EvaluationRow, Maker>();
      let shown: Uint8Array = lastSeen;
      makers.set('generated', async (condition) => rgb((shown = await warm.next(condition))));
      if (baselines && cold) {
        makers.set('coldStart', async (condition) => rgb(await cold.next(condition)));
        makers.set('freeze', () => frozen);
        makers.set('mean', () => baselines.mean);
        const { nearest } = baselines;
        if (nearest) {
          makers.set('nearest', async (condition) => {
            const [clip, number] = nearest.nearest(
              conditionImage(condition!, layout, { width, height }),
            );
            return rgb(frameOf(await source.readFrames(clip, number, 1), 0));
          });
        }
      }
      const rows = [...makers.keys()];
      const comparison = createRolloutComparison(
        rows,
        options.flow === undefined ? {} : { flow: options.flow },
      );
      const count = scored(segment);
      const moments = momentsOf(count, segment === segments[0] ? (options.stripMoments ?? 0) : 0);
      let t = 0;
      const first = segment.startFrame + startCount;
      for await (const { frame, condition } of framesOf(dataset, segment.clip, first, count)) {
        if (options.signal?.aborted) {
          throw new FrameloomError('cancelled', 'the evaluation was stopped');
        }
        const made: Partial<Record<EvaluationRow, Image>> = {};
        for (const [row, maker] of makers) made[row] = await maker(condition, t);
        comparison.add(made as Record<EvaluationRow, Image>, rgb(frame));
        if (moments.has(t)) {
          const pictures: Picture[] = [shown, frame].map((data) => ({
            width,
            height,
            data: data.slice(),
          }));
          if (condition) pictures.unshift(conditionPicture(condition.slice(), layout, dataset));
          strip.push(pictures);
        }
        t += 1;
        options.onFrame?.((done += 1), total);
      }
      results.push(comparison.result());
    }
  } finally {
    warm.dispose();
    cold?.dispose();
  }
  const row = (name: EvaluationRow): RolloutMeasures | undefined => {
    const parts = results.map((result) => result[name]).filter((part) => part !== undefined);
    return parts.length === 0 ? undefined : combineMeasures(parts);
  };
  const rows: EvaluationRows = { generated: row('generated')! };
  for (const name of ['coldStart', 'freeze', 'mean', 'nearest'] as const) {
    const measures = row(name);
    if (measures) rows[name] = measures;
  }
  return {
    rows,
    segments: segments.length,
    frames: total,
    strip,
  };
}

/** `moments` times spread evenly over `count` frames, the last one included. */
function momentsOf(count: number, moments: number): Set<number> {
  const wanted = Math.min(moments, count);
  return new Set(
    Array.from({ length: wanted }, (_, i) => Math.round(((i + 1) * count) / wanted) - 1),
  );
}

const SAMPLE_FRAMES = 16;
const SAMPLE_MOMENTS = 4;

/** A few moments of a short rollout, condition | generated | real; none when nothing is held out. */
export async function sampleRows(
  dataset: Dataset,
  trained: TrainedGenerator,
): Promise<Picture[][]> {
  if (dataset.heldOut().length === 0) return [];
  const { strip } = await evaluateHeldOut(dataset, trained, {
    framesPerSegment: SAMPLE_FRAMES,
    stripMoments: SAMPLE_MOMENTS,
  });
  return strip;
}
