import type { Dataset } from '../../clips/index.js';
import { createMeanImage, createNearestCondition, imageFromBytes } from '../../metrics/index.js';
import { assertGoingOn } from './abortable.js';
import { framesOf } from './held-out-frames.js';
import { conditionImage } from './pictures.js';

/** Frames of a stretch: as many as are read at once. */
const STRETCH_FRAMES = 32;

/** Frames in a row of a clip. */
interface Stretch {
  readonly clip: number;
  readonly start: number;
  readonly count: number;
}

/**
 * The training frames that baselines learn from: all, or stretches evenly spread over all clips.
 * @param mostFrames at the most so many
 */
export function trainingStretches(
  clips: readonly { readonly train: { readonly start: number; readonly end: number } }[],
  mostFrames: number,
): Stretch[] {
  const stretches = clips.flatMap(({ train: { start, end } }, clip) =>
    Array.from({ length: Math.max(0, Math.ceil((end - start) / STRETCH_FRAMES)) }, (_, i) => {
      const from = start + i * STRETCH_FRAMES;
      return { clip, start: from, count: Math.min(STRETCH_FRAMES, end - from) };
    }),
  );
  const most = Math.max(1, Math.floor(mostFrames / STRETCH_FRAMES));
  if (stretches.length <= most) return stretches;
  return Array.from(
    { length: most },
    (_, i) => stretches[Math.floor(((i + 0.5) * stretches.length) / most)]!,
  );
}

/** What a model is held against. */
export type Baselines = Awaited<ReturnType<typeof openBaselines>>;

/**
 * The mean of the training frames, and the lookup of the one with the most similar condition.
 * @throws FrameloomError cancelled; as readFrames
 */
export async function openBaselines(
  dataset: Dataset,
  stretches: readonly Stretch[],
  { signal, onFrame }: { signal: AbortSignal | undefined; onFrame: () => void },
) {
  const size = { width: dataset.width, height: dataset.height };
  const mean = createMeanImage();
  const nearest =
    dataset.layout.content === 'none' ? null : createNearestCondition<[number, number]>();
  for (const { clip, ...part } of stretches) {
    for await (const { frame, condition, number } of framesOf(dataset, clip, part, signal)) {
      assertGoingOn(signal);
      mean.add(imageFromBytes(frame, { ...size, channels: 3 }));
      if (condition) nearest?.add(conditionImage(condition, dataset.layout, size), [clip, number]);
      onFrame();
    }
    // Frames that are in memory are read without a turn of the event loop, which signals come by.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { mean: mean.result(), nearest };
}
