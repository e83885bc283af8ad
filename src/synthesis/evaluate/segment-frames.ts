import type { Dataset, FrameRange } from '../../clips/index.js';
import { imageFromBytes, type Image } from '../../metrics/index.js';
import type { Synthesizer } from '../engines/synthesizer.js';
import { unlessAborted } from './abortable.js';
import type { Rollout } from './choose-rollouts.js';
import { actionsOf, conditionOf, frameOf, startOf } from './held-out-frames.js';

/** The beginning of a held-out segment in memory: what a rollout starts from, and what it is measured by. */
export interface SegmentFrames {
  /** Sets a synthesizer to where the segment begins, with noise of its own. */
  begin(synthesizer: Synthesizer, seed: number): void;
  /** Frames to be generated. */
  readonly count: number;
  /** Of the i-th of these; null without condition. */
  condition(i: number): Uint8Array | null;
  /** What was done in the i-th; undefined where the generator is told nothing. */
  actions(i: number): Float32Array | undefined;
  real(i: number): Image;
}

/**
 * Reads what a short rollout takes; as many frames as the rollout has are held at once.
 * @throws FrameloomError cancelled; as readFrames
 */
export async function readSegment(
  dataset: Dataset,
  { segment, frames: count }: Rollout,
  signal: AbortSignal | undefined,
): Promise<SegmentFrames> {
  const { startFrame, count: before } = startOf(dataset, segment);
  const range: FrameRange = await unlessAborted(
    dataset.readFrames(segment.clip, startFrame, before + count),
    signal,
  );
  const { width, height } = dataset;
  const starts = Array.from({ length: before }, (_, i) => i);
  const conditions = starts.map((i) => conditionOf(range, i));
  return {
    count,
    begin(synthesizer, seed) {
      synthesizer.reset(seed);
      synthesizer.start(
        starts.map((i) => frameOf(range, i)),
        conditions.every((condition) => condition !== null) ? conditions : null,
        range.actions && starts.map((i) => actionsOf(range, i)!),
      );
    },
    condition: (i) => conditionOf(range, before + i),
    actions: (i) => actionsOf(range, before + i),
    real: (i) => imageFromBytes(frameOf(range, before + i), { width, height, channels: 3 }),
  };
}
