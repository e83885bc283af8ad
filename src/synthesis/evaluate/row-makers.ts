import type { Dataset } from '../../clips/index.js';
import { imageFromBytes, type Image } from '../../metrics/index.js';
import type { Synthesizer } from '../engines/synthesizer.js';
import type { openBaselines } from './baselines.js';
import { frameOf } from './held-out-frames.js';
import { conditionImage } from './pictures.js';

/**
 * generated: rolled out from real frames. coldStart: from nothing. freeze: the last real frame seen.
 * mean: the mean training frame. nearest: the training frame with the most similar condition.
 */
export type EvaluationRow = 'generated' | 'coldStart' | 'freeze' | 'mean' | 'nearest';

/** What makes the next frame of a row. */
export type RowMaker = (
  condition: Uint8Array | null,
  actions: Float32Array | undefined,
) => Promise<Image> | Image;

/** What rows beside the rollout are made with. */
export interface BesideRollout {
  /** Null where the cold start stands beside it alone. */
  readonly baselines: Awaited<ReturnType<typeof openBaselines>> | null;
  /** A synthesizer that has seen nothing. */
  readonly cold: Synthesizer;
  /** Where the baselines take their training frames from. */
  readonly source: Dataset;
}

/** Bytes of a frame as a picture to measure. */
export const imageOf = (
  frame: Uint8Array,
  { width, height }: Pick<Dataset, 'width' | 'height'>,
): Image => imageFromBytes(frame, { width, height, channels: 3 });

/**
 * The rows that stand beside a rollout, each by itself.
 * @param lastSeen the last real frame before the rollout; null where none was: nothing to freeze, and no other start
 */
export function makersBeside(
  { baselines, cold, source }: BesideRollout,
  dataset: Dataset,
  lastSeen: Uint8Array | null,
): Map<EvaluationRow, RowMaker> {
  const { width, height, layout } = dataset;
  const makers = new Map<EvaluationRow, RowMaker>();
  // Where nothing was before, the rollout itself begins with nothing.
  if (lastSeen) {
    makers.set('coldStart', async (condition, actions) =>
      imageOf(await cold.next(condition, { actions }), dataset),
    );
  }
  if (!baselines) return makers;
  const { mean, nearest } = baselines;
  if (lastSeen) {
    const frozen = imageOf(lastSeen, dataset);
    makers.set('freeze', () => frozen);
  }
  makers.set('mean', () => mean);
  if (nearest) {
    makers.set('nearest', async (condition) => {
      const [clip, number] = nearest.nearest(conditionImage(condition!, layout, { width, height }));
      return imageOf(frameOf(await source.readFrames(clip, number, 1), 0), dataset);
    });
  }
  return makers;
}
