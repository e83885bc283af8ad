import { actionColumns, type Dataset } from '../../clips/index.js';
import { imageFromBytes, temporalDifference, type Image } from '../../metrics/index.js';
import type { Synthesizer } from '../engines/synthesizer.js';
import { createTensorFlowSynthesizer } from '../engines/tensorflow.js';
import type { TrainedGenerator } from '../models/model.js';
import { withClipLook } from '../models/looks.js';
import { assertGoingOn } from './abortable.js';
import type { Rollout } from './choose-rollouts.js';
import { readSegment } from './segment-frames.js';

/** What decides a generator's frames. */
export interface Influence {
  /**
   * Mean |G(c) − G(c′)| over mean |x − x′|, where c′ and x′ are the condition and the real frame of another
   * time of the same scene: about 1 where the condition says what is seen, 0 where it is ignored. Null
   * without condition, and where the real frames do not differ.
   */
  readonly conditionUse: number | null;
  /**
   * Mean |G(z) − G(z′)| over the same, for two draws of the noise: 0 where the generator has collapsed to one
   * answer. Null of a generator without noise, and where the real frames do not differ.
   */
  readonly diversity: number | null;
}

/** A still picture's own noise, [−1, 1] units: where real frames differ by less, nothing can be said. */
const LEAST_DIFFERENCE = 1 / 255;

/** Frames of a rollout: enough for history to take up what the condition says. */
const FRAMES = 16;
/** A key is held for a while: so many frames later something else is likely done. */
const ACTED_FRAMES = 64;

/**
 * Rolls a held-out segment out three times from the same real frames: as it is, with the conditions of
 * half the segment later, and with other noise.
 * @throws FrameloomError cancelled; as reading and generating do
 */
export async function measureInfluence(
  dataset: Dataset,
  trained: TrainedGenerator,
  rollout: Rollout,
  signal?: AbortSignal,
): Promise<Influence> {
  const hasActions = actionColumns(dataset.layout) > 0;
  const frames = Math.min(hasActions ? ACTED_FRAMES : FRAMES, rollout.frames);
  const segment = await readSegment(dataset, { ...rollout, frames }, signal);
  const { width, height, layout } = dataset;
  const shift = Math.floor(frames / 2);
  const later = (t: number): number => (t + shift) % frames;
  const hasNoise = trained.generator.options.noiseChannels > 0;
  const hasCondition = layout.content !== 'none' || hasActions;
  const styled = await withClipLook(dataset, trained, rollout.segment);
  if (shift === 0 || (!hasNoise && !hasCondition)) return { conditionUse: null, diversity: null };

  const makers: ((t: number) => Promise<Image>)[] = [];
  const synthesizers: Synthesizer[] = [];
  try {
    const add = (seed: number, timeOf: (t: number) => number): void => {
      const synthesizer = createTensorFlowSynthesizer({ ...styled, width, height, layout });
      synthesizers.push(synthesizer);
      segment.begin(synthesizer, seed);
      makers.push(async (t) => {
        const at = timeOf(t);
        const rgb = await synthesizer.next(segment.condition(at), { actions: segment.actions(at) });
        return imageFromBytes(rgb, { width, height, channels: 3 });
      });
    };
    add(trained.seed, (t) => t);
    if (hasCondition) add(trained.seed, later);
    if (hasNoise) add(trained.seed + 1, (t) => t);
    const apart = makers.map(() => 0);
    let real = 0;
    for (let t = 0; t < frames; t += 1) {
      assertGoingOn(signal);
      const [own, ...others] = await Promise.all(makers.map((make) => make(t)));
      others.forEach((other, i) => (apart[i] = apart[i]! + temporalDifference(own!, other)));
      real += temporalDifference(segment.real(t), segment.real(later(t)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const ratio = (sum: number | undefined): number | null =>
      sum === undefined || real / frames < LEAST_DIFFERENCE ? null : sum / real;
    return {
      conditionUse: hasCondition ? ratio(apart[0]) : null,
      diversity: hasNoise ? ratio(apart[hasCondition ? 1 : 0]) : null,
    };
  } finally {
    for (const synthesizer of synthesizers) synthesizer.dispose();
  }
}
