import { createConfusion, type Confusion } from '../../metrics/index.js';
import type { FaithfulnessContext, FaithfulnessJudge } from './faithfulness-judge.js';
import { SharedSegmenter } from './segmenter.js';

/** Frames that are looked at, of 128×72; larger ones are fewer, so that it takes as long. */
const MOST_FRAMES = 256;
const FRAME_PIXELS = 128 * 72;
const LEAST_FRAMES = 16;

/**
 * Sees the label maps of generated frames, and of the real ones beside them, by a segmenter that was trained on real
 * pairs alone. Of many frames some, evenly spread, are looked at.
 * @throws FrameloomError as training a segmenter does
 */
export async function openLabelFaithfulness(
  context: FaithfulnessContext,
): Promise<FaithfulnessJudge> {
  const { dataset, training, frames, signal, onTraining, seed } = context;
  const shared = context.segmenter ?? new SharedSegmenter();
  const segmenter = await shared.of(training, { seed, signal, onTraining });
  const { width, height, layout } = dataset;
  const most = Math.max(LEAST_FRAMES, Math.floor((MOST_FRAMES * FRAME_PIXELS) / (width * height)));
  const every = Math.max(1, Math.ceil(frames / most));
  const made = createConfusion(layout.channels);
  const real = createConfusion(layout.channels);
  let given = 0;
  let looked = 0;
  return {
    begin: () => Promise.resolve(),
    async add({ condition, generated, real: frame }) {
      const isLooked = given % every === 0;
      given += 1;
      if (!isLooked || !condition) return;
      made.add(await segmenter.labels(generated), condition);
      real.add(await segmenter.labels(frame), condition);
      looked += 1;
    },
    result() {
      if (looked === 0) return Promise.resolve(null);
      const both = (value: (of: Confusion) => number | null) => ({
        made: value(made),
        real: value(real),
      });
      const [own, theirs] = [made.ious(), real.ious()];
      return Promise.resolve({
        kind: 'labels' as const,
        frames: looked,
        meanIou: both((of) => of.meanIou()),
        accuracy: both((of) => of.accuracy()),
        classes: layout.classNames.map((name, i) => ({ name, made: own[i]!, real: theirs[i]! })),
      });
    },
    close() {
      if (shared !== context.segmenter) shared.dispose();
      return Promise.resolve();
    },
  };
}
