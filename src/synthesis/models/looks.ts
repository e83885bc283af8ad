import * as tf from '@tensorflow/tfjs-core';
import { readOnce, scoped } from '../../backend/scope.js';
import { bytesToTensor, type Dataset, type HeldOutSegment } from '../../clips/index.js';
import { registerKernels } from '../../kernels/index.js';
import type { TrainedGenerator } from './model.js';
import { MOST_STYLES, type ClipStyle } from '../../networks/clip-styles.js';

/** Frames that a clip's look is the mean of. */
export const FRAMES_OF_A_LOOK = 4;

type Look = Pick<ClipStyle, 'code' | 'deviation'>;

/**
 * What pictures look like together: the mean of their codes, and how far they lie from it. `useBackend` must have been
 * called.
 * @param pictures rgb24, all of one size
 */
export async function encodePictures(
  { generator, weights }: Pick<TrainedGenerator, 'generator' | 'weights'>,
  pictures: readonly Uint8Array[],
  { width, height }: { readonly width: number; readonly height: number },
): Promise<Look> {
  registerKernels();
  const code = scoped(() => {
    const flat = weights instanceof Float32Array ? tf.tensor1d(weights) : weights;
    const parameters = generator.weights(flat);
    const looks = tf.concat(
      pictures.map((bytes) => bytesToTensor(bytes, [1, height, width, 3]) as tf.Tensor4D),
    );
    return generator.encodeStyle(parameters, looks);
  });
  const { styleChannels } = generator.options;
  const values = await readOnce(code);
  const each = (of: (numbers: readonly number[]) => number): number[] =>
    Array.from({ length: styleChannels }, (_, i) =>
      of(pictures.map((_picture, at) => values[at * styleChannels + i]!)),
    );
  const mean = (own: readonly number[]): number =>
    own.reduce((sum, value) => sum + value, 0) / own.length;
  return {
    code: each(mean),
    deviation: each((own) => {
      const middle = mean(own);
      return Math.sqrt(mean(own.map((value) => (value - middle) ** 2)));
    }),
  };
}

/** `count` places spread evenly from `start` on; fewer where there are fewer. */
const spread = (start: number, end: number, count: number): number[] => {
  const taken = Math.min(count, end - start);
  return Array.from({ length: taken }, (_, i) =>
    Math.floor(start + ((i + 0.5) * (end - start)) / taken),
  );
};

/**
 * The look of a clip, by frames that it has to train on, or where it has none by those before one.
 * @param before of a clip without frames to train on, the first frame that may not be seen
 * @throws FrameloomError as readFrames
 */
export async function clipLook(
  dataset: Dataset,
  trained: Pick<TrainedGenerator, 'generator' | 'weights'>,
  clip: number,
  before = 1,
): Promise<Look> {
  const { train } = dataset.report.clips[clip]!;
  const span = train.end > train.start ? train : { start: 0, end: Math.max(1, before) };
  const pictures: Uint8Array[] = [];
  for (const frame of spread(span.start, span.end, FRAMES_OF_A_LOOK)) {
    pictures.push((await dataset.readFrames(clip, frame, 1)).frames);
  }
  return encodePictures(trained, pictures, dataset);
}

/**
 * The looks of the clips that a generator is trained on, of more than 64 of as many, spread over all; none of a generator
 * that is told no look.
 * @throws FrameloomError as readFrames
 */
export async function clipStyles(
  dataset: Dataset,
  trained: Pick<TrainedGenerator, 'generator' | 'weights'>,
): Promise<ClipStyle[]> {
  if (trained.generator.options.styleChannels === 0) return [];
  const { clips } = dataset.report;
  const names = new Map<string, number>();
  const styles: ClipStyle[] = [];
  const called = clips.map(({ path }) => {
    const name = path.split(/[\\/]/).at(-1)!;
    const times = (names.get(name) ?? 0) + 1;
    names.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  });
  for (const clip of spread(0, clips.length, MOST_STYLES)) {
    styles.push({ clip: called[clip]!, ...(await clipLook(dataset, trained, clip)) });
  }
  return styles;
}

/**
 * A generator that is to make the frames of a segment: with the look of its clip's own frames, where it is told one.
 * @throws FrameloomError as readFrames
 */
export async function withClipLook<T extends TrainedGenerator>(
  dataset: Dataset,
  trained: T,
  { clip, startFrame }: Pick<HeldOutSegment, 'clip' | 'startFrame'>,
): Promise<T> {
  if (trained.generator.options.styleChannels === 0) return trained;
  const { code } = await clipLook(dataset, trained, clip, startFrame);
  return { ...trained, style: Float32Array.from(code) };
}
